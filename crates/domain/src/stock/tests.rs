use super::*;
use crate::order::{Cancels, Terms};
use crate::{OrderId, raw};
use chrono::DateTime;
use serde_json::json;

fn product(text: &str) -> ProductId {
    ProductId::parse(text).unwrap()
}

fn order(lines: &[(&str, i64)], stock: StockPolicy) -> Order {
    let lines: Vec<_> = lines
        .iter()
        .map(|(product, quantity)| json!({"product_id": product, "quantity": quantity, "price": 1}))
        .collect();
    let draft = raw::read(&json!({"order_id": "A1", "lines": lines}), None).unwrap();
    draft.place(&Terms { stock, ..Terms::direct() }, DateTime::UNIX_EPOCH).unwrap()
}

#[track_caller]
fn check(policy: StockPolicy, orders: &[&[(&str, i64)]], expected: &str) {
    let mut stock = Stock::default();
    stock.set(product("A"), 10);
    stock.set(product("B"), 5);
    let mut desk = Desk::new(&stock);
    let outcomes: Vec<String> = orders
        .iter()
        .map(|lines| match desk.decide(&order(lines, policy)) {
            Ok(moves) => moves
                .iter()
                .map(|m| format!("{}{:+}", m.product, m.delta))
                .collect::<Vec<_>>()
                .join(" "),
            Err(refusal) => refusal.to_string(),
        })
        .collect();
    assert_eq!(outcomes.join("; "), expected);
}

#[test]
fn an_order_gets_all_or_nothing() {
    check(
        StockPolicy::Enforce,
        &[&[("A", 4), ("B", 6)], &[("A", 10)], &[("A", 1)]],
        "insufficient_stock: B: 6 ordered, 5 available; A-10; insufficient_stock: A: 1 ordered, 0 available",
    );
}

#[test]
fn lines_of_one_product_count_together() {
    check(
        StockPolicy::Enforce,
        &[&[("A", 6), ("A", 6)]],
        "insufficient_stock: A: 12 ordered, 10 available",
    );
}

#[test]
fn a_return_is_always_taken_and_can_be_sold_again() {
    check(StockPolicy::Enforce, &[&[("A", -2), ("Z", -1)], &[("A", 12)]], "A+2 Z+1; A-12");
}

#[test]
fn a_cancellation_moves_all_of_it_back_or_nothing() {
    let cancels = Cancels { attempt: 1, placed: 1, decision: "d".into() };
    let cancelled = |policy, lines: &[(&str, i64)]| {
        let mut stock = Stock::default();
        stock.set(product("A"), 10);
        let mut desk = Desk::new(&stock);
        match desk.decide(&order(lines, policy).cancelling(cancels.clone())) {
            Ok(moves) => moves.iter().map(|m| format!("{}{:+} ", m.product, m.delta)).collect(),
            Err(refusal) => refusal.to_string(),
        }
    };
    for policy in [StockPolicy::Enforce, StockPolicy::Ignore] {
        assert_eq!(cancelled(policy, &[("A", 4), ("Z", 1), ("A", 1)]), "A+5 Z+1 ");
    }
    assert_eq!(cancelled(StockPolicy::Enforce, &[("A", -10)]), "A-10 ");
    let kept = "insufficient_stock: A: 11 ordered, 10 available";
    for policy in [StockPolicy::Enforce, StockPolicy::IfKnown] {
        assert_eq!(cancelled(policy, &[("A", -11)]), kept);
    }
    for policy in [StockPolicy::Backorder, StockPolicy::Ignore] {
        assert_eq!(cancelled(policy, &[("A", -11), ("Z", -1)]), "A-11 Z-1 ");
    }
    let kept = "insufficient_stock: Z: 1 ordered, 0 available";
    assert_eq!(cancelled(StockPolicy::Enforce, &[("Z", -1)]), kept);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    for quantity in [i64::MIN, i64::MIN + 1, i64::MAX] {
        let mut order = order(&[("A", 1)], StockPolicy::Ignore);
        order.lines[0].quantity = quantity;
        let mut stock = Stock::default();
        stock.set(product("A"), -1);
        let refused = Desk::new(&stock).decide(&order).unwrap_err();
        assert_eq!(refused.to_string(), "quantity_overflow: A", "{quantity}");
        let cancels = Cancels { attempt: 1, placed: 1, decision: "d".into() };
        let refused = Desk::new(&stock).decide(&order.cancelling(cancels)).unwrap_err();
        assert_eq!(refused.to_string(), "quantity_overflow: A", "{quantity}");
    }
}

