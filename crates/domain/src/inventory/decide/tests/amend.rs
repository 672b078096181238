//! Amendments: another content takes the place of a confirmed attempt.

use super::*;
use crate::Money;
use crate::order::{Amends, amend::Amending};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn order(lines: &[(&str, i64)]) -> Order {
    let lines: Vec<_> = lines
        .iter()
        .map(|(product, quantity)| json!({"product_id": product, "quantity": quantity, "price": 2}))
        .collect();
    let json = json!({"order_id": "1", "lines": lines});
    raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()
}

fn amends(before: &Order) -> Amends {
    let order = Some(Box::new(before.clone()));
    Amends { attempt: 1, placed: 5, decision: "d".into(), total: before.total, order }
}

/// As order-ingest places it.
fn data(order: &Order) -> Box<RawValue> {
    let amending = Amending { attempt: order.attempt, order };
    serde_json::value::to_raw_value(&amending).unwrap()
}

fn outcome(stock: &Stock, next: &Order, before: Confirmed) -> Outcome {
    let data = data(next);
    let named = Some((next.partner.clone(), next.order_id.clone()));
    let input = Input { named, looked: Lookup::Found(before), ..input(9, &data) };
    decide_all(stock, &[input]).outcomes.remove(0)
}

fn stock(products: &[(&str, i64)]) -> Stock {
    let mut stock = Stock::default();
    for (product, n) in products {
        stock.set(ProductId::parse(product).unwrap(), *n);
    }
    stock
}

fn sold() -> Order {
    order(&[("A", 4), ("B", 1), ("A", 1)])
}

/// What becomes of an amendment of [`sold`] to these lines, where so much is there.
#[track_caller]
fn check(there: &[(&str, i64)], lines: &[(&str, i64)], expected: Result<&[(&str, i64)], &str>) {
    let next = order(lines).amending(2, amends(&sold()));
    let outcome = outcome(&stock(there), &next, Confirmed::new(5, sold()));
    match (&outcome.verdict, expected) {
        (Verdict::Amended { attempt: 1, movements }, Ok(expected)) => {
            let moved: Vec<_> = movements.iter().map(|m| (m.product.as_str(), m.delta)).collect();
            assert_eq!((moved.as_slice(), outcome.in_force), (expected, None));
        }
        (Verdict::Kept(refusal), Err(expected)) => {
            assert_eq!((refusal.to_string().as_str(), outcome.in_force), (expected, Some(5)));
        }
        (verdict, _) => panic!("{verdict:?}"),
    }
    // The fact repeats the order, and not the message around it.
    let said: Order = serde_json::from_str(outcome.order.unwrap().get()).unwrap();
    assert_eq!(said, next);
}

#[test]
fn what_is_given_back_may_be_taken_again() {
    let there = [("A", 0), ("B", 0), ("C", 1)];
    check(&there, &[("A", 3), ("B", 1), ("C", 1)], Ok(&[("A", 2), ("C", -1)]));
    check(&there, &[("B", 1), ("A", 5)], Ok(&[]));
    check(&there, &[("C", 1)], Ok(&[("A", 5), ("B", 1), ("C", -1)]));
    let short = "insufficient_stock: A: 6 ordered, 5 available";
    check(&there, &[("A", 6)], Err(short));
    check(&there, &[("C", 2), ("B", 1)], Err("insufficient_stock: C: 2 ordered, 1 available"));
    check(&there, &[("D", 1)], Err("unknown_product: D"));
    // Stock that others took below zero is no reason against less.
    check(&[("A", -3), ("B", 0)], &[("A", 4), ("B", 1)], Ok(&[("A", 1)]));
}

#[test]
fn only_what_is_confirmed_and_in_the_house_is_amended() {
    let there = stock(&[("A", 9), ("B", 9)]);
    let next = || order(&[("A", 1)]).amending(2, amends(&sold()));
    let detail = |next: &Order, before: Confirmed| match outcome(&there, next, before).verdict {
        Verdict::Kept(refusal) => refusal.to_string(),
        verdict => panic!("{verdict:?}"),
    };
    let one = BTreeMap::from([(ProductId::parse("A").unwrap(), 1)]);
    let sale = || Confirmed::new(5, sold());
    let shipped = detail(&next(), Confirmed { shipped: one.clone(), ..sale() });
    assert!(
        shipped
            .starts_with("shipped: 1 of the 5 A were shipped before, so that it cannot be amended"),
        "{shipped}"
    );
    let returned = detail(&next(), Confirmed { returned: one, ..sale() });
    assert!(returned.starts_with("exceeds_sale: 1 of the 5 A were returned before"), "{returned}");
    let other = detail(&next(), Confirmed::new(7, sold()));
    assert!(other.contains("attempt 1 (message 7) is the confirmed one"), "{other}");
    let wrong_total = Amends { total: Money::ZERO, ..amends(&sold()) };
    let total = detail(&order(&[("A", 1)]).amending(2, wrong_total), sale());
    assert!(total.contains("came to 0.00, but that is 12.00"), "{total}");
    let other_lines = Some(Box::new(order(&[("A", 6)])));
    let wrong_lines = Amends { order: other_lines, ..amends(&sold()) };
    let lines = detail(&order(&[("A", 1)]).amending(2, wrong_lines), sale());
    assert!(lines.contains("what it says of attempt 1 is not what was confirmed"), "{lines}");
    let currency = Order { currency: "USD".into(), ..next() };
    assert!(detail(&currency, sale()).contains("it is in USD, but attempt 1 is in EUR"));
    let customer = raw::read(
        &json!({"order_id": "1", "product": "A", "quantity": 1, "price": 2, "customer": "c"}),
        None,
    );
    let customer = Order { customer: customer.unwrap().customer, ..next() };
    assert!(detail(&customer, sale()).contains("its customer is not that of attempt 1"));
    let early = Order { attempt: 1, ..next() };
    assert!(detail(&early, sale()).contains("attempt 1 cannot amend attempt 1"));
    let back = Confirmed::new(5, order(&[("A", -1)]));
    let of_return = amends(&order(&[("A", -1)]));
    let of_return = detail(&order(&[("A", 1)]).amending(2, of_return), back);
    assert!(of_return.contains("only a sale is amended"), "{of_return}");
}

