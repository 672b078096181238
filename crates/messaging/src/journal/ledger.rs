//! What one process knows of a journal. No IO.

use super::machine::{Hole, Misfit, Other};
use super::rules::{Rule, Rules};
use super::{Book, Entry, Position, Record, Snapshot};
use crate::publish::Outgoing;
use chrono::{DateTime, Utc};

/// Where the facts of the last known entry are.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
enum Facts<E> {
    /// Stored: each was acknowledged to this process. Or there are none.
    Stored,
    /// This process does not know that they are stored, whoever wrote the entry.
    Owed(E),
    /// The entry is known from a snapshot only, and is to be read.
    Unread,
}

/// The state up to the last known entry, and whether that entry's facts are stored.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(super) struct Ledger<B: Book> {
    book: B,
    state: B::State,
    /// Sequence of the last known entry.
    sequence: u64,
    /// Its id; nothing if there is no entry, or it is known from a snapshot only.
    id: Option<String>,
    decided_to: Option<Position>,
    facts: Facts<Entry<B::Body>>,
    pub(super) rules: Rules,
}

/// Who says that an entry is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The append of this process was acknowledged.
    Append,
    /// It was read, by a process that has just started.
    Start,
    /// It was read later.
    Tail,
}

impl<B: Book> Ledger<B> {
    /// Nothing is known.
    pub(super) fn new(book: B) -> Self {
        let state = book.initial();
        let rules = Rules::default();
        let facts = Facts::Stored;
        Self { book, state, sequence: 0, id: None, decided_to: None, facts, rules }
    }

    /// Goes on from a snapshot, or from nothing.
    pub(super) fn load(&mut self, snapshot: Option<Snapshot<B::State>>) {
        self.id = None;
        match snapshot {
            Some(Snapshot { sequence, decided_to, state }) => {
                self.state = state;
                self.sequence = sequence;
                self.decided_to = decided_to;
                let read = self.rules.hold(Rule::SnapshotIsRead);
                self.facts = if read { Facts::Unread } else { Facts::Stored };
            }
            None => {
                self.state = self.book.initial();
                self.sequence = 0;
                self.decided_to = None;
                self.facts = Facts::Stored;
            }
        }
    }

    pub(super) fn state(&self) -> &B::State {
        &self.state
    }

    /// Sequence of the last known entry, 0 if there is none.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn decided_to(&self) -> Option<&Position> {
        self.decided_to.as_ref()
    }

    /// The first sequence that is to be read: the last known entry is read again, because another
    /// store has another one there.
    pub(super) fn read_from(&self) -> u64 {
        let compares = self.id.is_some() && self.rules.hold(Rule::TheEntryIsTheSame);
        if compares || self.is_unread() { self.sequence } else { self.sequence + 1 }
    }

    /// Is the last known entry known from a snapshot only?
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.facts, Facts::Unread)
    }

    /// Folds the entry after the last known one. Its facts are owed from now on, whoever wrote it:
    /// only an acknowledgement of our own proves that they are stored. The last known entry itself
    /// changes nothing.
    ///
    /// # Errors
    /// It does not follow the last known entry, or is another one in its place; nothing has changed.
    pub(super) fn fold(
        &mut self,
        sequence: u64,
        record: Record<B::Body>,
        source: Source,
    ) -> Result<(), Misfit> {
        let known = Misfit::Hole(Hole { prev: record.prev(), known: self.sequence });
        if let (true, Some(id)) = (sequence == self.sequence, &self.id) {
            let (found, known) = (record.id(), id.as_str());
            return if found == known { Ok(()) } else { Err(Other::new(found, known).into()) };
        }
        if matches!(self.facts, Facts::Unread) {
            // A snapshot ends with this entry: its facts are owed, its effect is in the state.
            if sequence != self.sequence || record.decided_to() != self.decided_to.as_ref() {
                return Err(known);
            }
            self.id = Some(record.id().to_owned());
            self.owe(record, source);
            return Ok(());
        }
        let follows = record.prev() == self.sequence && self.sequence < sequence;
        if !follows && self.rules.hold(Rule::PrevIsChecked) {
            return Err(known);
        }
        self.sequence = sequence;
        self.id = Some(record.id().to_owned());
        self.decided_to = record.decided_to().cloned();
        if let Record::Decision(entry) = &record {
            self.book.apply(&mut self.state, &entry.body);
        }
        self.owe(record, source);
        Ok(())
    }

    fn owe(&mut self, record: Record<B::Body>, source: Source) {
        let settles = match source {
            Source::Append => true,
            Source::Start => self.rules.hold(Rule::SettleForOthers),
            Source::Tail => {
                self.rules.hold(Rule::SettleForOthers) && self.rules.hold(Rule::SettleAfterReading)
            }
        };
        self.facts = match record {
            Record::Decision(entry) if settles => Facts::Owed(entry),
            Record::Decision(_) | Record::Rebase(_) => Facts::Stored,
        };
    }

    /// Facts that must be stored before anything is appended or answered.
    pub(super) fn owed(&self) -> Option<Vec<Outgoing>> {
        match &self.facts {
            Facts::Owed(entry) => Some(self.book.facts(self.sequence, entry)),
            Facts::Stored | Facts::Unread => None,
        }
    }

    /// When the entry was decided whose facts are owed.
    pub(super) fn owed_since(&self) -> Option<DateTime<Utc>> {
        match &self.facts {
            Facts::Owed(entry) => Some(entry.at),
            Facts::Stored | Facts::Unread => None,
        }
    }

    /// The facts that `entry` would have; their sequence is the longest there is.
    pub(super) fn facts_of(&self, entry: &Entry<B::Body>) -> Vec<Outgoing> {
        self.book.facts(u64::MAX, entry)
    }

    /// Every fact of the last known entry was acknowledged to this process.
    pub(super) fn settled(&mut self) {
        self.facts = Facts::Stored;
    }

    /// A snapshot of what is settled; nothing while it is not.
    pub(super) fn snapshot(&self) -> Option<Snapshot<B::State>> {
        let settled =
            matches!(self.facts, Facts::Stored) || !self.rules.hold(Rule::SnapshotIsSettled);
        let sequence = self.sequence + u64::from(!self.rules.hold(Rule::SnapshotIsNamed));
        (settled && self.sequence > 0).then(|| Snapshot {
            sequence,
            decided_to: self.decided_to.clone(),
            state: self.state.clone(),
        })
    }
}
