use super::super::cause::{Cause, Change};
use super::*;
use crate::WarehouseId;

fn product(id: &str) -> ProductId {
    ProductId::parse(id).unwrap()
}

fn quantities<T: Copy>(all: &[(&str, T)]) -> BTreeMap<ProductId, T> {
    all.iter().map(|(id, n)| (product(id), *n)).collect()
}

/// A has 10, B is 2 below zero, C was only moved by orders.
fn stock() -> Stock {
    let mut stock = Stock::default();
    stock.set(product("A"), 10);
    stock.set(product("B"), -2);
    stock.apply(&crate::stock::Movement { product: product("C"), delta: 4 });
    stock
}

#[track_caller]
fn check(decided: Result<Quantities, Refused>, expected: &str) {
    let text = match decided {
        Ok(moved) => {
            let each = moved.iter().map(|(product, delta)| format!("{product} {delta:+}"));
            each.collect::<Vec<_>>().join(", ")
        }
        Err(Refused::Products(wrong)) => {
            let each = wrong.iter().map(|(product, why)| format!("{product}: {why}"));
            each.collect::<Vec<_>>().join("; ")
        }
        Err(refused) => refused.to_string(),
    };
    assert_eq!(text, expected);
}

#[test]
fn a_restock_adds_also_what_was_never_there() {
    check(restock(&stock(), &quantities(&[("A", 5), ("C", 1), ("D", 7)])), "A +5, C +1, D +7");
    check(
        restock(&stock(), &quantities(&[("A", LEVEL_MAX), ("B", 1)])),
        "A: 10 available, 1000000000000 to be added; at most 1000000000000 are allowed",
    );
}

#[test]
fn an_adjustment_takes_nothing_below_zero_and_is_all_or_nothing() {
    check(adjust(&stock(), &quantities(&[("A", -10), ("B", 1)])), "A -10, B +1");
    check(
        adjust(&stock(), &quantities(&[("A", -11), ("B", -1), ("C", -1), ("D", 1)])),
        "A: 10 available, 11 to be taken; B: -2 available, 1 to be taken; \
         C: its stock was never set; restock it, or set it first; \
         D: its stock was never set; restock it, or set it first",
    );
    check(
        adjust(&stock(), &quantities(&[("A", i64::MIN), ("B", 1)])),
        "A: 10 available, 9223372036854775807 to be taken",
    );
}

#[test]
fn a_count_is_of_what_was_there_when_it_began() {
    let counted = |all: &[(&str, i64, i64)]| {
        let one = |(id, available, expected): &(&str, i64, i64)| {
            (product(id), Counted { available: *available, expected: *expected })
        };
        all.iter().map(one).collect::<BTreeMap<_, _>>()
    };
    check(
        count(&stock(), &counted(&[("A", 8, 10), ("B", 3, -2), ("D", 5, 0)])),
        "A -2, B +5, D +5",
    );
    check(count(&stock(), &counted(&[("A", 10, 10)])), "A +0");
    check(
        count(&stock(), &counted(&[("A", 8, 9), ("B", 3, -2)])),
        "A: 10 available, not 9: the stock has moved since; count it again",
    );
}

#[test]
fn a_transfer_takes_what_is_there() {
    let none = Transfers::default();
    check(send(&stock(), &none, &quantities(&[("A", 10)])), "A -10");
    check(
        send(&stock(), &none, &quantities(&[("A", 11), ("B", 1), ("C", 1)])),
        "A: 10 available, 11 to be taken; B: -2 available, 1 to be taken; \
         C: its stock was never set; restock it, or set it first",
    );
}

#[test]
fn so_many_transfers_may_be_under_way() {
    let mut transfers = Transfers::default();
    let to = WarehouseId::parse("west").unwrap();
    for number in 1..=u64::try_from(UNFINISHED_MAX).unwrap() {
        assert!(send(&stock(), &transfers, &quantities(&[("A", 1)])).is_ok());
        let command = number.to_string();
        let cause = Cause::TransferOut { to: to.clone(), number, command, reference: None };
        transfers.apply(&Change { cause, moved: quantities(&[("A", -1)]), by: None });
    }
    assert_eq!(send(&stock(), &transfers, &quantities(&[("A", 1)])), Err(Refused::Unfinished));
}

#[test]
fn changes_are_written_as_people_read_them() {
    let change = Change {
        cause: Cause::Adjustment { reason: "broken".into() },
        moved: quantities(&[("A", -1)]),
        by: Some("api-token-admin".into()),
    };
    let text = r#"{"cause":{"kind":"adjustment","reason":"broken"},"moved":{"A":-1},"by":"api-token-admin"}"#;
    assert_eq!(serde_json::to_string(&change).unwrap(), text);
    assert_eq!(serde_json::from_str::<Change>(text).unwrap(), change);
}
