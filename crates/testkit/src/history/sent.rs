//! Messages on `orders`, and what became of them.

use super::report::{Report, Rule};
use super::{History, Message, digest};
use domain::{PartnerId, raw};
use messaging::{Event, streams, subject};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

const DEAD_STREAM: &str = "Orderflow-Dead-Stream";
const DEAD_SEQUENCE: &str = "Orderflow-Dead-Sequence";

/// A message on `orders`.
#[derive(Debug)]
pub(super) struct Sent {
    sequence: u64,
    /// Hash of its event id.
    event: u64,
    /// Hashes of `<partner>.<order>` and of what it says; nothing if it is no order.
    order: Option<(u64, u64)>,
}

/// A dead letter of order-ingest.
#[derive(Debug)]
pub(super) struct Dead {
    /// Sequence of the message that was given up.
    of: u64,
}

impl Dead {
    pub(super) fn of(message: &Message<'_>) -> Option<Self> {
        let ours = message.subject == subject::dead_letters("order-ingest")
            && message.header(DEAD_STREAM) == Some(streams::ORDERS);
        let of = message.header(DEAD_SEQUENCE)?.parse().ok()?;
        ours.then_some(Self { of })
    }
}

/// A CloudEvent's id.
pub(super) fn event_id(payload: &[u8]) -> Option<String> {
    let event: Event = serde_json::from_slice(payload).ok()?;
    Some(event.id)
}

impl Sent {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let sequence = message.sequence;
        let event: Result<Event, _> = serde_json::from_slice(message.payload);
        // The connector wraps what is no CloudEvent, under an id made from stream and sequence.
        let (id, sender, json) = match event {
            Ok(event) if !event.id.is_empty() => {
                let json = event.data.and_then(|data| serde_json::from_str(data.get()).ok());
                (event.id, event.partner, json)
            }
            _ => {
                let id = format!("{}:{sequence}", streams::ORDERS);
                (id, None, serde_json::from_slice(message.payload).ok())
            }
        };
        let order = json.and_then(|json: Value| order(&json, sender.as_ref()));
        Self { sequence, event: digest(&subject::token(&id)), order }
    }
}

fn order(json: &Value, sender: Option<&PartnerId>) -> Option<(u64, u64)> {
    let draft = raw::read(json, sender).ok()?;
    let partner = draft.partner.clone().unwrap_or_else(PartnerId::direct);
    let key = format!("{partner}.{}", subject::token(draft.order_id.as_str()));
    Some((digest(&key), digest(&draft.content_hash())))
}

impl History {
    /// Each message on `orders` ends in one way.
    pub(super) fn check_sent(&self, report: &mut Report) {
        let mut placed: HashMap<u64, u64> = HashMap::with_capacity(self.placed.len());
        for order in &self.placed {
            let key = order.key().split_once('.').map_or("", |(_, key)| key);
            if let Some(content) = order.content {
                placed.entry(digest(&key)).or_insert(content);
            }
        }
        let dead: HashSet<u64> = self.dead.iter().map(|dead| dead.of).collect();
        let mut said = HashSet::with_capacity(placed.len());
        for sent in &self.sent {
            report.summary.sent += 1;
            let is_placed =
                sent.order.is_some_and(|(key, content)| placed.get(&key) == Some(&content));
            let is_conflict = self.conflicts.contains(&sent.event);
            let is_dead = dead.contains(&sent.sequence);
            if let Some((key, _)) = sent.order.filter(|_| is_placed) {
                report.summary.duplicates += u64::from(!said.insert(key));
            }
            report.summary.conflicts += u64::from(is_conflict);
            report.summary.dead += u64::from(is_dead);
            let ends: Vec<&str> =
                [(is_placed, "placed"), (is_conflict, "conflict"), (is_dead, "dead letter")]
                    .into_iter()
                    .filter_map(|(is, end)| is.then_some(end))
                    .collect();
            match ends.len() {
                0 => {
                    let detail = "it is neither placed nor in conflict nor a dead letter".into();
                    report.add(Rule::Lost, subject::ORDERS, sent.sequence, detail);
                }
                1 => {}
                _ => {
                    let detail = ends.join(" and ");
                    report.add(Rule::EndsTwice, subject::ORDERS, sent.sequence, detail);
                }
            }
        }
        self.check_origin(report);
    }

    /// A first attempt that names an event on `orders` was sent there.
    fn check_origin(&self, report: &mut Report) {
        let sent: HashSet<u64> = self.sent.iter().map(|sent| sent.event).collect();
        for placed in self.placed.iter().filter(|placed| placed.attempt == 1) {
            if placed.event.is_some_and(|event| !sent.contains(&event)) {
                let detail = "no message on orders has the event id that it names".into();
                report.add(Rule::NeverSent, &placed.subject, placed.sequence, detail);
            }
        }
    }
}
