//! Carrying out a commit: the machine says what, the log does it, the clock says for how long.

use super::machine::{Machine, Stop, Want};
use super::passed::Passed;
use super::{
    Appended, Book, Decide, Draft, Interval, Log, LogError, Message, Snapshot, View, What,
};
use chrono::{DateTime, Utc};
use messaging::publish::Outgoing;
use messaging::streams;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Longest time a commit tries before it says that the log is unavailable.
pub const COMMIT_TIME_MAX: Duration = Duration::from_secs(20);
/// Longest time that a journal may seem to end before what was read of it: a leader that was
/// replaced may answer for a moment.
pub const SHORTER_TIME_MAX: Duration = Duration::from_secs(3);
/// Facts that are not stored after this time are an alert: nothing is decided meanwhile.
pub const UNSETTLED_TIME_MAX: Duration = Duration::from_secs(30);

/// A stream keeps its messages for longer than this.
const FRESH: Duration = Duration::from_secs(60);

/// Why a commit gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The log does not answer; try again. What was to be appended may be stored, now or later.
    #[error("journal {journal}: {reason}")]
    Unavailable {
        /// Which journal.
        journal: String,
        /// What the log said last.
        reason: String,
    },
    /// An entry is missing or cannot be read: somebody has to look at it.
    #[error("journal {journal} is damaged at {sequence}: {reason}")]
    Damaged {
        /// Which journal.
        journal: String,
        /// The entry.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// The entry or one of its facts can never be stored. Nothing was appended.
    #[error("journal {journal}: {what} has {bytes} bytes, a message at most {bytes_max}")]
    TooLarge {
        /// Which journal.
        journal: String,
        /// What is too large.
        what: String,
        /// Its size.
        bytes: usize,
        /// What the server takes.
        bytes_max: usize,
    },
}

/// How a journal stands in this process, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Sequence of the last known entry.
    pub sequence: u64,
    /// How long the facts of that entry could not be stored; nothing if they are.
    pub unsettled: Option<Duration>,
    /// The newest snapshot that this process knows of, by its last entry; 0 if of none.
    pub snapshot: u64,
    /// Messages that are no entries, which this process met since it started and passed over.
    pub foreign: u64,
}

