mod amend;
mod returns;

use super::*;
use crate::Line;
use crate::inventory::State;
use crate::order::Terms;
use crate::raw;
use chrono::DateTime;
use serde_json::json;

fn placed_order(id: &str, quantity: i64) -> Order {
    serde_json::from_str(placed(id, "P002", quantity).get()).unwrap()
}

fn placed(id: &str, product: &str, quantity: i64) -> Box<RawValue> {
    let json = json!({"order_id": id, "product_id": product, "quantity": quantity, "price": 1});
    let order =
        raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
    serde_json::value::to_raw_value(&order).unwrap()
}

/// As the message of an order that says what it is.
fn input(sequence: u64, data: &RawValue) -> Input<'_> {
    let order: Option<Order> = serde_json::from_str(data.get()).ok();
    let named = order.map(|order| (order.partner, order.order_id));
    Input {
        sequence,
        data: Some(data),
        file: None,
        named,
        looked: Lookup::Nothing,
        sale: Lookup::Unknown,
    }
}

fn decide_all(stock: &Stock, inputs: &[Input<'_>]) -> Decision {
    decide(stock, &WarehouseId::main(), inputs, usize::MAX).unwrap()
}

#[test]
fn every_input_is_decided_and_the_fold_gives_the_stock() {
    let orders = [placed("1", "P002", 15), placed("2", "P002", 15), placed("3", "P002", -1)];
    let garbage = RawValue::from_string("{\"order_id\":1}".into()).unwrap();
    let mut inputs: Vec<_> = (1..).zip(&orders).map(|(n, data)| input(n, data)).collect();
    inputs.push(input(4, &garbage));
    inputs.push(Input { data: None, ..input(5, &garbage) });
    let mut state = State::seeded();
    let decision = decide_all(&state.stock, &inputs);
    let confirmed: Vec<_> =
        decision.outcomes.iter().map(|o| matches!(o.verdict, Verdict::Confirmed(_))).collect();
    assert_eq!(confirmed, [true, false, true, false, false]);
    let body = Body::from(decision);
    let again: Body = serde_json::from_str(&serde_json::to_string(&body).unwrap()).unwrap();
    state.apply(&again);
    assert_eq!(state.stock.get(&ProductId::parse("P002").unwrap()).unwrap().available, 6);
}

/// What the facts of `outcomes` say of an order.
fn looked_up(outcomes: &[Outcome], (partner, order_id): &(PartnerId, OrderId)) -> Lookup {
    let of_it = outcomes.iter().filter(|outcome| {
        let id = outcome.id.as_ref().unwrap();
        (&id.partner, &id.order_id) == (partner, order_id)
    });
    of_it.fold(Lookup::Nothing, |found, outcome| match &outcome.verdict {
        Verdict::Confirmed(_) | Verdict::Amended { .. } | Verdict::Returned { .. } => {
            let order = serde_json::from_str(outcome.order.as_ref().unwrap().get()).unwrap();
            Lookup::Found(Confirmed::new(outcome.sequence, order))
        }
        Verdict::Cancelled { .. } | Verdict::ReturnCancelled { .. } => Lookup::Nothing,
        Verdict::Kept(_) | Verdict::Refused(_) => found,
    })
}

#[test]
fn a_cancellation_takes_back_what_was_confirmed() {
    let (sale, back) = (placed_order("1", 5), placed_order("2", -30));
    let cancels = Cancels { attempt: 1, placed: 1, decision: "d".into() };
    let early = Cancels { attempt: 2, ..cancels.clone() };
    let orders = [
        sale.clone(),
        sale.cancelling(cancels.clone()),
        back.clone(),
        placed_order("3", 35),
        back.cancelling(Cancels { placed: 3, ..cancels }),
        sale.cancelling(early),
    ];
    let orders = orders.map(|order| serde_json::value::to_raw_value(&order).unwrap());
    let (mut state, mut outcomes) = (State::seeded(), Vec::<Outcome>::new());
    // A message of an order that is in the decision is left for the next one, with what is looked up then.
    while outcomes.len() < orders.len() {
        let rest = (1..).zip(&orders).skip(outcomes.len()).map(|(sequence, data)| {
            let input = input(sequence, data);
            Input { looked: looked_up(&outcomes, input.named.as_ref().unwrap()), ..input }
        });
        let decision = decide_all(&state.stock, &rest.collect::<Vec<_>>());
        outcomes.extend(decision.outcomes.iter().cloned());
        state.apply(&decision.into());
    }
    let said: Vec<String> = outcomes
        .iter()
        .map(|outcome| {
            let attempt = outcome.id.as_ref().unwrap().attempt;
            match &outcome.verdict {
                Verdict::Confirmed(movements) | Verdict::Returned { movements, .. } => {
                    format!("{attempt} confirmed {}", movements[0].delta)
                }
                Verdict::Cancelled { attempt: before, movements }
                | Verdict::ReturnCancelled { attempt: before, movements, .. } => {
                    format!("{attempt} cancelled {before} {}", movements[0].delta)
                }
                Verdict::Amended { attempt: before, .. } => format!("{attempt} amended {before}"),
                Verdict::Kept(refusal) => format!("{attempt} kept {}", refusal.code()),
                Verdict::Refused(refusal) => format!("{attempt} refused {refusal}"),
            }
        })
        .collect();
    let expected = [
        "1 confirmed -5",
        "2 cancelled 1 5",
        "1 confirmed 30",
        "1 confirmed -35",
        "2 kept insufficient_stock",
        "2 refused unreadable: attempt 2 cannot cancel attempt 2",
    ];
    assert_eq!(said, expected);
    assert_eq!(state.stock.get(&ProductId::parse("P002").unwrap()).unwrap().available, 15);
}

#[test]
fn a_decision_stops_before_it_grows_too_large() {
    let orders: Vec<_> = (1..=10).map(|n| placed(&n.to_string(), "P001", 1)).collect();
    let inputs: Vec<_> = (1..).zip(&orders).map(|(n, order)| input(n, order)).collect();
    let stock = State::seeded().stock;
    let main = WarehouseId::main();
    let decided = |bytes_max| decide(&stock, &main, &inputs, bytes_max).unwrap();
    // An order that is refused for its size asks for nothing.
    assert_eq!((decided(0).outcomes.len(), decided(0).checked.len()), (1, 0));
    assert_eq!((decided(3_500).outcomes.len(), decided(3_500).checked.len()), (3, 1));
    assert_eq!(decided(usize::MAX).outcomes.len(), 10);
}

#[test]
fn an_order_whose_fact_could_never_be_stored_is_refused() {
    let order = placed("1", "P001", 1);
    let inputs: Vec<_> = (1..=2).map(|sequence| input(sequence, &order)).collect();
    let stock = State::seeded().stock;
    let outcomes = decide(&stock, &WarehouseId::main(), &inputs, 800).unwrap().outcomes;
    let [outcome] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    let Verdict::Refused(Refusal::Unreadable { detail }) = &outcome.verdict else {
        panic!("{outcome:?}");
    };
    assert!(detail.ends_with("bytes, the limit is 800"), "{detail}");
    assert!(outcome.order.is_none());
}

#[test]
fn a_decision_does_not_repeat_what_makes_it_too_large() {
    let long = "\u{1}\"x".repeat(100_000);
    let data = RawValue::from_string(json!({"order_id": long}).to_string()).unwrap();
    let order = placed("1", "P001", 1);
    let stock = State::seeded().stock;
    for data in [&data, &order] {
        let file = Some(long.clone());
        let outcomes = decide_all(&stock, &[Input { file, ..input(1, data) }]).outcomes;
        assert!(serde_json::to_string(&outcomes).unwrap().len() < 5_000);
    }
}

/// What becomes of `order`, for which `confirmed` was looked up, and the pieces that move.
#[track_caller]
fn verdict(order: &Order, confirmed: Option<Confirmed>) -> (String, i64) {
    let data = serde_json::value::to_raw_value(order).unwrap();
    let main = WarehouseId::main();
    let named = Some((PartnerId::direct(), OrderId::parse("1").unwrap()));
    let looked = confirmed.map_or(Lookup::Nothing, Lookup::Found);
    let input = Input { looked, named, ..input(9, &data) };
    let decision = decide(&State::seeded().stock, &main, &[input], usize::MAX).unwrap();
    let [outcome] = &decision.outcomes[..] else { panic!("{decision:?}") };
    let moved = outcome.verdict.movements().iter().map(|movement| movement.delta).sum();
    let said = match &outcome.verdict {
        Verdict::Confirmed(_) | Verdict::Returned { .. } => "confirmed".into(),
        Verdict::Amended { .. } => "amended".into(),
        Verdict::Cancelled { .. } | Verdict::ReturnCancelled { .. } => "cancelled".into(),
        Verdict::Kept(refusal) => format!("kept {refusal}"),
        Verdict::Refused(refusal) => refusal.to_string(),
    };
    (said, moved)
}

#[test]
fn an_order_that_keeps_to_no_rule_is_refused_with_the_reason() {
    let good = placed_order("1", 5);
    assert_eq!(verdict(&good, None), ("confirmed".into(), -5));
    let quantity = |quantity| {
        let mut order = good.clone();
        order.lines[0].quantity = quantity;
        order
    };
    let two = |first, second| {
        let mut order = quantity(first);
        order.lines.push(Line { quantity: second, ..order.lines[0].clone() });
        order
    };
    let many = Order { lines: vec![good.lines[0].clone(); 1_001], ..good.clone() };
    let other = placed_order("other", 5);
    let limits = "1 to 1000000000 are allowed, below zero in a return";
    for (order, expected) in [
        (Order { lines: vec![], ..good.clone() }, "its lines cannot be used: has no lines".into()),
        (many, "its lines cannot be used: has 1001 lines, the limit is 1000".into()),
        (quantity(0), format!("lines[0].quantity is 0: {limits}")),
        (two(5, 0), format!("lines[1].quantity is 0: {limits}")),
        (quantity(i64::MIN), format!("lines[0].quantity is {}: {limits}", i64::MIN)),
        (two(6, -1), "its lines cannot be used: mix quantities above and below zero".into()),
        (quantity(-5), "its kind does not fit the signs of its quantities".into()),
        (quantity(6), "its total is 5.00, but its lines add up to 6.00".into()),
        (Order { attempt: 0, ..good.clone() }, "its attempt is 0: 1 to 1000000 are allowed".into()),
        (
            Order { attempt: u32::MAX, ..good.clone() },
            "its attempt is 4294967295: 1 to 1000000 are allowed".into(),
        ),
        (
            Order { warehouse: WarehouseId::parse("west").unwrap(), ..good.clone() },
            "it is an order of warehouse west".into(),
        ),
        (other, "it is order other of DIRECT".into()),
    ] {
        assert_eq!(verdict(&order, None), (format!("unreadable: {expected}"), 0));
    }
}

#[test]
fn an_order_whose_subject_names_none_moves_nothing() {
    let data = placed("1", "P002", 1);
    let input = Input { named: None, ..input(1, &data) };
    let outcome = decide_all(&State::seeded().stock, &[input]).outcomes.remove(0);
    assert!(outcome.id.is_none() && outcome.verdict.movements().is_empty(), "{outcome:?}");
}

#[test]
fn a_cancellation_gives_back_only_what_is_confirmed_and_once() {
    let sale = placed_order("1", 5);
    let cancels = Cancels { attempt: 1, placed: 3, decision: "d".into() };
    let confirmed = || Confirmed::new(3, sale.clone());
    let cancelling = sale.cancelling(cancels.clone());
    assert_eq!(verdict(&cancelling, Some(confirmed())), ("cancelled".into(), 5));
    let nothing = "unreadable: no attempt of it is confirmed, so there is nothing to cancel";
    assert_eq!(verdict(&cancelling, None), (nothing.into(), 0));
    let larger = placed_order("1", 6).cancelling(cancels.clone());
    let lines = "kept unreadable: its lines are not those of attempt 1, which it cancels";
    assert_eq!(verdict(&larger, Some(confirmed())), (lines.into(), 0));
    for other in [Cancels { placed: 4, ..cancels.clone() }, Cancels { attempt: 0, ..cancels }] {
        let (said, moved) = verdict(&sale.cancelling(other), Some(confirmed()));
        assert!(said.starts_with("kept unreadable: it cancels attempt") && moved == 0, "{said}");
    }
    // What was looked up holds for one of them only: the other one is for the next decision.
    let again = Order { attempt: 3, ..cancelling.clone() };
    let both = [cancelling, again].map(|order| serde_json::value::to_raw_value(&order).unwrap());
    let inputs = [input(8, &both[0]), input(9, &both[1])]
        .map(|input| Input { looked: Lookup::Found(confirmed()), ..input });
    let outcomes = decide_all(&State::seeded().stock, &inputs).outcomes;
    let moved: Vec<_> = outcomes.iter().map(|one| one.verdict.movements().len()).collect();
    assert_eq!(moved, [1], "{outcomes:?}");
}

#[test]
fn one_partners_policy_does_not_empty_the_stock_of_another() {
    use crate::partner::StockPolicy::{Backorder, Enforce, Ignore};
    let order = |id: &str, quantity, stock| {
        let order = Order { stock, ..placed_order(id, quantity) };
        serde_json::value::to_raw_value(&order).unwrap()
    };
    // Of 20 pieces, in one decision and in two: it is the same.
    let orders = [
        order("1", 15, Ignore),
        order("2", 1, Enforce),
        order("3", 5, Ignore),
        order("4", 5, Backorder),
        order("5", 4, Ignore),
    ];
    for parts in [5, 1, 2] {
        let mut state = State::seeded();
        let mut confirmed = Vec::new();
        for (number, part) in orders.chunks(parts).enumerate() {
            let inputs: Vec<_> =
                (1..).zip(part).map(|(n, data)| input(10 * number as u64 + n, data)).collect();
            let decision = decide_all(&state.stock, &inputs);
            for outcome in &decision.outcomes {
                confirmed.push(matches!(outcome.verdict, Verdict::Confirmed(_)));
            }
            state.apply(&decision.into());
        }
        assert_eq!(confirmed, [true, true, false, false, true], "{parts}");
        let item = state.stock.get(&ProductId::parse("P002").unwrap()).unwrap();
        assert_eq!((item.available, item.checked), (0, true));
    }
}

#[test]
fn what_is_refused_hides_no_confirmed_order() {
    let sale = Order { attempt: 3, ..placed_order("1", 5) };
    let confirmed = Confirmed::new(7, sale.clone());
    let short = placed_order("1", 500);
    let total = crate::Money::ZERO;
    let cancels = Cancels { attempt: 3, placed: 7, decision: "d".into() };
    let larger = Order { attempt: 9, ..placed_order("1", 6).cancelling(cancels) };
    let order = |order: Order| serde_json::to_value(order).unwrap();
    let junk = [
        json!({"no": "order"}),
        json!({"attempt": u32::MAX}),
        order(Order { attempt: 0, ..sale.clone() }),
        order(Order { attempt: 4, total, ..sale.clone() }),
        order(Order { attempt: 4, ..short.clone() }),
        // A copy of the first attempt, when the stock is gone.
        order(short),
        order(larger),
    ];
    let junk = junk.map(|json| Some(serde_json::value::to_raw_value(&json).unwrap()));
    for data in junk.into_iter().chain([None]) {
        let data = data.as_deref();
        let named = Some((PartnerId::direct(), OrderId::parse("1").unwrap()));
        let file = Some("f".to_owned());
        let input = |looked| Input {
            sequence: 9,
            data,
            file: file.clone(),
            named: named.clone(),
            looked,
            sale: Lookup::Unknown,
        };
        let (stock, main) = (State::seeded().stock, WarehouseId::main());
        let decided = |looked| decide(&stock, &main, &[input(looked)], usize::MAX);
        assert_eq!(decided(Lookup::Unknown).unwrap_err(), Unknown(vec![9]), "{data:?}");
        let refused = decided(Lookup::Nothing).unwrap().outcomes.remove(0);
        assert!(matches!(refused.verdict, Verdict::Refused(_)) && refused.in_force.is_none());
        let kept = decided(Lookup::Found(confirmed.clone())).unwrap().outcomes.remove(0);
        assert!(matches!(kept.verdict, Verdict::Kept(_)), "{kept:?}");
        let id = kept.id.unwrap();
        assert_eq!((kept.in_force, id.attempt, id.file), (Some(7), 3, None), "{data:?}");
        // Behind its order it is left for the next decision, when the order's fact is there.
        let order = serde_json::value::to_raw_value(&sale).unwrap();
        let two = [self::input(8, &order), input(Lookup::Unknown)];
        assert_eq!(decide_all(&stock, &two).outcomes.len(), 1, "{data:?}");
        let kept = || input(Lookup::Found(confirmed.clone()));
        assert_eq!(decide_all(&stock, &[kept(), kept()]).outcomes.len(), 1, "{data:?}");
    }
}

#[test]
fn nothing_is_looked_up_for_orders_that_are_confirmed() {
    let unknown = |order: &Order| {
        let data = serde_json::value::to_raw_value(order).unwrap();
        let input = Input { looked: Lookup::Unknown, ..input(1, &data) };
        decide(&State::seeded().stock, &WarehouseId::main(), &[input], usize::MAX).is_err()
    };
    let (good, short) = (placed_order("1", 5), placed_order("1", 500));
    let next = |order: &Order| Order { attempt: 2, ..order.clone() };
    assert!(!unknown(&good) && !unknown(&next(&good)));
    assert!(unknown(&short) && unknown(&next(&short)));
}
