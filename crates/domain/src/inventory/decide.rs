//! Deciding what comes in.

use super::{Body, DETAIL_MAX, FILE_BYTES_MAX, Identity, Outcome, Verdict};
use crate::order::{Cancels, Kind, Line};
use crate::stock::{Desk, Refusal, Stock};
use crate::{Order, OrderId, PartnerId, ProductId, WarehouseId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// One message of the input.
#[derive(Debug)]
pub struct Input<'a> {
    /// Stream sequence.
    pub sequence: u64,
    /// The event's `data`.
    pub data: Option<&'a RawValue>,
    /// The event's `file` extension.
    pub file: Option<String>,
    /// Partner and order that the message's subject names; nothing if it is not the subject of an
    /// order of the warehouse.
    pub named: Option<(PartnerId, OrderId)>,
    /// The attempt of the same order that is confirmed and not cancelled. Looked up for
    /// cancellations only, which are refused without it.
    pub confirmed: Option<Confirmed>,
}

/// An attempt that is confirmed and holds its stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Its number.
    pub attempt: u32,
    /// Its stream sequence.
    pub placed: u64,
    /// What was ordered.
    pub lines: Vec<Line>,
}

/// What was decided about the first of some inputs.
#[derive(Debug)]
pub struct Decision {
    /// One for each.
    pub outcomes: Vec<Outcome>,
    /// Products that become checked by it.
    pub checked: BTreeSet<ProductId>,
}

impl From<Decision> for Body {
    fn from(Decision { outcomes, checked }: Decision) -> Self {
        Self::Orders { outcomes, checked }
    }
}

impl Input<'_> {
    /// The file; nothing where it is no file's hash. A decision must fit into one message.
    fn file(&self) -> Option<String> {
        self.file.clone().filter(|file| file.len() <= FILE_BYTES_MAX)
    }
}

/// Decides `inputs` of `warehouse` in their order. Bad input is decided too: refused, with its
/// reason.
///
/// Stops before the decision grows beyond `bytes_max`, but decides at least one input: an order
/// that is too large by itself is refused, for its fact could never be stored.
#[must_use]
pub fn decide(
    stock: &Stock,
    warehouse: &WarehouseId,
    inputs: &[Input<'_>],
    bytes_max: usize,
) -> Decision {
    let mut desk = Desk::new(stock);
    let mut bytes = 0;
    let mut outcomes = Vec::with_capacity(inputs.len());
    for input in inputs {
        let (outcome, checked) = decide_one(&mut desk, warehouse, input, &outcomes);
        let size = size(&outcome, &checked);
        bytes += size;
        if bytes <= bytes_max {
            desk.check(&checked);
            outcomes.push(outcome);
            continue;
        }
        if outcomes.is_empty() {
            let detail = format!("its decision has {size} bytes, the limit is {bytes_max}");
            outcomes.push(refuse(input, &detail));
        }
        break;
    }
    Decision { outcomes, checked: desk.into_checked() }
}

/// At most so many bytes of an entry: the order as it came, and 200 bytes a movement with the
/// longest product id.
fn size(outcome: &Outcome, checked: &BTreeSet<ProductId>) -> usize {
    let order = outcome.order.as_ref().map_or(0, |order| order.get().len());
    let checked = checked.iter().map(|product| 2 * product.as_str().len() + 3);
    order + 500 + outcome.verdict.movements().len().max(1) * 200 + checked.sum::<usize>()
}

fn decide_one(
    desk: &mut Desk<'_>,
    warehouse: &WarehouseId,
    input: &Input<'_>,
    before: &[Outcome],
) -> (Outcome, BTreeSet<ProductId>) {
    let order = match read(warehouse, input) {
        Ok(order) => order,
        Err(detail) => return (refuse(input, &detail), BTreeSet::new()),
    };
    let checked = desk.newly_checked(&order);
    let verdict = match &order.cancels {
        None => match desk.decide(&order) {
            Ok(movements) => Verdict::Confirmed(movements),
            Err(refusal) => Verdict::Refused(refusal),
        },
        Some(cancels) => {
            let confirmed = confirmed(&order, input, before);
            match (wrong_cancellation(&order, cancels, confirmed.as_ref()), confirmed) {
                (Some(detail), Some(_)) => Verdict::Kept(Refusal::Unreadable { detail }),
                (Some(detail), None) => Verdict::Refused(Refusal::Unreadable { detail }),
                (None, _) => match desk.decide(&order) {
                    Ok(movements) => Verdict::Cancelled { attempt: cancels.attempt, movements },
                    Err(refusal) => Verdict::Kept(refusal),
                },
            }
        }
    };
    let id = Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: order.kind,
        attempt: order.attempt,
        file: input.file(),
    };
    let order = input.data.map(ToOwned::to_owned);
    (Outcome { sequence: input.sequence, order, id: Some(id), verdict }, checked)
}

