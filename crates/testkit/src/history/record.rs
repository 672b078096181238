//! What was read, in short.

use super::decisions::Entry;
use super::document::{self, Billed};
use super::facts::{Changed, Fact, Placed};
use super::message::{Message, digest};
use super::report::{Rule, Violation};
use super::sent::{self, Dead, Sent};
use messaging::{Nats, streams, tail};
use std::collections::HashSet;

/// The messages of a run, in short.
#[derive(Debug, Default)]
pub struct History {
    pub(super) sent: Vec<Sent>,
    /// What was sent before is not there any more; milliseconds since 1970.
    pub(super) sent_from_ms: i64,
    pub(super) placed: Vec<Placed>,
    pub(super) entries: Vec<Entry>,
    pub(super) facts: Vec<Fact>,
    /// What is returned of sales.
    pub(super) returned: Vec<Fact>,
    /// What is shipped of sales.
    pub(super) shipped: Vec<Fact>,
    pub(super) changed: Vec<Changed>,
    pub(super) billed: Vec<Billed>,
    /// Orders of which a document is or was held: `<partner>.<order>`.
    pub(super) held: HashSet<String>,
    pub(super) dead: Vec<Dead>,
    /// Hashes of the ids of events that were found to be in conflict.
    pub(super) conflicts: HashSet<u64>,
    pub(super) unreadable: Vec<Violation>,
}

impl History {
    /// Reads the streams of a server.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn read(nats_url: &str) -> anyhow::Result<Self> {
        Self::read_where(nats_url, |_| true).await
    }

    /// Reads the messages for which `keep` is true, as if the others had been lost.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn read_where(
        nats_url: &str,
        keep: impl Fn(&Message<'_>) -> bool,
    ) -> anyhow::Result<Self> {
        let nats = Nats::connect(nats_url, "history checker", false).await?;
        let mut history = Self::default();
        let intake = nats.js.get_stream(streams::INTAKE).await?;
        let kept = &intake.cached_info().state;
        // What expired there was sent all the same.
        history.sent_from_ms = match kept.first_sequence {
            0 | 1 => i64::MIN,
            _ => i64::try_from(kept.first_timestamp.unix_timestamp_nanos() / 1_000_000)?,
        };
        for (stream, filter) in [
            (streams::INTAKE, ">"),
            (streams::ORDERS, ">"),
            (streams::JOURNAL, "journal.inventory.*"),
            (streams::INVENTORY, ">"),
            (streams::ERRORS, ">"),
            (streams::INVOICES, "invoices.issued.>"),
        ] {
            tail::read(&nats, stream, filter, 1, false, |message| {
                let info = message.info().ok();
                let nanos = info.as_ref().map_or(0, |it| it.published.unix_timestamp_nanos());
                let message = Message {
                    stream,
                    sequence: info.map_or(0, |info| info.stream_sequence),
                    stored_ms: i64::try_from(nanos / 1_000_000).unwrap_or_default(),
                    subject: &message.subject,
                    headers: message.headers.as_ref(),
                    payload: &message.payload,
                };
                if keep(&message) {
                    history.add(&message);
                }
            })
            .await?;
        }
        Ok(history)
    }

    /// Adds a message. Those of one stream must come in its order.
    pub fn add(&mut self, message: &Message<'_>) {
        let mut tokens = message.subject.split('.');
        match (tokens.next(), tokens.next()) {
            (Some("orders"), None) => self.sent.push(Sent::of(message)),
            (Some("orders"), Some("placed")) => self.placed.push(Placed::of(message)),
            (Some("orders"), Some("returned")) => self.returned.push(Fact::of_sale(message)),
            (Some("orders"), Some("shipped")) => self.shipped.push(Fact::of_shipment(message)),
            (Some("orders"), Some(_)) | (Some("errors"), Some("undecidable")) => {
                self.facts.push(Fact::of(message));
            }
            (Some("inventory"), _) => self.changed.push(Changed::of(message)),
            (Some("journal"), Some("inventory")) => match Entry::of(message) {
                Ok(entry) => self.entries.push(entry),
                Err(error) => self.unreadable.push(Violation {
                    rule: Rule::EntryUnreadable,
                    subject: message.subject.into(),
                    sequence: message.sequence,
                    detail: error.to_string(),
                }),
            },
            (Some("errors"), Some("conflict")) => {
                self.conflicts.extend(
                    sent::event_id(message.payload)
                        .map(|id| digest(&messaging::subject::token(&id))),
                );
            }
            (Some("invoices"), Some("issued")) => self.billed.extend(Billed::of(message)),
            (Some("errors"), Some("billing")) => {
                self.held.extend(document::held(message.subject).map(str::to_owned));
            }
            (Some("errors"), Some("dead")) => self.dead.extend(Dead::of(message)),
            _ => {}
        }
    }
}
