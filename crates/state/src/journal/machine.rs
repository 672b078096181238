//! How a commit goes through the journal: what is to be done next, and what an answer changes.
//!
//! No IO, no clock and no waiting. [`super::Journal`] carries out what it wants; the model test lets
//! several of them run against each other in every order.

use super::chain::Foreign;
use super::ledger::{Ledger, Source};
use super::misfit::{Hole, Misfit};
use super::{Appended, Book, Draft, Message, Record, Snapshot, View};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use messaging::publish::Outgoing;

/// Room for the headers of an append.
const HEADERS_BYTES: usize = 256;

/// What one process knows of a journal, and what it is about to do.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Machine<B: Book> {
    ledger: Ledger<B>,
    phase: Phase<B::Body>,
    /// Was the journal read to its end since the last [`Machine::begin`]?
    fresh: bool,
    /// Sequence of the snapshot that the state comes from, 0 if from none.
    loaded: u64,
    /// An entry that does not follow, met since the snapshot was loaded.
    hole: Option<(u64, Hole)>,
    /// An entry that cannot be read, or is another than before.
    unreadable: Option<(u64, String)>,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
enum Phase<B> {
    /// Nothing is known.
    Load,
    /// The end of the journal is to be read, because of this append if it is unclear.
    Read { start: bool, unclear: Option<Unclear> },
    /// The journal was read once: settle, then decide.
    Ready,
    /// An entry waits to be appended.
    Append { record: Record<B>, bytes: Bytes },
}

/// An append of which nobody knows whether it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Unclear {
    /// The last known message at the time.
    after: u64,
    reason: String,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Want {
    /// Load the newest snapshot: [`Machine::loaded`].
    Load,
    /// Read the message `again` and those from a sequence on, from the leader:
    /// [`Machine::message`] for each, then [`Machine::read_to`].
    Read { again: Option<u64>, from: u64 },
    /// Publish these facts: [`Machine::published`].
    Publish(Vec<Outgoing>),
    /// Ask for a decision on [`Machine::view`]: [`Machine::write`], [`Machine::refresh`], or an
    /// answer, which ends the commit.
    Decide,
    /// Append this if `expected` is the last message's sequence: [`Machine::appended`].
    Append { expected: u64, entry: Bytes },
}

/// Why a commit cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Trying again may help.
    Unavailable(String),
    /// The journal ends before what was read of it.
    Shorter { last: u64, known: u64 },
    /// Somebody has to look at it.
    Damaged { sequence: u64, reason: String },
    /// The entry or one of its facts can never be stored.
    TooLarge { what: String, bytes: usize, bytes_max: usize },
}

impl<B: Book> Machine<B> {
    /// Nothing is known.
    pub(super) fn new(book: B) -> Self {
        Self {
            ledger: Ledger::new(book),
            phase: Phase::Load,
            fresh: false,
            loaded: 0,
            hole: None,
            unreadable: None,
        }
    }

    /// A commit begins, or begins again. What an earlier one left half done is unclear: it is
    /// found when an append is refused or the tail is read. Facts that are owed wait for that read:
    /// on another store than the entry's own they would be taken for stored.
    pub(super) fn begin(&mut self) {
        self.fresh = false;
        self.hole = None;
        self.unreadable = None;
        self.ledger.begin_reading();
        match self.phase {
            Phase::Load | Phase::Read { start: true, .. } => self.phase = Phase::Load,
            Phase::Ready | Phase::Read { start: false, .. } | Phase::Append { .. } => {
                self.phase = Phase::Ready;
                if self.ledger.owed().is_some() {
                    self.refresh();
                }
            }
        }
    }

    /// What is to be done next.
    pub(super) fn want(&self) -> Want {
        match &self.phase {
            Phase::Load => Want::Load,
            Phase::Read { .. } => {
                let (again, from) = self.ledger.to_read();
                Want::Read { again, from }
            }
            Phase::Append { bytes, .. } => {
                Want::Append { expected: self.ledger.tail(), entry: bytes.clone() }
            }
            // Nothing is decided, answered or appended before the facts are stored.
            Phase::Ready => self.ledger.owed().map_or(Want::Decide, Want::Publish),
        }
    }

