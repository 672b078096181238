//! Deciding what comes in.

use super::{DETAIL_MAX, FILE_BYTES_MAX, Identity, Outcome, Verdict};
use crate::order::{Cancels, Kind};
use crate::stock::{Desk, Refusal, Stock};
use crate::{Order, OrderId, PartnerId};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One message of the input.
#[derive(Debug)]
pub struct Input<'a> {
    /// Stream sequence.
    pub sequence: u64,
    /// The event's `data`.
    pub data: Option<&'a RawValue>,
    /// The event's `file` extension.
    pub file: Option<String>,
    /// Partner and order that the message's subject names.
    pub named: Option<(PartnerId, OrderId)>,
}

impl Input<'_> {
    /// The file; nothing where it is no file's hash. A decision must fit into one message.
    fn file(&self) -> Option<String> {
        self.file.clone().filter(|file| file.len() <= FILE_BYTES_MAX)
    }
}

/// Decides `inputs` in their order. Bad input is decided too: refused, with its reason.
///
/// Stops before the decision grows beyond `bytes_max`, but decides at least one input: an order
/// that is too large by itself is refused, for its fact could never be stored.
#[must_use]
pub fn decide(stock: &Stock, inputs: &[Input<'_>], bytes_max: usize) -> Vec<Outcome> {
    let mut desk = Desk::new(stock);
    let mut bytes = 0;
    let mut outcomes = Vec::with_capacity(inputs.len());
    for input in inputs {
        let outcome = decide_one(&mut desk, input);
        let size = size(&outcome);
        bytes += size;
        if bytes <= bytes_max {
            outcomes.push(outcome);
            continue;
        }
        if outcomes.is_empty() {
            let detail = format!("its decision has {size} bytes, the limit is {bytes_max}");
            outcomes.push(refuse(input, &detail));
        }
        break;
    }
    outcomes
}

/// At most so many bytes of an entry: the order as it came, and 200 bytes a movement with the
/// longest product id.
fn size(outcome: &Outcome) -> usize {
    let order = outcome.order.as_ref().map_or(0, |order| order.get().len());
    order + 500 + outcome.verdict.movements().len().max(1) * 200
}

fn decide_one(desk: &mut Desk<'_>, input: &Input<'_>) -> Outcome {
    let order = match read(input) {
        Ok(order) => order,
        Err(detail) => return refuse(input, &detail),
    };
    let verdict = match (&order.cancels, desk.decide(&order)) {
        (None, Ok(movements)) => Verdict::Confirmed(movements),
        (None, Err(refusal)) => Verdict::Refused(refusal),
        (Some(Cancels { attempt, .. }), Ok(movements)) => {
            Verdict::Cancelled { attempt: *attempt, movements }
        }
        (Some(_), Err(refusal)) => Verdict::Kept(refusal),
    };
    let id = Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: order.kind,
        attempt: order.attempt,
        file: input.file(),
    };
    let order = input.data.map(ToOwned::to_owned);
    Outcome { sequence: input.sequence, order, id: Some(id), verdict }
}

fn read(input: &Input<'_>) -> Result<Order, String> {
    let data = input.data.ok_or("the event has no data that can be read")?;
    let order: Order = serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
    match (&input.named, &order.cancels) {
        (Some((partner, id)), _) if (partner, id) != (&order.partner, &order.order_id) => {
            Err(format!("it is order {} of {}", order.order_id, order.partner))
        }
        (_, Some(cancels)) if order.attempt <= cancels.attempt => {
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
    use super::super::{Body, State};
    use super::*;
    use crate::ProductId;
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

    #[test]
    fn every_input_is_decided_and_the_fold_gives_the_stock() {
        let orders = [placed("1", "P002", 15), placed("2", "P002", 15), placed("3", "P002", -1)];
        let garbage = RawValue::from_string("{\"order_id\":1}".into()).unwrap();
        let mut inputs: Vec<_> = (1..)
            .zip(&orders)
            .map(|(sequence, data)| Input { sequence, data: Some(data), file: None, named: None })
            .collect();
        inputs.push(Input { sequence: 4, data: Some(&garbage), file: None, named: None });
        inputs.push(Input { sequence: 5, data: None, file: None, named: None });
        let mut state = State::seeded();
        let outcomes = decide(&state.stock, &inputs, usize::MAX);
        let confirmed: Vec<_> =
            outcomes.iter().map(|o| matches!(o.verdict, Verdict::Confirmed(_))).collect();
        assert_eq!(confirmed, [true, false, true, false, false]);
        let body = Body::Orders { outcomes };
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
            back.cancelling(cancels),
            sale.cancelling(early),
        ];
        let orders = orders.map(|order| serde_json::value::to_raw_value(&order).unwrap());
        let named = Some((sale.partner.clone(), sale.order_id.clone()));
        let mut inputs: Vec<_> = (1..)
            .zip(&orders)
            .map(|(sequence, data)| Input { sequence, data: Some(data), file: None, named: None })
            .collect();
        inputs.last_mut().unwrap().named = named;
        let mut state = State::seeded();
        let outcomes = decide(&state.stock, &inputs, usize::MAX);
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
        state.apply(&Body::Orders { outcomes });
        assert_eq!(state.stock.get(&ProductId::parse("P002").unwrap()).unwrap().available, 15);
    }

    #[test]
    fn a_decision_stops_before_it_grows_too_large() {
        let order = placed("1", "P001", 1);
        let inputs: Vec<_> = (1..=10)
            .map(|sequence| Input { sequence, data: Some(&order), file: None, named: None })
            .collect();
        let stock = State::seeded().stock;
        assert_eq!(decide(&stock, &inputs, 0).len(), 1);
        assert_eq!(decide(&stock, &inputs, 3_500).len(), 3);
        assert_eq!(decide(&stock, &inputs, usize::MAX).len(), 10);
    }

    #[test]
    fn an_order_whose_fact_could_never_be_stored_is_refused() {
        let order = placed("1", "P001", 1);
        let inputs: Vec<_> = (1..=2)
            .map(|sequence| Input { sequence, data: Some(&order), file: None, named: None })
            .collect();
        let stock = State::seeded().stock;
        let outcomes = decide(&stock, &inputs, 800);
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
            let input = Input { sequence: 1, data: Some(data), file, named: None };
            let outcomes = decide(&stock, &[input], usize::MAX);
            assert!(serde_json::to_string(&outcomes).unwrap().len() < 5_000);
        }
    }
}