#[test]
fn an_amendment_waits_for_what_is_confirmed_and_of_nothing_it_is_refused() {
    let next = order(&[("A", 1)]).amending(2, amends(&sold()));
    let data = data(&next);
    let named = Some((next.partner.clone(), next.order_id.clone()));
    let input = |looked| Input { named: named.clone(), looked, ..input(9, &data) };
    let there = stock(&[("A", 9)]);
    let unknown = decide(&there, &WarehouseId::main(), &[input(Lookup::Unknown)], usize::MAX);
    assert_eq!(unknown.unwrap_err(), Unknown(vec![9]));
    let refused = decide_all(&there, &[input(Lookup::Nothing)]).outcomes.remove(0);
    assert!(matches!(refused.verdict, Verdict::Refused(Refusal::Unreadable { .. })), "{refused:?}");
}

/// An order-processor that does not know amendments reads the data of the message as an order.
#[test]
fn who_does_not_know_amendments_cannot_read_one_as_an_order() {
    let next = order(&[("A", 1)]).amending(2, amends(&sold()));
    assert!(serde_json::from_str::<Order>(data(&next).get()).is_err());
    let (read, _) = crate::order::amend::placed(&data(&next)).unwrap();
    assert_eq!(read, next);
}

fn lines() -> impl Strategy<Value = Vec<(&'static str, i64)>> {
    prop::collection::vec((prop::sample::select(vec!["A", "B", "C"]), 1_i64..8), 1..5)
}

proptest! {
    /// Whatever is amended to whatever: afterwards the stock is as if only the last content had been sold, or nothing
    /// has changed; and no checked stock falls below zero.
    #[test]
    fn the_stock_is_as_if_the_last_content_alone_had_been_sold(
        there in 0_i64..20,
        contents in prop::collection::vec(lines(), 1..6),
    ) {
        let mut state = State::default();
        state.apply(&state.entry(Body::Set { key: None, available: BTreeMap::from(
            ["A", "B", "C"].map(|id| (ProductId::parse(id).unwrap(), there))) }));
        let begin = state.stock.clone();
        let mut confirmed: Option<(u64, Order)> = None;
        for (sequence, lines) in (1..).zip(&contents) {
            let next = order(lines);
            let (next, looked) = match &confirmed {
                None => (next, Lookup::Nothing),
                Some((placed, before)) => {
                    let amends = Amends { attempt: before.attempt, placed: *placed, decision: "d".into(),
                        total: before.total, order: None };
                    let known = Confirmed::new(*placed, before.clone());
                    (next.amending(before.attempt + 1, amends), Lookup::Found(known))
                }
            };
            let data = match next.amends {
                Some(_) => data(&next),
                None => serde_json::value::to_raw_value(&next).unwrap(),
            };
            let named = Some((next.partner.clone(), next.order_id.clone()));
            let input = Input { named, looked, ..input(sequence, &data) };
            let decision = decide_all(&state.stock, &[input]);
            let is_amended = confirmed.is_some();
            match &decision.outcomes[0].verdict {
                Verdict::Confirmed(_) if !is_amended => confirmed = Some((sequence, next)),
                Verdict::Amended { .. } if is_amended => confirmed = Some((sequence, next)),
                Verdict::Refused(Refusal::InsufficientStock { .. }) if !is_amended => {}
                Verdict::Kept(Refusal::InsufficientStock { requested, available, .. }) if is_amended => {
                    prop_assert!(available < requested);
                }
                verdict => prop_assert!(false, "{verdict:?}"),
            }
            let body = Body::from(decision);
            let body: Body = serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap();
            state.apply(&body);
            for id in ["A", "B", "C"] {
                let id = ProductId::parse(id).unwrap();
                let sold = confirmed.iter().flat_map(|(_, order)| &order.lines);
                let sold: i64 = sold.filter(|line| line.product_id == id).map(|line| line.quantity).sum();
                let now = state.stock.get(&id).unwrap().available;
                prop_assert_eq!(now, begin.get(&id).unwrap().available - sold);
                prop_assert!(0 <= now);
            }
        }
    }
}