/// The attempt of `order` that holds its stock: what was decided in this decision counts before what
/// was looked up.
fn confirmed(order: &Order, input: &Input<'_>, before: &[Outcome]) -> Option<Confirmed> {
    let same = |id: &Identity| (&id.partner, &id.order_id) == (&order.partner, &order.order_id);
    for outcome in before.iter().rev().filter(|outcome| outcome.id.as_ref().is_some_and(same)) {
        match &outcome.verdict {
            Verdict::Cancelled { .. } => return None,
            Verdict::Confirmed(_) => {
                let read = |order: &RawValue| serde_json::from_str::<Order>(order.get()).ok();
                let sold = outcome.order.as_deref().and_then(read)?;
                let (attempt, placed) = (sold.attempt, outcome.sequence);
                return Some(Confirmed { attempt, placed, lines: sold.lines });
            }
            Verdict::Refused(_) | Verdict::Kept(_) => {}
        }
    }
    input.confirmed.clone()
}

/// Why `order` cannot cancel what is confirmed.
fn wrong_cancellation(
    order: &Order,
    cancels: &Cancels,
    confirmed: Option<&Confirmed>,
) -> Option<String> {
    let Cancels { attempt, placed, .. } = cancels;
    match confirmed {
        None => Some("no attempt of it is confirmed, so there is nothing to cancel".into()),
        Some(found) if (found.attempt, found.placed) != (*attempt, *placed) => Some(format!(
            "it cancels attempt {attempt} (message {placed}), but attempt {} (message {}) is the \
             confirmed one",
            found.attempt, found.placed
        )),
        Some(found) if found.lines != order.lines => {
            Some(format!("its lines are not those of attempt {attempt}, which it cancels"))
        }
        Some(_) => None,
    }
}

fn read(warehouse: &WarehouseId, input: &Input<'_>) -> Result<Order, String> {
    let data = input.data.ok_or("the event has no data that can be read")?;
    let order: Order = serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
    let (partner, id) = input.named.as_ref().ok_or("its subject names no order")?;
    if (partner, id) != (&order.partner, &order.order_id) {
        return Err(format!("it is order {} of {}", order.order_id, order.partner));
    }
    if order.warehouse != *warehouse {
        return Err(format!("it is an order of warehouse {}", order.warehouse));
    }
    if let Some(problem) = order.problem() {
        return Err(problem);
    }
    match &order.cancels {
        Some(cancels) if order.attempt <= cancels.attempt => {
            Err(format!("attempt {} cannot cancel attempt {}", order.attempt, cancels.attempt))
        }
        _ => Ok(order),
    }
}

