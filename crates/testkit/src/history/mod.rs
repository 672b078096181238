//! What a run left in the streams, and whether it is what it should be.
//!
//! Read after a run, when everything is decided: every message of the streams becomes a short value
//! (hashes instead of bodies), then [`History::check`] compares them. It shares the types of the
//! messages with the code under test, but none of the code that decides, folds or makes facts.

mod decisions;
mod facts;
mod lane;
mod report;
mod sent;

pub use report::{Report, Rule, Summary, Violation};

use async_nats::HeaderMap;
use decisions::Entry;
use facts::{Changed, Fact, Placed};
use messaging::{Nats, streams, tail};
use sent::{Dead, Sent};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};

/// A message of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its place in its stream.
    pub sequence: u64,
    /// Its subject.
    pub subject: &'a str,
    /// Its headers.
    pub headers: Option<&'a HeaderMap>,
    /// What it holds.
    pub payload: &'a [u8],
}

impl Message<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers?.get(name).map(async_nats::HeaderValue::as_str)
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Also what became of every message on `orders`. Off for runs that place orders by themselves.
    pub sent: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { sent: true }
    }
}

/// The messages of a run, in short.
#[derive(Debug, Default)]
pub struct History {
    sent: Vec<Sent>,
    placed: Vec<Placed>,
    entries: Vec<Entry>,
    facts: Vec<Fact>,
    changed: Vec<Changed>,
    dead: Vec<Dead>,
    /// Hashes of the ids of events that were found to be in conflict.
    conflicts: HashSet<u64>,
    unreadable: Vec<Violation>,
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
        for (stream, filter) in [
            (streams::ORDERS, ">"),
            (streams::JOURNAL, "journal.inventory.*"),
            (streams::INVENTORY, ">"),
            (streams::ERRORS, ">"),
        ] {
            tail::read(&nats, stream, filter, 1, false, |message| {
                let sequence = message.info().map_or(0, |info| info.stream_sequence);
                let message = Message {
                    sequence,
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
            (Some("errors"), Some("dead")) => self.dead.extend(Dead::of(message)),
            _ => {}
        }
    }

    /// Compares everything with everything.
    #[must_use]
    pub fn check(&self, options: Options) -> Report {
        let mut report = Report { violations: self.unreadable.clone(), ..Report::default() };
        self.check_attempts(&mut report);
        let expected = self.check_lanes(&mut report);
        self.check_facts(&expected, &mut report);
        self.check_changed(&expected, &mut report);
        if options.sent {
            self.check_sent(&mut report);
        }
        report
    }
}

/// A hash that stands for a value.
fn digest(value: &impl serde::Serialize) -> u64 {
    let mut bytes = Vec::with_capacity(256);
    serde_json::to_writer(&mut bytes, value).expect("what is compared has only string keys");
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    hasher.finish()
}
