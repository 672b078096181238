//! What becomes of a placed message that an operator passes over.

use domain::Kind;
use domain::inventory::{FILE_BYTES_MAX, Identity, Outcome, Verdict};
use domain::stock::Refusal;
use messaging::subject::OrderSubject;
use messaging::{events, header};
use state::journal::Skip;

/// The refusal of the message as skipped. Read from subject and headers: what the message holds may be
/// what cannot be decided.
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
    // An order whose cancellation is not decided stays confirmed.
    let verdict = match skip.kind.as_deref() == Some(events::ORDER_CANCELLING) {
        true => Verdict::Kept(refusal),
        false => Verdict::Refused(refusal),
    };
    Outcome { sequence: skip.sequence, order: None, id, verdict }
}
