//! What the journal of a warehouse folds to.

use super::{Body, Change, Transfers};
use crate::ProductId;
use crate::stock::{Movement, Stock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Stock of the built-in catalogue: what the journals of 0.1.0 begin with, and what `orderflow up` sets
/// in a new one, so that a first order can be placed.
pub const SEED: [(&str, i64); 5] =
    [("P001", 50), ("P002", 20), ("P003", 100), ("P004", 200), ("P005", 500)];

/// What the journal of a warehouse folds to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Stock now.
    pub stock: Stock,
    /// Idempotency keys of applied commands, with the number of the command, as snapshots of 0.1.0 have
    /// them. Later ones have them outside of the state.
    #[serde(default, skip_serializing)]
    pub keys: BTreeMap<String, u64>,
    /// Transfers from and to this warehouse.
    #[serde(default, skip_serializing_if = "Transfers::is_empty")]
    pub transfers: Transfers,
    /// Is an entry folded in? Snapshots of 0.1.0 do not say so, and each is of some entry.
    #[serde(default = "always")]
    begun: bool,
}

const fn always() -> bool {
    true
}

impl State {
    /// The state before any entry of a journal of 0.1.0: the seed catalogue.
    #[must_use]
    pub fn seeded() -> Self {
        let mut state = Self { begun: true, ..Self::default() };
        for (product, available) in SEED {
            let product = ProductId::parse(product).expect("the seed's ids are valid");
            state.stock.set(product, available);
        }
        state
    }

    /// `body` as it has to stand in the next entry: the first one says that nothing was in stock
    /// before it. Journals of 0.1.0, whose first entry does not say so, began with [`SEED`].
    #[must_use]
    pub fn entry(&self, body: Body) -> Body {
        if self.begun { body } else { Body::First(Box::new(body)) }
    }

    /// Is an entry folded in?
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Sets what was in stock before `body`, if that is the first entry. [`State::apply`] does it.
    pub fn begin(&mut self, body: &Body) {
        if !self.begun && !matches!(body, Body::First(_)) {
            self.stock = Self::seeded().stock;
        }
        self.begun = true;
    }

    /// Folds one entry in.
    pub fn apply(&mut self, body: &Body) {
        self.begin(body);
        for outcome in body.outcomes() {
            outcome.verdict.movements().iter().for_each(|movement| self.stock.apply(movement));
        }
        match body.content() {
            Body::Orders { checked, .. } => {
                checked.iter().for_each(|product| self.stock.check(product));
            }
            Body::Set { available, .. } => {
                for (product, available) in available {
                    self.stock.set(product.clone(), *available);
                }
            }
            Body::Change(change) => self.change(change),
            Body::First(_) | Body::Skip { .. } | Body::Shipped(_) => {}
        }
    }

    fn change(&mut self, change: &Change) {
        for (product, delta) in &change.moved {
            self.stock.apply(&Movement { product: product.clone(), delta: *delta });
            self.stock.know(product);
        }
        self.transfers.apply(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(product: &str, available: i64) -> Body {
        let product = ProductId::parse(product).unwrap();
        Body::Set { key: None, available: [(product, available)].into() }
    }

    fn products(state: &State) -> Vec<(String, i64)> {
        let items = state.stock.iter();
        let mut items: Vec<_> =
            items.map(|(product, item)| (product.to_string(), item.available)).collect();
        items.sort();
        items
    }

    #[test]
    fn a_journal_begins_without_stock_and_one_of_0_1_0_with_the_catalogue() {
        let mut state = State::default();
        let first = state.entry(set("A", 1));
        state.apply(&first);
        state.apply(&state.entry(set("B", 2)));
        assert_eq!(products(&state), [("A".into(), 1), ("B".into(), 2)]);

        let first: Body =
            serde_json::from_str(r#"{"set":{"key":"k","available":{"P001":7}}}"#).unwrap();
        let mut old = State::default();
        old.apply(&first);
        let known = [("P001", 7), ("P002", 20), ("P003", 100), ("P004", 200), ("P005", 500)];
        assert_eq!(products(&old), known.map(|(product, n)| (product.to_owned(), n)));
        assert_eq!(first.key(), Some("k"));
        assert!(matches!(old.entry(set("A", 1)), Body::Set { .. }), "it has begun");
    }

    #[test]
    fn a_snapshot_of_0_1_0_is_of_a_journal_that_has_begun() {
        let text = r#"{"stock":{"P001":{"available":3,"known":true}},"keys":{"k":7},"commands":7}"#;
        let mut state: State = serde_json::from_str(text).unwrap();
        assert_eq!(state.keys, [("k".to_owned(), 7)].into());
        state.apply(&set("A", 1));
        assert_eq!(products(&state), [("A".into(), 1), ("P001".into(), 3)]);
        let written = serde_json::to_string(&State::default()).unwrap();
        let mut again: State = serde_json::from_str(&written).unwrap();
        again.apply(&again.entry(set("A", 1)));
        assert_eq!(products(&again), [("A".into(), 1)]);
    }
}