#[test]
fn a_refusal_says_its_code_in_text_and_json() {
    let (product, sale) = (|| product("A"), || OrderId::parse("1").unwrap());
    let refusals = [
        Refusal::UnknownProduct { product: product() },
        Refusal::InsufficientStock {
            product: product(),
            requested: 2,
            available: 1,
            checked_for_others: false,
        },
        Refusal::QuantityOverflow { product: product() },
        Refusal::Unreadable { detail: "x".into() },
        Refusal::Cancelled { attempt: 1 },
        Refusal::Skipped { detail: "x".into() },
        Refusal::ExceedsSale(Exceeded::no_sale(sale(), "x".into())),
        Refusal::ExceedsSale(Exceeded::shipped(sale(), product(), (2, 1), "x".into())),
    ];
    assert_eq!(refusals.each_ref().map(Refusal::code), Refusal::CODES);
    for refusal in refusals {
        let code = refusal.code();
        let json = serde_json::to_value(&refusal).unwrap();
        assert_eq!(json.get("code").unwrap_or(&json["reason"]), code);
        assert!(refusal.to_string().starts_with(&format!("{code}: ")));
    }
}

#[test]
fn what_is_checked_for_one_partner_never_goes_below_zero_for_another() {
    use StockPolicy::{Backorder, Enforce, IfKnown, Ignore};
    let refused = "insufficient_stock: A: 11 ordered, 10 available; another partner of this \
                   warehouse has the stock of this product checked";
    for first in [Enforce, IfKnown, Backorder, Ignore] {
        for second in [Backorder, Ignore] {
            let mut stock = Stock::default();
            stock.set(product("A"), 10);
            let mut desk = Desk::new(&stock);
            // Refused or not: it asked for the product. One that was never set has no stock.
            let asks = order(&[("A", 100), ("Z", 1)], first);
            let checked = desk.newly_checked(&asks);
            desk.check(&checked);
            let taken = desk.decide(&order(&[("A", 11)], second));
            match first {
                Enforce | IfKnown => assert_eq!(taken.unwrap_err().to_string(), refused),
                Backorder | Ignore => assert!(taken.is_ok(), "{first:?} {second:?}"),
            }
            assert_eq!(checked.contains(&product("A")), first.has_floor());
            assert!(!checked.contains(&product("Z")));
            assert_eq!(desk.newly_checked(&asks), BTreeSet::new());
        }
    }
}

#[test]
fn a_product_stays_checked_when_its_stock_is_set_and_in_a_snapshot() {
    let mut stock = Stock::default();
    stock.set(product("A"), 1);
    let before = serde_json::to_string(&stock).unwrap();
    assert_eq!(before, r#"{"A":{"available":1,"known":true}}"#, "as 0.1.0 wrote it");
    assert!(!serde_json::from_str::<Stock>(&before).unwrap().get(&product("A")).unwrap().checked);
    stock.check(&product("A"));
    stock.set(product("A"), 2);
    let again: Stock = serde_json::from_str(&serde_json::to_string(&stock).unwrap()).unwrap();
    assert_eq!(again.get(&product("A")), Some(Item { available: 2, known: true, checked: true }));
}

#[test]
fn the_policy_says_what_is_checked() {
    check(StockPolicy::Enforce, &[&[("Z", 1)]], "unknown_product: Z");
    check(StockPolicy::Backorder, &[&[("Z", 1)], &[("A", 11)]], "unknown_product: Z; A-11");
    check(StockPolicy::Ignore, &[&[("Z", 1)], &[("A", 11)]], "Z-1; A-11");
    check(
        StockPolicy::IfKnown,
        &[&[("Z", 1)], &[("A", 11)]],
        "Z-1; insufficient_stock: A: 11 ordered, 10 available",
    );
}
