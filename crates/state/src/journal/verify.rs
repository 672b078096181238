//! Reading a whole journal and everything that follows from it.

use super::chain::{Foreign, Kind, Marks};
use super::nats_log::of_consumer;
use super::snapshots::Snapshots;
use super::{Book, DecidedInput, Keys, Message, Position, Record, Snapshot, facts, ledger};
use async_nats::HeaderMap;
use chrono::{DateTime, Utc};
use messaging::publish::Outgoing;
use messaging::{Nats, header, streams, tail};
use serde::de::IgnoredAny;
use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Problems that are described one by one; more are only counted.
pub const PROBLEMS_MAX: usize = 100;

/// What [`verify`] found.
#[derive(Debug)]
pub struct Verification<S> {
    /// Entries read.
    pub entries: u64,
    /// Sequence of the first of them; 0 if there is none.
    pub first: u64,
    /// Sequence of the last of them; 0 if there is none.
    pub last: u64,
    /// Up to where the input is decided.
    pub decided_to: Option<Position>,
    /// What the entries fold to, to be compared with what a writer says.
    pub state: S,
    /// The keys of the commands that were applied.
    pub keys: Keys,
    /// Snapshots that hold what the entries fold to, by their last entry.
    pub snapshots: Vec<u64>,
    /// Facts that follow from the entries.
    pub facts: u64,
    /// Of these, not looked for: their stream keeps them for a shorter time.
    pub expired: u64,
    /// Facts of the last entry that are not stored. Whoever writes next stores them first.
    pub unsettled: u64,
    /// The first [`PROBLEMS_MAX`] problems. None: the journal is whole.
    pub problems: Vec<Problem>,
    /// How many there are in all.
    pub problems_total: u64,
    /// Of these, messages in the journal that are no entries. They change nothing, but somebody
    /// who must not may publish there.
    pub foreign: u64,
}

/// Something is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The journal's entry that it is about; 0 if it is about none.
    pub entry: u64,
    /// What is wrong.
    pub text: String,
}

/// The journal or the facts could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot verify {journal}: {reason}")]
pub struct VerifyError {
    journal: String,
    reason: String,
}

