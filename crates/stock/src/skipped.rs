//! What becomes of a placed message that an operator passes over.

use domain::Kind;
use domain::inventory::{self, FILE_BYTES_MAX, Identity, Outcome, Verdict};
use domain::stock::Refusal;
use messaging::inventory::kind_name;
use messaging::subject::OrderSubject;
use messaging::{events, header};
use state::journal::{InForce, Skip};

/// The refusal of the message as skipped. Read from subject and headers: what the message holds may be
/// what cannot be decided. An order that is confirmed stays so.
#[must_use]
pub fn outcome(skip: &Skip) -> Outcome {
    let id = OrderSubject::parse(&skip.subject).map(|order| Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: if skip.header(header::KIND) == Some("return") { Kind::Return } else { Kind::Sale },
        attempt: skip.attempt(),
        file: skip
            .header(header::FILE)
            .filter(|file| file.len() <= FILE_BYTES_MAX)
            .map(str::to_owned),
    });
    let refusal = Refusal::Skipped { detail: skip.reason.clone() };
    let is_cancellation = skip.kind.as_deref() == Some(events::ORDER_CANCELLING);
    match (id, &skip.in_force) {
        (Some(id), Some(in_force)) if !is_cancellation => {
            known(in_force).kept(skip.sequence, id, None, refusal)
        }
        (id, _) => {
            // An order whose cancellation is not decided stays confirmed.
            let verdict = match is_cancellation {
                true => Verdict::Kept(refusal),
                false => Verdict::Refused(refusal),
            };
            Outcome { sequence: skip.sequence, order: None, id, verdict, in_force: None }
        }
    }
}

/// What an entry that skips a message says of a confirmed order.
#[must_use]
pub fn in_force(order: &inventory::InForce) -> InForce {
    let inventory::InForce { placed, attempt, kind } = *order;
    let headers = [
        (header::ATTEMPT.to_owned(), attempt.to_string()),
        (header::KIND.to_owned(), kind_name(kind).to_owned()),
    ];
    InForce { sequence: placed, headers: headers.into() }
}

fn known(in_force: &InForce) -> inventory::InForce {
    let is_return = in_force.headers.get(header::KIND).is_some_and(|kind| kind == "return");
    let kind = if is_return { Kind::Return } else { Kind::Sale };
    inventory::InForce { placed: in_force.sequence, attempt: in_force.attempt(), kind }
}