/// One journal, as one process knows it. All writers of the process go through one value.
#[derive(Debug)]
pub struct Journal<B: Book, L> {
    name: String,
    log: Arc<L>,
    inner: Mutex<Inner<B>>,
    interval: Interval,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Inner<B: Book> {
    machine: Machine<B>,
    /// Since the last snapshot that was taken or loaded.
    entries: u64,
    bytes: u64,
    /// Is there no snapshot at all?
    bare: bool,
}

/// What is known without waiting for a commit.
#[derive(Debug, Default)]
struct Shared {
    saving: AtomicBool,
    known: SyncMutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sequence: u64,
    unsettled_since: Option<Instant>,
    alerted: Option<Instant>,
    snapshot: u64,
    foreign: u64,
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Book, L: Log> Journal<B, L> {
    /// A journal of which nothing is known yet; the first commit reads it.
    pub fn new(name: impl Into<String>, book: B, log: L) -> Self {
        let inner = Inner { machine: Machine::new(book), entries: 0, bytes: 0, bare: true };
        Self {
            name: name.into(),
            log: Arc::new(log),
            inner: Mutex::new(inner),
            interval: Interval::default(),
            shared: Arc::default(),
        }
    }

    /// With snapshots at another interval.
    #[must_use]
    pub fn snapshots(mut self, interval: Interval) -> Self {
        self.interval = interval;
        self
    }

    /// How it stands. Does not wait for a commit.
    #[must_use]
    pub fn status(&self) -> Status {
        let known = self.shared.known();
        Status {
            sequence: known.sequence,
            unsettled: known.unsettled_since.map(|since| since.elapsed()),
            snapshot: known.snapshot,
            foreign: known.foreign,
        }
    }

    /// Calls `decide` until it answers, appending what it decides in between. An answer is given
    /// only when every fact of the last known entry is stored.
    ///
    /// A call that is dropped leaves what it appended unclear, as a time-out does.
    ///
    /// # Errors
    /// The log does not answer for [`COMMIT_TIME_MAX`], or the journal is damaged, or what is to be
    /// appended is too large.
    pub async fn commit<T>(
        &self,
        mut decide: impl FnMut(View<'_, B::State>) -> Decide<B::Body, T>,
    ) -> Result<T, Error> {
        let mut inner = self.inner.lock().await;
        let began = Instant::now();
        let mut pause = Duration::from_millis(10);
        inner.machine.begin();
        loop {
            let done = match inner.machine.want() {
                Want::Decide => match self.decide(&mut inner, &mut decide) {
                    Ok(Some(answer)) => {
                        self.snapshot_if_due(&mut inner);
                        return Ok(answer);
                    }
                    Ok(None) => Ok(()),
                    Err(stop) => Err(stop),
                },
                // Apart from the above, so that it is compiled once and not for each decision.
                want => self.carry_out(&mut inner, want).await,
            };
            let Err(stop) = done else { continue };
            let time_max = match &stop {
                Stop::Unavailable(_) => COMMIT_TIME_MAX,
                Stop::Shorter { .. } => SHORTER_TIME_MAX,
                Stop::Damaged { .. } | Stop::TooLarge { .. } => Duration::ZERO,
            };
            let error = self.error(stop);
            if time_max <= began.elapsed() {
                return Err(error);
            }
            tracing::warn!(%error, "trying again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
            inner.machine.begin();
        }
    }

    /// Asks for a decision: the answer, if it is one.
    fn decide<T>(
        &self,
        inner: &mut Inner<B>,
        decide: &mut impl FnMut(View<'_, B::State>) -> Decide<B::Body, T>,
    ) -> Result<Option<T>, Stop> {
        let machine = &mut inner.machine;
        let now = self.log.now();
        let draft = match decide(machine.view(now)) {
            Decide::Answer(answer) => return Ok(Some(answer)),
            Decide::Refresh => {
                machine.refresh();
                return Ok(None);
            }
            Decide::Append { body, decided_to } => {
                Draft { what: What::Decision(body), decided_to, key: None }
            }
            Decide::Write(draft) => draft,
        };
        machine.write(self.log.new_id(), now, draft, self.log.message_bytes_max())?;
        self.shared.known().sequence = machine.sequence();
        Ok(None)
    }

    /// Does what the machine wants next, if that is no decision.
    async fn carry_out(&self, inner: &mut Inner<B>, want: Want) -> Result<(), Stop> {
        let Inner { machine, entries, bytes, bare } = inner;
        let unavailable = |error: LogError| Stop::Unavailable(error.to_string());
        match want {
            Want::Decide => {}
            Want::Load => {
                let snapshot = self.log.load().await.map_err(unavailable)?;
                let snapshot = snapshot.and_then(|bytes| self.parse(&bytes));
                self.shared.known().snapshot = snapshot.as_ref().map_or(0, |s| s.sequence);
                (*entries, *bytes, *bare) = (0, 0, snapshot.is_none());
                machine.loaded(snapshot)?;
            }
            Want::Read { again, from } => {
                let mut passed = Passed::default();
                let mut each = |message: Message<'_>| {
                    // Also what is passed over is read again by a start.
                    if message.sequence >= from {
                        *entries += 1;
                        *bytes += message.payload.len() as u64;
                    }
                    if let Some(foreign) = machine.message(message) {
                        passed.note(message.sequence, foreign);
                    }
                };
                let last = self.log.read(again, from, &mut each).await;
                self.shared.known().foreign += passed.say(&self.name);
                machine.read_to(last.map_err(unavailable)?)?;
            }
            Want::Publish(facts) => {
                let result = self.publish(facts, machine.owed_since()).await;
                let result = result.map_err(|error| error.to_string());
                self.watch(result.as_ref().err());
                machine.published(result)?;
            }
            Want::Append { expected, entry } => {
                let size = entry.len() as u64;
                let appended = self.log.append(expected, entry).await;
                match &appended {
                    Appended::Stored(_) => {
                        *entries += 1;
                        *bytes += size;
                    }
                    Appended::Unclear(reason) => {
                        tracing::info!(journal = %self.name, %reason, "append unclear");
                    }
                }
                machine.appended(appended)?;
            }
        }
        self.shared.known().sequence = machine.sequence();
        Ok(())
    }

    /// Publishes facts of a decision of that time, but for those that their stream would not keep any more:
    /// published now, they would be taken for new.
    async fn publish(
        &self,
        facts: Vec<Outgoing>,
        decided: Option<DateTime<Utc>>,
    ) -> Result<(), LogError> {
        let age = decided.and_then(|decided| (self.log.now() - decided).to_std().ok());
        let Some(age) = age.filter(|age| FRESH <= *age) else {
            return self.log.publish(facts).await;
        };
        // Each is a question, and an entry may have thousands of facts: one for each stream.
        let mut asked = HashMap::new();
        let mut kept = Vec::new();
        for fact in facts {
            let stream = streams::of_subject(&fact.subject).map(|stream| stream.name);
            let keeps = match asked.get(&stream) {
                Some(keeps) => *keeps,
                None => {
                    let keeps = self.log.keeps(&fact.subject).await?;
                    asked.insert(stream, keeps);
                    keeps
                }
            };
            if keeps.is_none_or(|keeps| age < keeps) {
                kept.push(fact);
            }
        }
        self.log.publish(kept).await
    }

    /// A snapshot of another version is none: the journal is read from its beginning instead, and
    /// if that was trimmed, it is damaged.
    fn parse(&self, bytes: &[u8]) -> Option<Snapshot<B::State>> {
        Snapshot::parse(bytes)
            .inspect_err(
                |error| tracing::warn!(journal = %self.name, %error, "snapshot unreadable"),
            )
            .ok()
    }

    /// Remembers since when facts are not stored, and says so when it takes too long.
    fn watch(&self, failed: Option<&String>) {
        let mut known = self.shared.known();
        let Some(reason) = failed else {
            known.unsettled_since = None;
            known.alerted = None;
            return;
        };
        let since = *known.unsettled_since.get_or_insert_with(Instant::now);
        let quiet = known.alerted.is_none_or(|at| at.elapsed() >= UNSETTLED_TIME_MAX);
        if since.elapsed() >= UNSETTLED_TIME_MAX && quiet {
            known.alerted = Some(Instant::now());
            let seconds = since.elapsed().as_secs();
            tracing::error!(
                journal = %self.name, seconds, %reason,
                "the facts of the last entry cannot be stored: nothing is decided"
            );
        }
    }

    /// Writes a snapshot beside the commits, one at a time. A first one is written at once: a later
    /// start then knows a journal that was emptied from one that is new.
    fn snapshot_if_due(&self, inner: &mut Inner<B>) {
        let Interval { entries, bytes } = self.interval;
        let due = inner.bare || inner.entries >= entries || inner.bytes >= bytes;
        if !due || self.shared.saving.load(Ordering::Acquire) {
            return;
        }
        let Some(snapshot) = inner.machine.snapshot() else { return };
        (inner.entries, inner.bytes, inner.bare) = (0, 0, false);
        self.shared.saving.store(true, Ordering::Release);
        let (log, shared, journal) = (self.log.clone(), self.shared.clone(), self.name.clone());
        tokio::spawn(async move {
            let sequence = snapshot.sequence;
            let bytes = tokio::task::spawn_blocking(move || snapshot.to_bytes()).await;
            let saved = match bytes {
                Ok(bytes) => log.save(sequence, bytes).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match saved {
                Ok(newest) => {
                    let mut known = shared.known();
                    known.snapshot = known.snapshot.max(newest);
                    tracing::debug!(%journal, sequence, newest, "snapshot");
                }
                // The next interval tries again; until then a start reads more.
                Err(reason) => tracing::warn!(%journal, sequence, %reason, "snapshot not written"),
            }
            shared.saving.store(false, Ordering::Release);
        });
    }

    fn error(&self, stop: Stop) -> Error {
        let journal = self.name.clone();
        match stop {
            Stop::Unavailable(reason) => Error::Unavailable { journal, reason },
            Stop::Shorter { last, known } => {
                let reason = format!("it ends at {last}, but {known} was read before");
                Error::Damaged { journal, sequence: last, reason }
            }
            Stop::Damaged { sequence, reason } => Error::Damaged { journal, sequence, reason },
            Stop::TooLarge { what, bytes, bytes_max } => {
                Error::TooLarge { journal, what, bytes, bytes_max }
            }
        }
    }
}
