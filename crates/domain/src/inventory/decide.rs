//! Deciding what comes in.

use super::amend::amendment;
use super::confirmed::{Confirmed, Lookup, Unknown};
use super::{Body, DETAIL_MAX, FILE_BYTES_MAX, Identity, Outcome, Verdict};
use crate::order::{self, Cancels, Kind};
use crate::stock::{Desk, Exceeded, Refusal, Stock};
use crate::{Order, OrderId, PartnerId, ProductId, WarehouseId};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};

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
    /// Whether an attempt of that order is confirmed, as it was before the first of the inputs.
    pub looked: Lookup,
    /// The same of the sale that the order names as the one which it returns; it is asked of no other order.
    pub sale: Lookup,
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
/// that is too large by itself is refused, for its fact could never be stored. It also stops before a second
/// message of one order, and a return counts as one of its sale as well: that is decided when the fact about
/// the first one is stored.
///
/// # Errors
/// Which inputs have to be looked up first: cancellations, amendments, returns that name a sale, and what would be
/// refused.
/// Never another order that is confirmed.
pub fn decide(
    stock: &Stock,
    warehouse: &WarehouseId,
    inputs: &[Input<'_>],
    bytes_max: usize,
) -> Result<Decision, Unknown> {
    let mut desk = Desk::new(stock);
    let mut bytes = 0;
    let mut outcomes = Vec::with_capacity(inputs.len());
    let mut unknown = Vec::new();
    // By hashes: where two orders have one, a decision is shorter.
    let (mut named, keys) = (HashSet::new(), RandomState::new());
    for input in inputs {
        let order = read(warehouse, input);
        let sale = order
            .as_ref()
            .ok()
            .and_then(|(order, _)| Some((&order.partner, order.returns.as_ref()?)));
        let own = input.named.as_ref().map(|(partner, order_id)| (partner, order_id));
        let new = |pair: (&PartnerId, &OrderId)| named.insert(keys.hash_one(pair));
        if !own.into_iter().chain(sale).all(new) {
            break;
        }
        let Decided { outcome, checked, is_unknown } = decide_one(&mut desk, input, order);
        unknown.extend(is_unknown.then_some(input.sequence));
        let size = size(&outcome, &checked);
        bytes += size;
        if bytes <= bytes_max {
            desk.check(&checked);
            outcomes.push(outcome);
            continue;
        }
        if outcomes.is_empty() {
            let detail = format!("its decision has {size} bytes, the limit is {bytes_max}");
            let Decided { outcome, is_unknown, .. } = refuse(input, &detail);
            unknown.extend(is_unknown.then_some(input.sequence));
            outcomes.push(outcome);
        }
        break;
    }
    match unknown.is_empty() {
        true => Ok(Decision { outcomes, checked: desk.into_checked() }),
        false => Err(Unknown(unknown)),
    }
}

/// What becomes of one input.
struct Decided {
    outcome: Outcome,
    /// Products that become checked by it.
    checked: BTreeSet<ProductId>,
    /// It holds only if no attempt of the order is confirmed, and that was not looked up yet.
    is_unknown: bool,
}

/// At most so many bytes of an entry: the order as it came, and 200 bytes a movement with the
/// longest product id.
fn size(outcome: &Outcome, checked: &BTreeSet<ProductId>) -> usize {
    let order = outcome.order.as_ref().map_or(0, |order| order.get().len());
    let checked = checked.iter().map(|product| 2 * product.as_str().len() + 3);
    let sale = outcome.verdict.sale().map_or(0, |sale| {
        let pieces = sale.returned.keys().map(|product| 2 * product.as_str().len() + 30);
        pieces.sum::<usize>() + 500
    });
    order + 500 + outcome.verdict.movements().len().max(1) * 200 + checked.sum::<usize>() + sale
}

/// An order, and its text.
type Read = (Order, Box<RawValue>);

fn decide_one(desk: &mut Desk<'_>, input: &Input<'_>, order: Result<Read, String>) -> Decided {
    let (order, text) = match order {
        Ok(order) => order,
        Err(detail) => return refuse(input, &detail),
    };
    let checked = desk.newly_checked(&order);
    let id = Identity {
        partner: order.partner.clone(),
        order_id: order.order_id.clone(),
        kind: order.kind,
        attempt: order.attempt,
        file: input.file(),
    };
    let verdict = match (&order.cancels, &order.amends, &order.returns) {
        (Some(cancels), ..) => cancellation(desk, &order, cancels, input),
        (None, Some(amends), _) => amendment(desk, &order, amends, &input.looked),
        (None, None, Some(sale)) => returning(desk, &order, sale, &input.sale),
        (None, None, None) => desk.decide(&order).map(Verdict::Confirmed),
    };
    let (data, sequence) = (Some(text), input.sequence);
    if order.returns.is_some() && input.sale == Lookup::Unknown {
        let refusal = verdict.err().unwrap_or(Refusal::Unreadable { detail: String::new() });
        return Decided { is_unknown: true, ..refused(input, id, data, refusal) };
    }
    match verdict {
        Ok(verdict) => {
            let outcome = Outcome { sequence, order: data, id: Some(id), verdict, in_force: None };
            Decided { outcome, checked, is_unknown: false }
        }
        Err(refusal) => Decided { checked, ..refused(input, id, data, refusal) },
    }
}

/// What becomes of a return that names its sale.
fn returning(
    desk: &mut Desk<'_>,
    order: &Order,
    sale: &OrderId,
    looked: &Lookup,
) -> Result<Verdict, Refusal> {
    let Lookup::Found(confirmed) = looked else {
        let partner = &order.partner;
        let detail = format!(
            "there is no confirmed sale {sale} of {partner}: it is refused, cancelled, not decided yet, or \
             older than orders are kept"
        );
        return Err(Refusal::ExceedsSale(Exceeded::no_sale(sale.clone(), detail)));
    };
    let sale = confirmed.returning(sale, order).map_err(Refusal::ExceedsSale)?;
    Ok(Verdict::Returned { movements: desk.decide(order)?, sale })
}

/// What becomes of a cancellation; an error if it is none of what is confirmed.
fn cancellation(
    desk: &mut Desk<'_>,
    order: &Order,
    cancels: &Cancels,
    input: &Input<'_>,
) -> Result<Verdict, Refusal> {
    let Lookup::Found(confirmed) = &input.looked else {
        let detail = "no attempt of it is confirmed, so there is nothing to cancel".into();
        return Err(Refusal::Unreadable { detail });
    };
    if let Some(detail) = wrong_cancellation(order, cancels, confirmed) {
        return Err(Refusal::Unreadable { detail });
    }
    if let Err(exceeded) = confirmed.untouched(&order.order_id, "cancelled") {
        return Ok(Verdict::Kept(Refusal::ExceedsSale(exceeded)));
    }
    let attempt = cancels.attempt;
    Ok(match (desk.decide(order), &order.returns, &input.sale) {
        (Ok(movements), Some(sale), Lookup::Found(of)) => {
            Verdict::ReturnCancelled { attempt, movements, sale: of.keeping(sale, order) }
        }
        // Also where the sale is not kept any more.
        (Ok(movements), ..) => Verdict::Cancelled { attempt, movements },
        (Err(refusal), ..) => Verdict::Kept(refusal),
    })
}

/// The refusal of a message, which hides nothing that is confirmed.
fn refused(
    input: &Input<'_>,
    id: Identity,
    order: Option<Box<RawValue>>,
    refusal: Refusal,
) -> Decided {
    let (sequence, checked) = (input.sequence, BTreeSet::new());
    let (outcome, is_unknown) = match &input.looked {
        Lookup::Found(confirmed) => (confirmed.in_force.kept(sequence, id, order, refusal), false),
        looked => {
            let verdict = Verdict::Refused(refusal);
            let outcome = Outcome { sequence, order, id: Some(id), verdict, in_force: None };
            (outcome, *looked == Lookup::Unknown)
        }
    };
    Decided { outcome, checked, is_unknown }
}

/// Why `order` cannot cancel what is confirmed.
fn wrong_cancellation(order: &Order, cancels: &Cancels, found: &Confirmed) -> Option<String> {
    let Cancels { attempt, placed, .. } = cancels;
    if (found.attempt, found.placed) != (*attempt, *placed) {
        return Some(format!(
            "it cancels attempt {attempt} (message {placed}), but attempt {} (message {}) is the \
             confirmed one",
            found.attempt, found.placed
        ));
    }
    (found.lines != order.lines)
        .then(|| format!("its lines are not those of attempt {attempt}, which it cancels"))
}

fn read(warehouse: &WarehouseId, input: &Input<'_>) -> Result<Read, String> {
    let data = input.data.ok_or("the event has no data that can be read")?;
    let (order, text) = order::amend::placed(data).map_err(|error| error.to_string())?;
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
    match (&order.cancels, &order.amends) {
        (Some(cancels), _) if order.attempt <= cancels.attempt => {
            Err(format!("attempt {} cannot cancel attempt {}", order.attempt, cancels.attempt))
        }
        (_, Some(amends)) if order.attempt <= amends.attempt => {
            Err(format!("attempt {} cannot amend attempt {}", order.attempt, amends.attempt))
        }
        (Some(_), Some(_)) => Err("it cancels and amends at once".into()),
        _ => Ok((order, text)),
    }
}

/// The refusal of a message that is no order that can be decided.
fn refuse(input: &Input<'_>, detail: &str) -> Decided {
    /// The one thing that counts of what cannot be read: which attempt it ends.
    #[derive(Deserialize)]
    struct Attempt {
        attempt: u32,
    }
    let detail = match detail.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => detail.get(..end).unwrap_or_default().to_owned() + "…",
        None => detail.to_owned(),
    };
    let refusal = Refusal::Unreadable { detail };
    let Some((partner, order_id)) = input.named.clone() else {
        let (sequence, verdict) = (input.sequence, Verdict::Refused(refusal));
        let outcome = Outcome { sequence, order: None, id: None, verdict, in_force: None };
        return Decided { outcome, checked: BTreeSet::new(), is_unknown: false };
    };
    let attempt = input.data.and_then(|data| serde_json::from_str(data.get()).ok());
    let attempt = attempt.map_or(1, |Attempt { attempt }| attempt);
    let id = Identity { partner, order_id, kind: Kind::Sale, attempt, file: input.file() };
    refused(input, id, None, refusal)
}

#[cfg(test)]
mod tests;
