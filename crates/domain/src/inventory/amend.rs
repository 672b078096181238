//! What becomes of an amendment: another content takes the place of a confirmed attempt, or nothing changes.

use super::{Confirmed, Lookup, Verdict};
use crate::Order;
use crate::order::{Amends, Kind};
use crate::stock::{Desk, Refusal};

/// What becomes of an amendment.
///
/// # Errors
/// Why nothing changes: it amends something else than what is confirmed, something of that was shipped or returned, or
/// the stock does not have what it wants.
pub(super) fn amendment(
    desk: &mut Desk<'_>,
    order: &Order,
    amends: &Amends,
    looked: &Lookup,
) -> Result<Verdict, Refusal> {
    let Lookup::Found(confirmed) = looked else {
        let detail = "no attempt of it is confirmed, so there is nothing to amend".into();
        return Err(Refusal::Unreadable { detail });
    };
    if let Some(detail) = wrong(order, amends, confirmed) {
        return Err(Refusal::Unreadable { detail });
    }
    confirmed.untouched(&order.order_id, "amended").map_err(Refusal::ExceedsSale)?;
    let movements = desk.amend(order, &confirmed.lines)?;
    Ok(Verdict::Amended { attempt: amends.attempt, movements })
}

/// Why `order` cannot take the place of what is confirmed.
fn wrong(order: &Order, amends: &Amends, found: &Confirmed) -> Option<String> {
    let Amends { attempt, placed, total, .. } = amends;
    if (found.attempt, found.placed) != (*attempt, *placed) {
        return Some(format!(
            "it amends attempt {attempt} (message {placed}), but attempt {} (message {}) is the \
             confirmed one",
            found.attempt, found.placed
        ));
    }
    if (order.kind, found.in_force.kind) != (Kind::Sale, Kind::Sale) || order.returns.is_some() {
        return Some("only a sale is amended, and it stays one".into());
    }
    if found.total != *total {
        let of = found.total;
        return Some(format!("it says that attempt {attempt} came to {total}, but that is {of}"));
    }
    let is_other = |before: &Order| {
        let whose = (&before.partner, &before.order_id) != (&order.partner, &order.order_id);
        let what = (before.kind, &before.lines) != (order.kind, &found.lines);
        let worth = (before.total, &before.currency) != (found.total, &found.currency);
        whose || what || worth || before.amends.is_some() || before.cancels.is_some()
    };
    if amends.order.as_deref().is_some_and(is_other) {
        return Some(format!("what it says of attempt {attempt} is not what was confirmed"));
    }
    if order.currency != found.currency {
        let (own, of) = (&order.currency, &found.currency);
        return Some(format!("it is in {own}, but attempt {attempt} is in {of}"));
    }
    let customer = order.customer.as_ref().map(|customer| &customer.id);
    (customer != found.customer.as_ref())
        .then(|| format!("its customer is not that of attempt {attempt}, which it amends"))
}