fn refuse(input: &Input<'_>, detail: &str) -> Outcome {
    /// The one thing that counts of what cannot be read: which attempt it ends.
    #[derive(Deserialize)]
    struct Attempt {
        attempt: u32,
    }
    let attempt = input.data.and_then(|data| serde_json::from_str(data.get()).ok());
    let id = input.named.clone().map(|(partner, order_id)| Identity {
        partner,
        order_id,
        kind: Kind::Sale,
        attempt: attempt.map_or(1, |Attempt { attempt }| attempt),
        file: input.file(),
    });
    let detail = match detail.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => detail.get(..end).unwrap_or_default().to_owned() + "…",
        None => detail.to_owned(),
    };
    let verdict = Verdict::Refused(Refusal::Unreadable { detail });
    Outcome { sequence: input.sequence, order: None, id, verdict }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
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
        Input { sequence, data: Some(data), file: None, named, confirmed: None }
    }

    fn decide_all(stock: &Stock, inputs: &[Input<'_>]) -> Decision {
        decide(stock, &WarehouseId::main(), inputs, usize::MAX)
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
        let inputs: Vec<_> = (1..).zip(&orders).map(|(n, data)| input(n, data)).collect();
        let mut state = State::seeded();
        let decision = decide_all(&state.stock, &inputs);
        let outcomes = &decision.outcomes;
        let said: Vec<String> = outcomes
            .iter()
            .map(|outcome| {
                let attempt = outcome.id.as_ref().unwrap().attempt;
                match &outcome.verdict {
                    Verdict::Confirmed(moves) => format!("{attempt} confirmed {}", moves[0].delta),
                    Verdict::Cancelled { attempt: before, movements } => {
                        format!("{attempt} cancelled {before} {}", movements[0].delta)
                    }
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
        state.apply(&decision.into());
        assert_eq!(state.stock.get(&ProductId::parse("P002").unwrap()).unwrap().available, 15);
    }

    #[test]
    fn a_decision_stops_before_it_grows_too_large() {
        let order = placed("1", "P001", 1);
        let inputs: Vec<_> = (1..=10).map(|sequence| input(sequence, &order)).collect();
        let stock = State::seeded().stock;
        let main = WarehouseId::main();
        let decided = |bytes_max| decide(&stock, &main, &inputs, bytes_max);
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
        let outcomes = decide(&stock, &WarehouseId::main(), &inputs, 800).outcomes;
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
        let input = Input { sequence: 9, data: Some(&data), file: None, named, confirmed };
        let decision = decide(&State::seeded().stock, &main, &[input], usize::MAX);
        let [outcome] = &decision.outcomes[..] else { panic!("{decision:?}") };
        let moved = outcome.verdict.movements().iter().map(|movement| movement.delta).sum();
        let said = match &outcome.verdict {
            Verdict::Confirmed(_) => "confirmed".into(),
            Verdict::Cancelled { .. } => "cancelled".into(),
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
            (
                Order { lines: vec![], ..good.clone() },
                "its lines cannot be used: has no lines".into(),
            ),
            (many, "its lines cannot be used: has 1001 lines, the limit is 1000".into()),
            (quantity(0), format!("lines[0].quantity is 0: {limits}")),
            (two(5, 0), format!("lines[1].quantity is 0: {limits}")),
            (quantity(i64::MIN), format!("lines[0].quantity is {}: {limits}", i64::MIN)),
            (two(6, -1), "its lines cannot be used: mix quantities above and below zero".into()),
            (quantity(-5), "its kind does not fit the signs of its quantities".into()),
            (quantity(6), "its total is 5.00, but its lines add up to 6.00".into()),
            (
                Order { attempt: 0, ..good.clone() },
                "its attempt is 0: 1 to 1000000 are allowed".into(),
            ),
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
        let confirmed = || Confirmed { attempt: 1, placed: 3, lines: sale.lines.clone() };
        let cancelling = sale.cancelling(cancels.clone());
        assert_eq!(verdict(&cancelling, Some(confirmed())), ("cancelled".into(), 5));
        let nothing = "unreadable: no attempt of it is confirmed, so there is nothing to cancel";
        assert_eq!(verdict(&cancelling, None), (nothing.into(), 0));
        let larger = placed_order("1", 6).cancelling(cancels.clone());
        let lines = "kept unreadable: its lines are not those of attempt 1, which it cancels";
        assert_eq!(verdict(&larger, Some(confirmed())), (lines.into(), 0));
        for other in [Cancels { placed: 4, ..cancels.clone() }, Cancels { attempt: 0, ..cancels }] {
            let (said, moved) = verdict(&sale.cancelling(other), Some(confirmed()));
            assert!(
                said.starts_with("kept unreadable: it cancels attempt") && moved == 0,
                "{said}"
            );
        }
        // Two of them in one decision, both with what was looked up before it.
        let again = Order { attempt: 3, ..cancelling.clone() };
        let both =
            [cancelling, again].map(|order| serde_json::value::to_raw_value(&order).unwrap());
        let inputs = [input(8, &both[0]), input(9, &both[1])]
            .map(|input| Input { confirmed: Some(confirmed()), ..input });
        let outcomes = decide_all(&State::seeded().stock, &inputs).outcomes;
        let moved: Vec<_> = outcomes.iter().map(|one| one.verdict.movements().len()).collect();
        assert_eq!(moved, [1, 0], "{outcomes:?}");
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
}