/// Reads the journal on `subject` and the facts of all its entries.
///
/// Checks that each entry can be read and follows the one before it, and that each of its facts is
/// stored exactly once and none is stored that does not follow from an entry, that what was decided is in
/// the input, each once, and that the snapshots hold what the entries fold to. A journal whose beginning
/// was removed is folded from a snapshot on. May be called while the journal is written. Takes about 150
/// bytes of memory for each fact. `now` tells which facts are so old that their stream does not keep them
/// any longer.
///
/// # Errors
/// The server does not answer. What is wrong with the journal is no error but in the result.
pub async fn verify<B: Book>(
    nats: &Nats,
    subject: &str,
    book: &B,
    now: DateTime<Utc>,
) -> Result<Verification<B::State>, VerifyError> {
    let failed = |error: String| VerifyError { journal: subject.to_owned(), reason: error };
    let mut reading = Reading::new(book, now);
    let snapshots = Snapshots::new(nats.clone(), subject);
    let (_, head) = snapshots.head().await.map_err(|error| failed(error.to_string()))?;
    for saved in head.iter().flat_map(|head| head.previous.iter().chain([&head.current])) {
        let bytes = snapshots.read(saved).await.map_err(|error| failed(error.to_string()))?;
        match bytes.and_then(|bytes| Snapshot::<B::State>::parse(&bytes).ok()) {
            Some(mut snapshot) => {
                let Snapshot { keys, state, .. } = &mut snapshot;
                keys.get_or_insert_with(|| book.keys_in_state(state));
                reading.snapshots.push(snapshot);
            }
            None => reading.problem(saved.sequence, "its snapshot cannot be read".into()),
        }
    }
    let since = reading.snapshots.iter().find_map(|snapshot| snapshot.marked_since);
    // Where the beginning was removed, what is left does not say it.
    reading.marks = Marks(since);
    for stream in book.fact_filters().iter().filter_map(|filter| streams::of_subject(filter)) {
        let age = streams::age_max(nats, stream.name).await;
        reading.keeps.insert(stream.name, age.map_err(|error| failed(error.to_string()))?);
    }
    tail::read(nats, streams::JOURNAL, subject, 1, false, |message| {
        if let Some(message) = of_consumer(message) {
            reading.message(message);
        }
    })
    .await
    .map_err(|error| failed(error.to_string()))?;
    for filter in book.fact_filters() {
        let Some(stream) = streams::of_subject(&filter) else {
            reading.problem(0, format!("no stream keeps {filter}"));
            continue;
        };
        tail::read(nats, stream.name, &filter, 1, true, |message| {
            reading.fact(&message.subject, message.headers.as_ref());
        })
        .await
        .map_err(|error| failed(error.to_string()))?;
    }
    if let Some(Position { stream, filter, .. }) = reading.found.decided_to.clone() {
        let from = reading.decided.keys().min().copied().unwrap_or(u64::MAX);
        let handle = nats.js.get_stream(&stream).await.map_err(|e| failed(e.to_string()))?;
        let first = handle.cached_info().state.first_sequence;
        tail::read(nats, &stream, &filter, from.max(first), true, |message| {
            if let Ok(info) = message.info() {
                reading.input(info.stream_sequence, &message.subject);
            }
        })
        .await
        .map_err(|error| failed(error.to_string()))?;
        reading.without_input(first, &filter);
    }
    if !reading.later.is_empty() {
        let mut entries = HashSet::new();
        let from = reading.found.last + 1;
        let since = tail::read(nats, streams::JOURNAL, subject, from, false, |message| {
            let message = of_consumer(message);
            let record = message.and_then(|message| {
                Some((message.sequence, Record::<IgnoredAny>::parse(message.payload).ok()?))
            });
            entries.extend(record.map(|(sequence, record)| named(record.id(), sequence)));
        });
        since.await.map_err(|error| failed(error.to_string()))?;
        reading.later(&entries);
    }
    Ok(reading.end())
}

/// A fact that must be stored.
struct Expected {
    entry: u64,
    expired: bool,
    found: bool,
}

struct Reading<'a, B: Book> {
    book: &'a B,
    now: DateTime<Utc>,
    /// How long streams keep messages, by their names; nothing means for ever.
    keeps: HashMap<&'static str, Option<Duration>>,
    /// By a hash of the fact's subject and decision.
    expected: HashMap<u64, Expected>,
    snapshots: Vec<Snapshot<B::State>>,
    /// Is the state that of the last entry? Not before the first snapshot, if the beginning was
    /// removed.
    folded: bool,
    marks: Marks,
    /// Messages of the input that are decided, by sequence: the entry, and a hash of the subject.
    decided: HashMap<u64, (u64, Option<u64>)>,
    /// By a hash of what is to be done once: the entry, and when it was decided.
    once: HashMap<u64, (u64, DateTime<Utc>)>,
    /// Facts of entries behind the last one: hash of id and sequence, sequence, subject.
    later: Vec<(u64, u64, Box<str>)>,
    found: Verification<B::State>,
}

impl<'a, B: Book> Reading<'a, B> {
    fn new(book: &'a B, now: DateTime<Utc>) -> Self {
        let found = Verification {
            entries: 0,
            first: 0,
            last: 0,
            decided_to: None,
            state: book.initial(),
            keys: Keys::default(),
            snapshots: Vec::new(),
            facts: 0,
            expired: 0,
            unsettled: 0,
            problems: Vec::new(),
            problems_total: 0,
            foreign: 0,
        };
        let (expected, snapshots) = (HashMap::new(), Vec::new());
        Self {
            book,
            now,
            keeps: HashMap::new(),
            expected,
            snapshots,
            folded: true,
            marks: Marks::default(),
            decided: HashMap::new(),
            once: HashMap::new(),
            later: Vec::new(),
            found,
        }
    }

    fn problem(&mut self, entry: u64, text: String) {
        self.found.problems_total += 1;
        if self.found.problems.len() < PROBLEMS_MAX {
            self.found.problems.push(Problem { entry, text });
        }
    }