    /// When the entry was decided whose facts are owed.
    pub(super) fn owed_since(&self) -> Option<DateTime<Utc>> {
        self.ledger.owed_since()
    }

    /// What a decision looks at, at a time.
    pub(super) fn view(&self, now: DateTime<Utc>) -> View<'_, B::State> {
        let (state, decided_to) = (self.ledger.state(), self.ledger.decided_to());
        let (entry, keys, fresh) = (self.ledger.sequence(), self.ledger.keys(), self.fresh);
        View { state, entry, decided_to, keys, fresh, now }
    }

    /// Sequence of the last known entry.
    pub(super) fn sequence(&self) -> u64 {
        self.ledger.sequence()
    }

    /// The newest snapshot there is.
    ///
    /// # Errors
    /// The journal has a hole after it, as was seen before.
    pub(super) fn loaded(&mut self, snapshot: Option<Snapshot<B::State>>) -> Result<(), Stop> {
        let sequence = snapshot.as_ref().map_or(0, |snapshot| snapshot.sequence);
        if let Some((entry, hole)) = self.hole.take()
            && sequence == self.loaded
        {
            return Err(Stop::Damaged { sequence: entry, reason: hole.to_string() });
        }
        self.loaded = sequence;
        self.ledger.load(snapshot);
        self.phase = Phase::Read { start: true, unclear: None };
        Ok(())
    }

    /// A message that was read, in order. What follows an entry that does not fit is left out. The
    /// result says why it is no entry and was passed over.
    pub(super) fn message(&mut self, message: Message<'_>) -> Option<Foreign> {
        let reads = matches!(self.phase, Phase::Read { .. });
        if !reads || self.hole.is_some() || self.unreadable.is_some() {
            return None;
        }
        match self.ledger.read(message, Source::Reading) {
            Ok(foreign) => return foreign,
            Err(Misfit::Hole(hole)) => self.hole = Some((message.sequence, hole)),
            Err(misfit @ (Misfit::Other(_) | Misfit::Unknown(_))) => {
                self.unreadable = Some((message.sequence, misfit.to_string()));
            }
        }
        None
    }

    /// All messages up to `last`, the last there is, were given.
    ///
    /// # Errors
    /// An entry cannot be read, the journal has become shorter, or the append that was unclear is
    /// still not there.
    pub(super) fn read_to(&mut self, last: u64) -> Result<(), Stop> {
        if let Some((sequence, reason)) = self.unreadable.take() {
            return Err(Stop::Damaged { sequence, reason });
        }
        let known = self.ledger.sequence();
        if last < known {
            self.hole = None;
            return Err(Stop::Shorter { last, known });
        }
        let Phase::Read { start, unclear } = &self.phase else { return Ok(()) };
        // The last known entry is gone: the snapshot that ends with it is not the newest any more,
        // or this is another store.
        if self.ledger.is_missing() && self.hole.is_none() {
            self.hole = Some((last, Hole { prev: 0, known }));
        }
        self.ledger.begin_reading();
        if self.hole.is_some() {
            // A process that was behind when the journal was trimmed starts anew. One that comes
            // from a snapshot does so if there is a newer one.
            if !start {
                self.loaded = u64::MAX;
            }
            self.phase = Phase::Load;
            return Ok(());
        }
        self.ledger.read_to(last);
        // As long as nothing was written behind it, it may still land.
        let tail = self.ledger.tail();
        let again = unclear.as_ref().filter(|unclear| tail <= unclear.after);
        let again = again.map(|unclear| Stop::Unavailable(unclear.reason.clone()));
        self.phase = Phase::Ready;
        self.fresh = true;
        again.map_or(Ok(()), Err)
    }

    /// The facts were published; `Ok` only if each is known to be stored.
    ///
    /// # Errors
    /// One is not.
    pub(super) fn published(&mut self, result: Result<(), String>) -> Result<(), Stop> {
        if result.is_ok() {
            self.ledger.settled();
        }
        result.map_err(Stop::Unavailable)
    }

    /// The end of the journal is to be read before anything is decided.
    pub(super) fn refresh(&mut self) {
        self.ledger.begin_reading();
        self.phase = Phase::Read { start: false, unclear: None };
    }

    /// This is to be appended.
    ///
    /// # Errors
    /// It, or one of its facts, has more than `bytes_max` bytes.
    pub(super) fn write(
        &mut self,
        id: String,
        at: DateTime<Utc>,
        mut draft: Draft<B::Body>,
        bytes_max: usize,
    ) -> Result<(), Stop> {
        draft.decided_to = draft.decided_to.or_else(|| self.ledger.decided_to().cloned());
        let record = Record::new(id, self.sequence(), at, draft);
        let bytes = record.to_bytes();
        let too_large = |what, bytes| Err(Stop::TooLarge { what, bytes, bytes_max });
        if bytes.len() + HEADERS_BYTES > bytes_max {
            return too_large("the entry".into(), bytes.len());
        }
        // A fact that cannot be stored would block every writer for ever. It repeats a part of its
        // entry, so those of a small entry are small.
        if bytes.len() > bytes_max / 2
            && let Some(fact) =
                self.ledger.facts_of(&record).into_iter().find(|fact| fact.bytes() > bytes_max)
        {
            return too_large(format!("its fact {}", fact.subject), fact.bytes());
        }
        self.phase = Phase::Append { record, bytes };
        Ok(())
    }

    /// What the append came to. An unclear one folds nothing and publishes nothing; what stands
    /// after our last entry says what happened.
    ///
    /// # Errors
    /// The server says that it stored the entry where it does not follow.
    pub(super) fn appended(&mut self, appended: Appended) -> Result<(), Stop> {
        let after = self.ledger.tail();
        let Phase::Append { record, .. } = std::mem::replace(&mut self.phase, Phase::Ready) else {
            return Ok(());
        };
        let sequence = match appended {
            Appended::Stored(sequence) => sequence,
            Appended::Unclear(reason) => {
                let unclear = Some(Unclear { after, reason });
                self.ledger.begin_reading();
                self.phase = Phase::Read { start: false, unclear };
                return Ok(());
            }
        };
        let folded = self.ledger.fold(sequence, true, record, Source::Append);
        self.ledger.begin_reading();
        folded.map_err(|misfit| Stop::Damaged { sequence, reason: misfit.to_string() }).map(drop)
    }

    /// A snapshot of the state, if it is settled.
    pub(super) fn snapshot(&self) -> Option<Snapshot<B::State>> {
        let snapshot = self.ledger.snapshot()?;
        // Of what was loaded nothing is known yet.
        (!matches!(self.phase, Phase::Load | Phase::Read { start: true, .. })).then_some(snapshot)
    }
}

#[cfg(test)]
impl<B: Book + std::hash::Hash> std::hash::Hash for Machine<B>
where
    B::State: std::hash::Hash,
    B::Body: std::hash::Hash,
{
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        (&self.ledger, &self.phase, self.fresh, self.loaded).hash(hasher);
        (&self.hole, &self.unreadable).hash(hasher);
    }
}

#[cfg(test)]
impl<B: Book> Machine<B> {
    /// Facts of the last known entry that are not known to be stored.
    pub(super) fn owed(&self) -> Option<Vec<Outgoing>> {
        self.ledger.owed()
    }

    /// Was the journal read, and does nothing wait?
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready) && self.owed().is_none()
    }

    /// Facts of the entry that waits to be appended.
    pub(super) fn waiting(&self) -> Option<Vec<Outgoing>> {
        match &self.phase {
            Phase::Append { record, .. } => Some(self.ledger.facts_of(record)),
            _ => None,
        }
    }
}
