//! What becomes of a placed message that an operator passes over.

use crate::envelope::Event;
use crate::stored::Standing;
use crate::subject::OrderSubject;
use crate::{events, header};
use domain::Kind;
use domain::inventory::{FILE_BYTES_MAX, Identity, Outcome, Verdict};
use domain::stock::Refusal;

/// The refusal of `next` as skipped, for this reason. Read from subject and headers: what the message
/// holds may be what cannot be decided.
#[must_use]
pub fn outcome(next: &Standing, reason: &str) -> Outcome {
    let header = |name| next.headers.get(name).map(|value| value.as_str());
    let id = OrderSubject::parse(&next.subject).map(|order| Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: if header(header::KIND) == Some("return") { Kind::Return } else { Kind::Sale },
        attempt: header(header::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1),
        file: header(header::FILE).filter(|file| file.len() <= FILE_BYTES_MAX).map(str::to_owned),
    });
    let event: Option<Event> = serde_json::from_slice(&next.payload).ok();
    let refusal = Refusal::Skipped { detail: reason.to_owned() };
    // An order whose cancellation is not decided stays confirmed.
    let verdict = match event.is_some_and(|event| event.kind == events::ORDER_CANCELLING) {
        true => Verdict::Kept(refusal),
        false => Verdict::Refused(refusal),
    };
    Outcome { sequence: next.sequence, order: None, id, verdict }
}