    /// As a writer reads it.
    fn message(&mut self, message: Message<'_>) {
        let (sequence, known) = (message.sequence, self.found.last);
        match self.marks.kind(message) {
            Kind::Entry(record) if record.prev() < known => {
                self.foreign(sequence, &Foreign::Late { prev: record.prev(), known });
            }
            Kind::Entry(record) => self.entry(sequence, message.marked, &record),
            Kind::Foreign(foreign) => self.foreign(sequence, &foreign),
            Kind::Unknown(error) => self.problem(sequence, error.to_string()),
        }
    }

    fn foreign(&mut self, sequence: u64, foreign: &Foreign) {
        self.found.foreign += 1;
        self.problem(sequence, format!("it is no entry and is passed over: {foreign}"));
    }

    fn entry(&mut self, sequence: u64, marked: bool, record: &Record<B::Body>) {
        self.marks.note(marked, record.at());
        let (prev, last) = (record.prev(), self.found.last);
        if self.found.entries == 0 {
            self.found.first = sequence;
            self.folded = prev == 0 || !self.snapshots.iter().any(|s| sequence <= s.sequence);
        }
        if prev != last && (self.folded || last != 0) {
            self.problem(sequence, format!("it follows {prev}, but the entry before it is {last}"));
        }
        self.found.entries += 1;
        self.found.last = sequence;
        let moves = record.decided_to() != self.found.decided_to.as_ref();
        self.found.decided_to = record.decided_to().cloned();
        if let Record::Rebase(_) = record {
            // Another input, or the same one again: somebody has said so.
            self.decided.clear();
            self.once.clear();
        }
        // What a rebase passes over is refused before the position moves, perhaps to another stream.
        if moves {
            self.decides(sequence, record);
        }
        if self.folded {
            ledger::apply(self.book, &mut self.found.state, &mut self.found.keys, record);
        }
        for fact in facts::of(self.book, sequence, record) {
            self.expect(sequence, record.at(), &fact);
        }
        self.compare(sequence);
    }

    fn decides(&mut self, entry: u64, record: &Record<B::Body>) {
        let at = record.at();
        for input in facts::inputs(self.book, record) {
            let DecidedInput { sequence: message, subject, once, .. } = input;
            // What the input no longer keeps may be placed again, and is new then.
            if let Some(once) = once
                && let Some((before, then)) = self.once.insert(hash(&*once), (entry, at))
                && !subject.as_ref().is_some_and(|subject| self.is_past(subject, then, at))
            {
                self.problem(
                    entry,
                    format!("{once} is carried out again; entry {before} did it before"),
                );
            }
            let subject = subject.map(|subject| hash(&*subject));
            if let Some((before, _)) = self.decided.insert(message, (entry, subject)) {
                self.problem(entry, format!("message {message} was decided by entry {before}"));
            }
        }
    }

    /// A message of the input.
    fn input(&mut self, sequence: u64, subject: &str) {
        if let Some((entry, named)) = self.decided.remove(&sequence)
            && named.is_some_and(|named| named != hash(subject))
        {
            let text = format!("it decides another message than {sequence}, {subject}");
            self.problem(entry, text);
        }
    }

    /// What is left was decided and is not in the input, which begins at `first`.
    fn without_input(&mut self, first: u64, filter: &str) {
        let mut left: Vec<_> = std::mem::take(&mut self.decided).into_iter().collect();
        left.sort_unstable();
        for (message, (entry, _)) in left.into_iter().filter(|(message, _)| first <= *message) {
            let text = format!("it decides message {message}, which is not under {filter}");
            self.problem(entry, text);
        }
    }

    /// Compares the state after `sequence` with the snapshot of that entry, or goes on from it.
    fn compare(&mut self, sequence: u64) {
        let at = self.snapshots.iter().position(|snapshot| snapshot.sequence == sequence);
        let Some(snapshot) = at.map(|at| self.snapshots.remove(at)) else { return };
        // States need not be comparable, but they can be written, maps in any order.
        let written = |state| serde_json::to_value(state).ok();
        let same = !self.folded
            || written(&snapshot.state) == written(&self.found.state)
                && snapshot.keys.as_ref() == Some(&self.found.keys);
        if same && snapshot.decided_to == self.found.decided_to {
            self.found.snapshots.push(sequence);
        } else {
            self.problem(sequence, "its snapshot holds another state than the entries".into());
        }
        if !self.folded {
            self.found.state = snapshot.state;
            self.found.keys = snapshot.keys.unwrap_or_default();
            self.folded = true;
        }
    }

