//! Made-up orders, each a function of the seed and its number.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Product and price; the first is hot.
pub(super) const PRODUCTS: [(&str, &str); 5] =
    [("P001", "19.99"), ("P002", "149.00"), ("P003", "7.50"), ("P004", "3.25"), ("P005", "0.99")];
/// Of a hundred lines, so many are of the hot product.
const HOT_PERCENT: u32 = 60;
const LINES_MAX: usize = 4;

/// Makes the messages of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maker {
    pub(super) seed: u64,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An order that was not there before.
    Fresh,
    /// Says again what the message of this number says.
    Duplicate(u64),
    /// Has the order id of the message of this number, and says something else.
    Conflict(u64),
    /// Is no order.
    Broken,
}

impl Maker {
    /// What message number `n` is: the first is fresh, and of the others 4 in 100 are duplicates, 2
    /// conflicts and 1 broken.
    pub(super) fn kind(self, n: u64) -> Kind {
        let mut rng = self.rng(n);
        let earlier = |rng: &mut Rng| {
            let from = rng.u64(..n);
            // Number 0 is fresh, so there is one.
            (0..=from).rev().find(|m| self.is_fresh(*m)).unwrap_or(0)
        };
        match rng.u8(..100) {
            _ if n == 0 => Kind::Fresh,
            0..4 => Kind::Duplicate(earlier(&mut rng)),
            4..6 => Kind::Conflict(earlier(&mut rng)),
            6 => Kind::Broken,
            _ => Kind::Fresh,
        }
    }

    fn is_fresh(self, n: u64) -> bool {
        n == 0 || 7 <= self.rng(n).u8(..100)
    }

    /// Different orders among the first `count` messages.
    pub(super) fn distinct(self, count: u64) -> u64 {
        let fresh = (0..count).filter(|n| self.is_fresh(*n)).count();
        u64::try_from(fresh).unwrap_or(u64::MAX)
    }

    /// What is sent as message number `n`.
    pub(super) fn body(self, n: u64) -> Vec<u8> {
        let order = match self.kind(n) {
            Kind::Fresh => self.order(n),
            Kind::Duplicate(of) => {
                // The same in other bytes.
                return serde_json::to_vec_pretty(&self.order(of)).expect("its keys are strings");
            }
            Kind::Conflict(of) => {
                let mut order = self.order(of);
                order.insert("region".into(), json!(format!("elsewhere-{n}")));
                order
            }
            Kind::Broken => {
                Map::from_iter([("order_id".into(), json!(n)), ("quantity".into(), json!(0))])
            }
        };
        serde_json::to_vec(&order).expect("its keys are strings")
    }

    fn order(self, n: u64) -> Map<String, Value> {
        let mut rng = self.rng(n);
        // Not the bits that say what kind of message it is.
        rng.u64(..);
        // One in thirty is a return.
        let sign = if rng.u8(..30) == 0 { -1 } else { 1 };
        let lines: Vec<Value> =
            (0..rng.usize(1..=LINES_MAX)).map(|_| line(&mut rng, sign)).collect();
        Map::from_iter([
            ("order_id".into(), json!(self.order_id(n))),
            ("customer".into(), json!({"id": format!("CUST-{:04}", rng.u32(..500))})),
            ("lines".into(), lines.into()),
            ("timestamp".into(), json!(1_700_000_000 + n / 100)),
        ])
    }

    /// The order id of message number `n`, if it is fresh.
    pub(super) fn order_id(self, n: u64) -> String {
        format!("C-{}-{n}", self.seed)
    }

    fn rng(self, n: u64) -> Rng {
        Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(n))
    }
}

fn line(rng: &mut Rng, sign: i64) -> Value {
    let hot = rng.u32(..100) < HOT_PERCENT;
    let (product, price) =
        if hot { PRODUCTS[0] } else { rng.choice(PRODUCTS).expect("there are products") };
    json!({"product_id": product, "quantity": sign * rng.i64(1..=3), "price": price})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const MAKER: Maker = Maker { seed: 7 };

    fn read(n: u64) -> Result<domain::order::Draft, Vec<domain::problem::Problem>> {
        domain::raw::read(&serde_json::from_slice(&MAKER.body(n)).unwrap(), None)
    }

    #[test]
    fn each_message_is_what_it_says() {
        let mut kinds = BTreeMap::<&str, u32>::new();
        for n in 0..5_000 {
            let kind = match MAKER.kind(n) {
                Kind::Fresh => {
                    let order = read(n).unwrap();
                    assert_eq!(order.order_id.as_str(), format!("C-7-{n}"));
                    "fresh"
                }
                Kind::Duplicate(of) => {
                    assert_eq!(MAKER.kind(of), Kind::Fresh);
                    assert_eq!(read(n).unwrap().content_hash(), read(of).unwrap().content_hash());
                    assert_ne!(MAKER.body(n), MAKER.body(of));
                    "duplicate"
                }
                Kind::Conflict(of) => {
                    let (order, first) = (read(n).unwrap(), read(of).unwrap());
                    assert_eq!(order.order_id, first.order_id);
                    assert_ne!(order.content_hash(), first.content_hash());
                    "conflict"
                }
                Kind::Broken => {
                    read(n).unwrap_err();
                    "broken"
                }
            };
            *kinds.entry(kind).or_default() += 1;
        }
        assert_eq!(MAKER.distinct(5_000), u64::from(kinds["fresh"]));
        assert!(kinds.len() == 4 && kinds.values().all(|count| *count > 20), "{kinds:?}");
    }

    #[test]
    fn the_same_seed_makes_the_same_messages() {
        assert_eq!(MAKER.body(17), MAKER.body(17));
        assert_ne!(MAKER.body(17), Maker { seed: 8 }.body(17));
    }
}
