//! Messages on `orders`, and dead letters of them.

use super::message::{Message, digest};
use domain::{PartnerId, raw};
use messaging::{Event, streams, subject};
use serde_json::Value;

const DEAD_STREAM: &str = "Orderflow-Dead-Stream";
const DEAD_SEQUENCE: &str = "Orderflow-Dead-Sequence";

/// A message on `orders`.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) stream: &'static str,
    pub(super) sequence: u64,
    /// Hash of its event id.
    pub(super) event: u64,
    /// Hashes of `<partner>.<order>` and of what it says; nothing if it is no order.
    pub(super) order: Option<(u64, u64)>,
}

/// A dead letter of order-ingest.
#[derive(Debug)]
pub(super) struct Dead {
    /// Stream and sequence of the message that was given up.
    pub(super) of: (&'static str, u64),
}

impl Dead {
    pub(super) fn of(message: &Message<'_>) -> Option<Self> {
        let ours = message.subject == subject::dead_letters("order-ingest");
        let stream = message.header(DEAD_STREAM)?;
        let stream = [streams::INTAKE, streams::ORDERS].into_iter().find(|it| *it == stream)?;
        let sequence = message.header(DEAD_SEQUENCE)?.parse().ok()?;
        ours.then_some(Self { of: (stream, sequence) })
    }
}

/// A CloudEvent's id.
pub(super) fn event_id(payload: &[u8]) -> Option<String> {
    let event: Event = serde_json::from_slice(payload).ok()?;
    Some(event.id)
}

impl Sent {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let Message { stream, sequence, .. } = *message;
        let event: Result<Event, _> = serde_json::from_slice(message.payload);
        // The connector wraps what is no CloudEvent, under an id made from stream and sequence.
        let (id, sender, json) = match event {
            Ok(event) if !event.id.is_empty() => {
                let json = event.data.and_then(|data| serde_json::from_str(data.get()).ok());
                (event.id, event.partner, json)
            }
            _ => {
                let id = format!("{stream}:{sequence}");
                (id, None, serde_json::from_slice(message.payload).ok())
            }
        };
        let order = json.and_then(|json: Value| order(&json, sender.as_ref()));
        Self { stream, sequence, event: digest(&subject::token(&id)), order }
    }
}

fn order(json: &Value, sender: Option<&PartnerId>) -> Option<(u64, u64)> {
    let draft = raw::read(json, sender).ok()?;
    let partner = draft.partner.clone().unwrap_or_else(PartnerId::direct);
    let key = format!("{partner}.{}", subject::token(draft.order_id.as_str()));
    Some((digest(&key), digest(&draft.content())))
}
