//! Which messages of a journal's subject are its entries. No IO.
//!
//! A server without permissions, or one whose operator errs, lets anybody publish on the subject. What
//! is no entry is passed over: it neither stops the writers nor changes the state.

use super::{Message, Record, Unreadable};
use chrono::{DateTime, TimeDelta, Utc};
use messaging::header;
use serde::de::DeserializeOwned;

/// Writers of 0.1.0 set no header. How long their entries count after the first entry that has one:
/// while an installation is updated, both versions write.
pub const UNMARKED_TIME_MAX: TimeDelta = TimeDelta::hours(1);

/// Why a message of the subject is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It is not from a writer of the journal.
    #[error("it has no header {}", header::JOURNAL)]
    Unmarked,
    /// It has no header, as entries of 0.1.0, and cannot be read as one of them.
    #[error("it has no header {} and cannot be read as an entry", header::JOURNAL)]
    Garbage,
    /// A later entry than the one that it follows is known: it is a copy of an older message.
    #[error("it follows entry {prev}, but {known} is the last entry before it")]
    Late {
        /// The entry that it says it follows.
        prev: u64,
        /// The last entry before it.
        known: u64,
    },
}

/// What a message is by itself.
#[derive(Debug)]
pub(super) enum Kind<B> {
    /// An entry, if it follows the last one.
    Entry(Record<B>),
    /// Not from a writer of the journal.
    Foreign(Foreign),
    /// From a newer writer: whoever reads it must stop.
    Unknown(Unreadable),
}

/// Since when entries carry the header; nothing as long as none does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Marks(pub(super) Option<DateTime<Utc>>);

impl Marks {
    /// What `message` is by itself.
    pub(super) fn kind<B: DeserializeOwned>(self, message: Message<'_>) -> Kind<B> {
        let marked = message.marked;
        // Of a large message that does not count nothing is parsed.
        let counts = |since: DateTime<Utc>| message.stored <= since + UNMARKED_TIME_MAX;
        if !marked && !self.0.is_none_or(counts) {
            return Kind::Foreign(Foreign::Unmarked);
        }
        match Record::parse(message.payload) {
            Ok(record) => Kind::Entry(record),
            Err(error) if marked => Kind::Unknown(error),
            Err(_) => Kind::Foreign(Foreign::Garbage),
        }
    }

    /// An entry was folded.
    pub(super) fn note(&mut self, marked: bool, at: DateTime<Utc>) {
        if marked {
            self.0.get_or_insert(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Entry;

    #[track_caller]
    fn check(since: Option<i64>, marked: bool, stored: i64, payload: &[u8], expected: &str) {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let message = Message { sequence: 7, marked, stored: time(stored), payload };
        let said = match Marks(since.map(time)).kind::<i64>(message) {
            Kind::Entry(record) => format!("entry {}", record.id()),
            Kind::Foreign(foreign) => foreign.to_string(),
            Kind::Unknown(_) => "unknown".to_owned(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn only_the_writers_of_the_journal_write_entries() {
        let at = DateTime::UNIX_EPOCH;
        let entry = Entry { id: "a".into(), prev: 0, at, decided_to: None, key: None, body: 1 };
        let entry = Record::Decision(entry).to_bytes();
        let garbage = "it has no header Orderflow-Journal and cannot be read as an entry";
        check(None, true, 0, &entry, "entry a");
        check(None, false, 0, &entry, "entry a");
        check(None, false, 0, b"hello", garbage);
        check(None, true, 0, b"hello", "unknown");
        check(Some(10), true, 9_000, &entry, "entry a");
        check(Some(10), true, 9_000, b"{}", "unknown");
        // As long as an update takes.
        check(Some(10), false, 3_610, &entry, "entry a");
        check(Some(10), false, 3_610, b"hello", garbage);
        check(Some(10), false, 3_611, &entry, "it has no header Orderflow-Journal");
        check(Some(10), false, 3_611, b"hello", "it has no header Orderflow-Journal");
    }
}
