//! The orders of a campaign: each message depends only on the seed and its number, from 0.

use bytes::BytesMut;
use chrono::DateTime;
use load::{ALL, Mix, Plan, What};
use serde_json::Value;

/// The time in all orders, in seconds since 1970.
const AT: i64 = 1_700_000_000;

/// Makes the messages of one seed.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    pub(super) seed: u64,
    plan: Plan,
}

impl Maker {
    /// Of 100 messages, 4 are duplicates, 2 conflicts and 1 broken; one in thirty orders is a return,
    /// every second of which names its sale, and six of ten lines are of one product.
    pub(super) fn new(seed: u64) -> Self {
        let mix = Mix {
            duplicates: ALL / 25,
            conflicts: ALL / 50,
            broken: ALL / 100,
            returns: ALL / 30,
            named_returns: ALL / 2,
            charges: ALL / 10,
            persons: 0,
            hot_product: ALL / 10 * 6,
            products: 5,
            lines: 4,
        };
        let at = DateTime::from_timestamp(AT, 0).unwrap_or_default();
        let plan = Plan::new(&mix, seed, vec![None], at).expect("7 in 100 are no more than all");
        Self { seed, plan }
    }

    pub(super) fn what(&self, n: u64) -> What {
        self.plan.what(n + 1).0
    }

    /// Number of different orders among the first `count` messages.
    pub(super) fn distinct(&self, count: u64) -> u64 {
        self.plan.distinct(count)
    }

    /// The body of message number `n`. A duplicate has the same content in other bytes.
    pub(super) fn body(&self, n: u64) -> Vec<u8> {
        let message = self.plan.message(n + 1, &mut BytesMut::new());
        if message.what == What::Duplicate {
            let order: Value = serde_json::from_slice(&message.body).expect("it is an order");
            return serde_json::to_vec_pretty(&order).expect("its keys are strings");
        }
        message.body.into()
    }

    /// The order id of message number `n`, if it has its own order.
    pub(super) fn order_id(&self, n: u64) -> String {
        self.plan.order_id(n + 1)
    }

    pub(super) fn products(&self) -> Vec<&str> {
        self.plan.products().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_has_the_same_content_in_other_bytes() {
        let maker = Maker::new(7);
        let read = |n| domain::raw::parse(&maker.body(n), None).unwrap();
        let duplicates: Vec<u64> = (0..500).filter(|n| maker.what(*n) == What::Duplicate).collect();
        assert!(duplicates.len() > 5, "{duplicates:?}");
        for n in duplicates {
            let of = maker.plan.what(n + 1).1 - 1;
            assert_eq!(read(n).content(), read(of).content());
            assert_ne!(maker.body(n), maker.body(of));
            assert_eq!(read(n).order_id.as_str(), maker.order_id(of));
        }
    }
}
