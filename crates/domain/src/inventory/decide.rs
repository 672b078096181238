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
mod tests;
