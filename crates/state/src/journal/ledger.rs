//! What one process knows of a journal. No IO.

use super::chain::{Foreign, Kind, Marks};
use super::misfit::{Hole, Misfit, Other};
use super::{Book, Keys, Message, Position, Record, Snapshot, facts};
use chrono::{DateTime, Utc};
use messaging::publish::Outgoing;

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
    /// The keys of the commands that were applied.
    keys: Keys,
    /// Sequence of the last known entry.
    sequence: u64,
    /// Sequence of the subject's last known message, which may be no entry; never before `sequence`.
    tail: u64,
    /// Since when entries carry the header of the journal's writers.
    marks: Marks,
    /// Was the last known entry seen in its place since the reading began?
    seen: bool,
    /// Its id; nothing if there is no entry, or it is known from a snapshot only.
    id: Option<String>,
    decided_to: Option<Position>,
    facts: Facts<Record<B::Body>>,
}

/// Who says that an entry is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The append of this process was acknowledged.
    Append,
    /// It was read.
    Reading,
}

/// Folds an entry into the state and the keys.
pub(super) fn apply<B: Book>(
    book: &B,
    state: &mut B::State,
    keys: &mut Keys,
    record: &Record<B::Body>,
) {
    let mut key = record.key();
    if let Record::Decision(entry) = record {
        book.apply(state, &entry.body);
        key = key.or_else(|| book.key_in_body(&entry.body));
    }
    if let Some(key) = key {
        keys.remember(key);
    }
}

impl<B: Book> Ledger<B> {
    /// Nothing is known.
    pub(super) fn new(book: B) -> Self {
        let state = book.initial();
        Self {
            book,
            state,
            keys: Keys::default(),
            sequence: 0,
            tail: 0,
            marks: Marks::default(),
            seen: false,
            id: None,
            decided_to: None,
            facts: Facts::Stored,
        }
    }

    /// Goes on from a snapshot, or from nothing.
    pub(super) fn load(&mut self, snapshot: Option<Snapshot<B::State>>) {
        self.id = None;
        match snapshot {
            Some(Snapshot { sequence, decided_to, marked_since, keys, mut state }) => {
                self.keys = keys.unwrap_or_else(|| self.book.keys_in_state(&mut state));
                self.state = state;
                self.marks = Marks(marked_since);
                self.sequence = sequence;
                self.decided_to = decided_to;
                self.facts = Facts::Unread;
            }
            None => {
                self.state = self.book.initial();
                self.keys = Keys::default();
                self.marks = Marks::default();
                self.sequence = 0;
                self.decided_to = None;
                self.facts = Facts::Stored;
            }
        }
        self.tail = self.sequence;
    }

