//! What one process knows of a journal. No IO.

use super::{Book, Entry, Position, Rebase, Record};
use crate::publish::Outgoing;
use chrono::{DateTime, Utc};

/// The state up to the last known entry, and whether that entry's facts are stored.
#[derive(Debug)]
pub struct Ledger<B: Book> {
    book: B,
    state: B::State,
    /// Sequence of the last known entry.
    sequence: u64,
    decided_to: Option<Position>,
    /// Facts of the last known entry that this process has no acknowledgement for.
    unsettled: Option<Vec<Outgoing>>,
    started: bool,
}

/// What a fold changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Folded {
    /// Sequence of the last known entry.
    pub sequence: u64,
}

/// An entry that does not follow the last known one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it follows {prev}, but {known} is the last known entry")]
pub struct Hole {
    /// The entry that it says it follows.
    pub prev: u64,
    /// The last known entry.
    pub known: u64,
}

impl<B: Book> Ledger<B> {
    /// Nothing is known.
    pub fn new(book: B) -> Self {
        let state = book.initial();
        Self { book, state, sequence: 0, decided_to: None, unsettled: None, started: false }
    }

    /// Was the journal read since the start?
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// The journal was read to its end once.
    pub fn started(&mut self) {
        self.started = true;
    }

    /// Back to nothing.
    pub fn forget(&mut self) {
        self.state = self.book.initial();
        self.sequence = 0;
        self.decided_to = None;
        self.unsettled = None;
    }

    /// The state.
    pub fn state(&self) -> &B::State {
        &self.state
    }

    /// Sequence of the last known entry, 0 if there is none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Up to where the input is decided.
    pub fn decided_to(&self) -> Option<&Position> {
        self.decided_to.as_ref()
    }

    /// The entry to append next.
    pub fn entry(
        &self,
        id: String,
        at: DateTime<Utc>,
        decided_to: Option<Position>,
        body: B::Body,
    ) -> Entry<B::Body> {
        let decided_to = decided_to.or_else(|| self.decided_to.clone());
        Entry { id, prev: self.sequence, at, decided_to, body }
    }

    /// The entry to append next if it only sets the position.
    pub fn rebase(&self, id: String, at: DateTime<Utc>, to: Position, reason: String) -> Rebase {
        Rebase { id, prev: self.sequence, at, decided_to: to, reason }
    }

    /// Folds the entry after the last known one. Its facts are unsettled from now on, whoever
    /// wrote it: only an acknowledgement of our own proves that they are stored.
    ///
    /// # Errors
    /// It does not follow the last known entry; nothing has changed.
    pub fn fold(&mut self, sequence: u64, record: Record<B::Body>) -> Result<Folded, Hole> {
        if record.prev() != self.sequence || sequence <= self.sequence {
            return Err(Hole { prev: record.prev(), known: self.sequence });
        }
        self.sequence = sequence;
        match record {
            Record::Decision(entry) => {
                self.book.apply(&mut self.state, &entry.body);
                self.unsettled = Some(self.book.facts(sequence, &entry));
                self.decided_to = entry.decided_to;
            }
            Record::Rebase(rebase) => {
                self.unsettled = None;
                self.decided_to = Some(rebase.decided_to);
            }
        }
        Ok(Folded { sequence })
    }

    /// Facts that must be stored before anything is appended or answered.
    pub fn unsettled(&self) -> Option<Vec<Outgoing>> {
        self.unsettled.clone()
    }

    /// Every fact of the last known entry was acknowledged to this process.
    pub fn settled(&mut self) {
        self.unsettled = None;
    }
}
