//! Transfers between warehouses, as the journals of both fold to: what left and has not arrived, and what came.

use super::cause::{Cause, Change};
use crate::{ProductId, WarehouseId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most transfers of a warehouse that have left and have not arrived. It bounds the state.
pub const UNFINISHED_MAX: usize = 100;

/// The transfers of one warehouse.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    /// The number of the last one to each warehouse.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sent: BTreeMap<WarehouseId, u64>,
    /// Those that have not arrived, in the order in which they left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unfinished: Vec<Transfer>,
    /// Those that came, by where from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    received: BTreeMap<WarehouseId, Received>,
}

/// A transfer that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Where to.
    pub to: WarehouseId,
    /// Its number among those from this warehouse to that one.
    pub number: u64,
    /// Which command it was.
    pub command: String,
    /// Whatever names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What left, by product; each above zero.
    pub products: BTreeMap<ProductId, i64>,
    /// Whose token asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Which transfers from one warehouse came: all up to a number, and some after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Received {
    to: u64,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    beyond: BTreeSet<u64>,
}

impl Transfers {
    /// Was nothing ever transferred?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The number of the next transfer to a warehouse.
    #[must_use]
    pub fn next(&self, to: &WarehouseId) -> u64 {
        self.sent.get(to).map_or(1, |last| last.saturating_add(1))
    }

    /// Those that left and have not arrived, in the order in which they left.
    #[must_use]
    pub fn unfinished(&self) -> &[Transfer] {
        &self.unfinished
    }

    /// Has this transfer left and not arrived?
    #[must_use]
    pub fn is_unfinished(&self, to: &WarehouseId, number: u64) -> bool {
        self.unfinished.iter().any(|transfer| (&transfer.to, transfer.number) == (to, number))
    }

    /// Did this transfer come?
    #[must_use]
    pub fn has_received(&self, from: &WarehouseId, number: u64) -> bool {
        let received = self.received.get(from);
        received.is_some_and(|it| number <= it.to || it.beyond.contains(&number))
    }

    /// Folds a change in.
    pub(super) fn apply(&mut self, change: &Change) {
        match &change.cause {
            Cause::TransferOut { to, number, command, reference } => {
                self.sent.insert(to.clone(), *number);
                let taken = |(product, delta): (&ProductId, &i64)| {
                    (product.clone(), delta.saturating_neg())
                };
                self.unfinished.push(Transfer {
                    to: to.clone(),
                    number: *number,
                    command: command.clone(),
                    reference: reference.clone(),
                    products: change.moved.iter().map(taken).collect(),
                    by: change.by.clone(),
                });
            }
            Cause::TransferIn { from, number, .. } => {
                self.received.entry(from.clone()).or_default().add(*number);
            }
            Cause::TransferDone { to, number } => {
                self.unfinished.retain(|it| (&it.to, it.number) != (to, *number));
            }
            Cause::Restock { .. } | Cause::Adjustment { .. } | Cause::Count { .. } => {}
        }
    }
}

impl Received {
    fn add(&mut self, number: u64) {
        self.beyond.insert(number);
        while self.beyond.remove(&(self.to.saturating_add(1))) {
            self.to = self.to.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warehouse(name: &str) -> WarehouseId {
        WarehouseId::parse(name).unwrap()
    }

    fn of(cause: Cause, moved: i64) -> Change {
        let product = ProductId::parse("A").unwrap();
        Change { cause, moved: [(product, moved)].into(), by: None }
    }

    fn out(number: u64) -> Change {
        let (to, command) = (warehouse("west"), format!("c{number}"));
        of(Cause::TransferOut { to, number, command, reference: None }, -3)
    }

    fn arrival(number: u64) -> Change {
        of(Cause::TransferIn { from: warehouse("main"), number, reference: None }, 3)
    }

    #[test]
    fn what_left_stays_until_it_has_arrived() {
        let mut main = Transfers::default();
        let west = warehouse("west");
        assert!(main.is_empty() && main.next(&west) == 1);
        main.apply(&out(1));
        main.apply(&out(2));
        assert_eq!((main.next(&west), main.next(&warehouse("east"))), (3, 1));
        main.apply(&of(Cause::TransferDone { to: west.clone(), number: 1 }, 0));
        assert!(!main.is_unfinished(&west, 1) && main.is_unfinished(&west, 2));
        assert_eq!(main.unfinished()[0].products.values().copied().collect::<Vec<_>>(), [3]);
        let read: Transfers = serde_json::from_str(&serde_json::to_string(&main).unwrap()).unwrap();
        assert_eq!(read, main);
    }

    #[test]
    fn what_came_is_known_for_ever_in_whatever_order_it_came() {
        let mut west = Transfers::default();
        let main = warehouse("main");
        for number in [2, 4, 1, 3, 6] {
            assert!(!west.has_received(&main, number));
            west.apply(&arrival(number));
            assert!(west.has_received(&main, number));
        }
        assert!(!west.has_received(&main, 5) && !west.has_received(&warehouse("east"), 1));
        assert_eq!(
            serde_json::to_string(&west).unwrap(),
            r#"{"received":{"main":{"to":4,"beyond":[6]}}}"#
        );
    }
}