    /// Does the stream of `subject` keep, at the time `now`, nothing more of the time `then`?
    fn is_past(&self, subject: &str, then: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let stream = streams::of_subject(subject);
        let keeps = stream.and_then(|stream| self.keeps.get(stream.name).copied()).flatten();
        let age = (now - then).to_std().unwrap_or_default();
        keeps.is_some_and(|keeps| keeps <= age)
    }

    fn expect(&mut self, entry: u64, at: DateTime<Utc>, fact: &Outgoing) {
        self.found.facts += 1;
        let expired = self.is_past(&fact.subject, at, self.now);
        let expected = Expected { entry, expired, found: false };
        if self.expected.insert(key(&fact.subject, Some(&fact.headers)), expected).is_some() {
            self.problem(entry, format!("it has two facts on {}", fact.subject));
        }
    }

    fn fact(&mut self, subject: &str, headers: Option<&HeaderMap>) {
        let entry = text(headers, header::DECISION_SEQUENCE).parse().unwrap_or(0);
        // Its entry was removed.
        if 0 < entry && entry < self.found.first {
            return;
        }
        // Written after the journal was read, or forged.
        if entry > self.found.last {
            let named = named(text(headers, header::DECISION), entry);
            self.later.push((named, entry, subject.into()));
            return;
        }
        match self.expected.entry(key(subject, headers)) {
            Slot::Occupied(mut slot) => {
                if std::mem::replace(&mut slot.get_mut().found, true) {
                    self.problem(entry, format!("{subject} is stored twice"));
                }
            }
            Slot::Vacant(_) => self.problem(entry, format!("{subject} follows from no entry")),
        }
    }

    /// Entries that were written since, by a hash of id and sequence: what is of none of them is forged.
    fn later(&mut self, entries: &HashSet<u64>) {
        if self.found.entries == 0 && entries.is_empty() {
            let count = std::mem::take(&mut self.later).len();
            return self
                .problem(0, format!("{count} facts are stored, but the journal has no entry"));
        }
        for (named, entry, subject) in std::mem::take(&mut self.later) {
            if !entries.contains(&named) {
                self.problem(entry, format!("{subject} follows from no entry"));
            }
        }
    }

    fn end(mut self) -> Verification<B::State> {
        for snapshot in std::mem::take(&mut self.snapshots) {
            let (at, last) = (snapshot.sequence, self.found.last);
            self.problem(at, format!("its snapshot is there, but it is not; the last is {last}"));
        }
        let mut missing: HashMap<u64, u64> = HashMap::new();
        for fact in self.expected.values().filter(|fact| !fact.found) {
            if fact.expired {
                self.found.expired += 1;
            } else if fact.entry == self.found.last {
                self.found.unsettled += 1;
            } else {
                *missing.entry(fact.entry).or_default() += 1;
            }
        }
        let mut missing: Vec<_> = missing.into_iter().collect();
        missing.sort_unstable();
        for (entry, count) in missing {
            self.problem(entry, format!("{count} of its facts are not stored"));
        }
        self.found.problems.sort_by_key(|problem| problem.entry);
        self.found
    }
}

fn text<'a>(headers: Option<&'a HeaderMap>, name: &str) -> &'a str {
    headers.and_then(|headers| headers.get(name)).map_or("", |value| value.as_str())
}

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn named(id: &str, sequence: u64) -> u64 {
    hash(&(id, sequence))
}

fn key(subject: &str, headers: Option<&HeaderMap>) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    text(headers, header::DECISION).hash(&mut hasher);
    text(headers, header::DECISION_SEQUENCE).hash(&mut hasher);
    hasher.finish()
}