    pub(super) fn state(&self) -> &B::State {
        &self.state
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Sequence of the last known entry, 0 if there is none.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn decided_to(&self) -> Option<&Position> {
        self.decided_to.as_ref()
    }

    /// What an append expects as the subject's last message.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// What is to be read: the last known entry again, because another store has another one there,
    /// and what follows the last known message.
    pub(super) fn to_read(&self) -> (Option<u64>, u64) {
        let again = self.compares() || self.is_unread();
        (again.then_some(self.sequence), self.tail + 1)
    }

    fn compares(&self) -> bool {
        self.id.is_some()
    }

    /// Reading begins.
    pub(super) fn begin_reading(&mut self) {
        self.seen = false;
    }

    /// Everything was read, and the last known entry was not in its place.
    pub(super) fn is_missing(&self) -> bool {
        self.is_unread() || self.compares() && !self.seen
    }

    /// The subject's last message is number `last`. A look that was behind may be corrected.
    pub(super) fn read_to(&mut self, last: u64) {
        self.tail = last.max(self.sequence);
    }

    /// Is the last known entry known from a snapshot only?
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.facts, Facts::Unread)
    }

    /// Folds a message of the subject, if it is the entry after the last known one. What is no entry
    /// changes nothing.
    ///
    /// # Errors
    /// It is an entry of an unknown kind, or does not fit; nothing has changed.
    pub(super) fn read(
        &mut self,
        message: Message<'_>,
        source: Source,
    ) -> Result<Option<Foreign>, Misfit> {
        let foreign = match self.marks.kind(message) {
            Kind::Entry(record) => self.fold(message.sequence, message.marked, record, source)?,
            Kind::Foreign(foreign) => Some(foreign),
            Kind::Unknown(error) => return Err(error.into()),
        };
        self.tail = self.tail.max(message.sequence);
        Ok(foreign)
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
        marked: bool,
        record: Record<B::Body>,
        source: Source,
    ) -> Result<Option<Foreign>, Misfit> {
        let prev = record.prev();
        let known = Misfit::Hole(Hole { prev, known: self.sequence });
        if let (true, Some(id)) = (sequence == self.sequence, &self.id) {
            let (found, known) = (record.id(), id.as_str());
            self.seen = found == known;
            return if self.seen { Ok(None) } else { Err(Other::new(found, known).into()) };
        }
        if matches!(self.facts, Facts::Unread) {
            // A snapshot ends with this entry: its facts are owed, its effect is in the state.
            if sequence != self.sequence || record.decided_to() != self.decided_to.as_ref() {
                return Err(known);
            }
            self.marks.note(marked, record.at());
            (self.id, self.seen) = (Some(record.id().to_owned()), true);
            self.owe(record);
            return Ok(None);
        }
        // A writer follows the last entry, or its append is refused. That holds for the entries of
        // this store: has the last known one not been seen in it, this may be another.
        let here = self.seen || !self.compares();
        let late = prev < self.sequence && self.sequence < sequence && source != Source::Append;
        if late && here {
            return Ok(Some(Foreign::Late { prev, known: self.sequence }));
        }
        let follows = prev == self.sequence && self.sequence < sequence;
        if !follows {
            return Err(known);
        }
        self.marks.note(marked, record.at());
        self.seen = true;
        self.tail = self.tail.max(sequence);
        self.sequence = sequence;
        self.id = Some(record.id().to_owned());
        self.decided_to = record.decided_to().cloned();
        apply(&self.book, &mut self.state, &mut self.keys, &record);
        self.owe(record);
        Ok(None)
    }

    fn owe(&mut self, record: Record<B::Body>) {
        self.facts = match record {
            Record::Decision(_) | Record::Skip(_) => Facts::Owed(record),
            Record::Quiet(_) | Record::Rebase(_) => Facts::Stored,
        };
    }

    /// Facts that must be stored before anything is appended or answered.
    pub(super) fn owed(&self) -> Option<Vec<Outgoing>> {
        match &self.facts {
            Facts::Owed(record) => Some(facts::of(&self.book, self.sequence, record)),
            Facts::Stored | Facts::Unread => None,
        }
    }

    /// When the entry was decided whose facts are owed.
    pub(super) fn owed_since(&self) -> Option<DateTime<Utc>> {
        match &self.facts {
            Facts::Owed(record) => Some(record.at()),
            Facts::Stored | Facts::Unread => None,
        }
    }

    /// The facts that `record` would have; their sequence is the longest there is.
    pub(super) fn facts_of(&self, record: &Record<B::Body>) -> Vec<Outgoing> {
        facts::of(&self.book, u64::MAX, record)
    }

    /// Every fact of the last known entry was acknowledged to this process.
    pub(super) fn settled(&mut self) {
        self.facts = Facts::Stored;
    }

    /// A snapshot of what is settled; nothing while it is not.
    pub(super) fn snapshot(&self) -> Option<Snapshot<B::State>> {
        let settled = matches!(self.facts, Facts::Stored);
        (settled && self.sequence > 0).then(|| Snapshot {
            sequence: self.sequence,
            decided_to: self.decided_to.clone(),
            marked_since: self.marks.0,
            keys: Some(self.keys.clone()),
            state: self.state.clone(),
        })
    }
}
