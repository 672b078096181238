//! What the journal of a warehouse folds to.

use super::Body;
use crate::ProductId;
use crate::stock::Stock;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Stock of the built-in catalogue, so that a first order can be placed.
pub const SEED: [(&str, i64); 5] =
    [("P001", 50), ("P002", 20), ("P003", 100), ("P004", 200), ("P005", 500)];
/// Keys of commands that are remembered; a client that repeats a command does so within these.
pub const KEYS_MAX: usize = 10_000;

/// What the journal of a warehouse folds to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Stock now.
    pub stock: Stock,
    /// Idempotency keys of applied commands, with the number of the command.
    pub keys: HashMap<String, u64>,
    commands: u64,
}

impl State {
    /// The state before any entry: the seed catalogue.
    #[must_use]
    pub fn seeded() -> Self {
        let mut state = Self::default();
        for (product, available) in SEED {
            let product = ProductId::parse(product).expect("the seed's ids are valid");
            state.stock.set(product, available);
        }
        state
    }

    /// Folds one entry in.
    pub fn apply(&mut self, body: &Body) {
        for outcome in body.outcomes() {
            outcome.verdict.movements().iter().for_each(|movement| self.stock.apply(movement));
        }
        match body {
            Body::Orders { checked, .. } => {
                checked.iter().for_each(|product| self.stock.check(product));
            }
            Body::Set { key, available } => {
                for (product, available) in available {
                    self.stock.set(product.clone(), *available);
                }
                self.remember(key);
            }
            Body::Skip { key, .. } => self.remember(key),
        }
    }

    fn remember(&mut self, key: &str) {
        self.commands += 1;
        self.keys.insert(key.to_owned(), self.commands);
        if self.keys.len() > KEYS_MAX {
            let oldest = self.commands - KEYS_MAX as u64;
            self.keys.retain(|_, number| *number > oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn applied_keys_are_remembered_up_to_the_limit() {
        let mut state = State::default();
        for number in 0..=KEYS_MAX {
            state.apply(&Body::Set { key: number.to_string(), available: BTreeMap::new() });
        }
        assert_eq!(state.keys.len(), KEYS_MAX);
        assert!(!state.keys.contains_key("0") && state.keys.contains_key("1"));
    }
}
