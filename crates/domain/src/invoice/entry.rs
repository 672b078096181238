//! What an entry of the journal of invoices holds, and the state that entries fold to.

use super::{AllSeries, Balance, Document, HeldWhat};
use crate::{OrderId, PartnerId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// For how many orders the state knows when their balances changed last. Of others it is known that it was earlier.
const TOUCHED_MAX: usize = 20_000;

/// One entry: the documents that it issues, and how the orders stand after it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Body {
    /// Facts of orders that asked for a document, in the order in which they were decided; facts that ask for
    /// nothing are passed by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// The documents, in the order of their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Made>,
    /// Each order that changed, once, as it stands after the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balances: Vec<Balance>,
    /// Of what people ask for: the token that they have, by the name of its secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A fact of an order that asked for a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its stream sequence.
    pub fact: u64,
    /// What it asks for.
    pub what: HeldWhat,
    /// Whose order.
    pub partner: PartnerId,
    /// Which order.
    pub order_id: OrderId,
    /// Which attempt.
    pub attempt: u32,
}

/// A document with its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// SHA-256 of the document's JSON, as its fact has it.
    pub hash: String,
    /// The document.
    pub document: Document,
}

/// Which order's books: partner and order.
pub type Account = (PartnerId, OrderId);

/// What the entries of a warehouse's journal fold to. How orders stand is not in it but in their facts: however many
/// there are, it stays small.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Last numbers.
    pub series: AllSeries,
    /// Decisions so far.
    pub decisions: u64,
    /// When the balances of the last orders changed: by a hash of the order, the number of the decision.
    touched: BTreeMap<u64, u64>,
    /// What is not in `touched` did not change after this decision.
    #[serde(default)]
    forgotten: u64,
}

impl State {
    /// Folds an entry.
    pub fn apply(&mut self, body: &Body) {
        self.decisions += 1;
        for Made { hash, document } in &body.documents {
            self.series.fold(document, hash.clone());
        }
        for Balance { partner, order_id, .. } in &body.balances {
            self.touched.insert(place(partner, order_id), self.decisions);
        }
        if TOUCHED_MAX < self.touched.len() {
            // The older half goes at once, so that this is seldom done.
            let mut when: Vec<u64> = self.touched.values().copied().collect();
            when.sort_unstable();
            self.forgotten = when.get(when.len() / 2).copied().unwrap_or(self.decisions);
            self.touched.retain(|_, decision| self.forgotten < *decision);
        }
    }

    /// Was nothing ever issued or held?
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.series.is_empty() && self.touched.is_empty() && self.forgotten == 0
    }

    /// Does what was read of an order after decision `at` still hold?
    #[must_use]
    pub fn holds(&self, (partner, order_id): &Account, at: u64) -> bool {
        let changed = self.touched.get(&place(partner, order_id)).copied();
        changed.unwrap_or(self.forgotten) <= at
    }
}

/// A hash of an order. Two orders with one are looked up more often than needed, and no more.
fn place(partner: &PartnerId, order_id: &OrderId) -> u64 {
    let digest = Sha256::digest(format!("{partner}\n{}", order_id.as_str()));
    digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WarehouseId;

    fn account(order: usize) -> Account {
        (PartnerId::direct(), OrderId::parse(&order.to_string()).unwrap())
    }

    fn touch(orders: impl Iterator<Item = usize>) -> Body {
        let balance = |order| {
            let (partner, order_id) = account(order);
            Balance::new(partner, order_id, WarehouseId::main())
        };
        Body { balances: orders.map(balance).collect(), ..Body::default() }
    }

    #[test]
    fn what_was_looked_up_holds_until_the_order_changes() {
        let mut state = State::default();
        state.apply(&touch(0..2));
        assert!(state.holds(&account(0), 1) && !state.holds(&account(0), 0));
        assert!(state.holds(&account(5), 0), "nothing is known of it, and nothing was forgotten");
        state.apply(&touch(1..2));
        assert!(state.holds(&account(0), 1) && !state.holds(&account(1), 1));
        let read: State = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        assert_eq!(read, state);
    }

    #[test]
    fn the_state_does_not_grow_and_what_is_forgotten_is_looked_up_again() {
        let mut state = State::default();
        for from in 0..30 {
            state.apply(&touch(from * 1_000..from * 1_000 + 1_000));
        }
        assert!(state.touched.len() <= TOUCHED_MAX);
        assert!(!state.holds(&account(0), 0) && state.holds(&account(0), 30));
        assert!(!state.holds(&account(29_999), 29) && state.holds(&account(29_999), 30));
    }
}
