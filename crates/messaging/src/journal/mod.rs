//! Decisions that happen once, whatever crashes when.
//!
//! A journal is one subject of the stream `JOURNAL`. Its messages are decisions; their fold is the
//! state. Appending a decision with *expected last sequence* is the commit. What follows from a
//! decision, its facts, is published afterwards, and again by whoever comes next: nobody appends
//! entry n+1 before every fact of entry n is known to be stored.
//!
//! [`Ledger`] is the part without IO; [`Journal`] drives it over a [`Log`]; [`NatsLog`] is the log.

mod entry;
pub mod input;
mod ledger;
mod nats_log;
mod operations;
mod verify;

pub use entry::{Entry, Position, Rebase, Record, Unreadable};
pub use ledger::{Folded, Hole, Ledger};
pub use nats_log::NatsLog;
pub use operations::{Applied, Command, Place, position};
pub use verify::{PROBLEMS_MAX, Problem, Verification, VerifyError, verify};

use crate::publish::Outgoing;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::future::Future;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// What a journal is about.
pub trait Book: Send + Sync + 'static {
    /// What an entry holds.
    type Body: Serialize + DeserializeOwned + Send + Sync;
    /// What entries fold to.
    type State: fmt::Debug + Send + Sync;

    /// The state before the first entry.
    fn initial(&self) -> Self::State;
    /// Folds an entry into the state.
    fn apply(&self, state: &mut Self::State, body: &Self::Body);
    /// The facts of an entry: a function of the entry alone, each on a subject of its own.
    fn facts(&self, sequence: u64, entry: &Entry<Self::Body>) -> Vec<Outgoing>;
    /// The filters under which all facts of this journal, and nothing else, are kept.
    fn fact_filters(&self) -> Vec<String>;
}

/// What an append came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is entry number so-and-so.
    Stored(u64),
    /// Nobody knows: refused, timed out, or answered in a way that proves nothing. It may be
    /// stored, now or later.
    Unclear(String),
}

/// Where a journal is kept. The port behind which tests put a faulty one.
pub trait Log: Send + Sync + 'static {
    /// Appends `entry` if `expected` is the last entry's sequence.
    fn append(&self, expected: u64, entry: Bytes) -> impl Future<Output = Appended> + Send;
    /// The entries after `sequence`, in order, up to the last there is; read from the leader.
    fn after(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<Vec<(u64, Bytes)>, LogError>> + Send;
    /// The last entry's sequence, 0 if there is none; read from the leader.
    fn last(&self) -> impl Future<Output = Result<u64, LogError>> + Send;
    /// Publishes facts. `Ok` only when each of them is known to be stored, by this call or an
    /// earlier one.
    fn publish(&self, facts: Vec<Outgoing>) -> impl Future<Output = Result<(), LogError>> + Send;
    /// A text that nobody else has as an id.
    fn new_id(&self) -> String;
    /// The time.
    fn now(&self) -> DateTime<Utc>;
}

/// The log did not do it; trying again may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// Why a commit gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The log does not answer; try again.
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
}

/// What a decision function wants.
#[derive(Debug)]
pub enum Decide<B, T> {
    /// Append this, then ask again.
    Append {
        /// The decision.
        body: B,
        /// Up to where the input is decided by it; nothing if it does not concern the input.
        decided_to: Option<Position>,
    },
    /// Append an entry that only sets the position in the input, then ask again.
    Rebase {
        /// Where the input goes on.
        to: Position,
        /// Why, in the operator's words.
        reason: String,
    },
    /// Read what others have written, then ask again. Only where `fresh` is false.
    Refresh,
    /// Nothing more to write: this is the answer.
    Answer(T),
}

/// What a decision function looks at.
#[derive(Debug)]
pub struct View<'a, S> {
    /// The state up to the last known entry.
    pub state: &'a S,
    /// Up to where the input is decided.
    pub decided_to: Option<&'a Position>,
    /// Was the end of the journal read since the last answer?
    pub fresh: bool,
}

/// Longest time a commit tries before it says that the log is unavailable.
pub const COMMIT_TIME_MAX: Duration = Duration::from_secs(20);

/// One journal, as one process knows it. All writers of the process go through one value.
#[derive(Debug)]
pub struct Journal<B: Book, L> {
    name: String,
    log: L,
    ledger: Mutex<Ledger<B>>,
}

impl<B: Book, L: Log> Journal<B, L> {
    /// A journal of which nothing is known yet; the first commit reads it.
    pub fn new(name: impl Into<String>, book: B, log: L) -> Self {
        Self { name: name.into(), log, ledger: Mutex::new(Ledger::new(book)) }
    }

    /// Calls `decide` until it answers, appending what it decides in between. An answer is given
    /// only when every fact of the last known entry is stored.
    ///
    /// # Errors
    /// The log does not answer for [`COMMIT_TIME_MAX`], or the journal is damaged.
    pub async fn commit<T>(
        &self,
        mut decide: impl FnMut(View<'_, B::State>) -> Decide<B::Body, T>,
    ) -> Result<T, Error> {
        let mut ledger = self.ledger.lock().await;
        let deadline = Instant::now() + COMMIT_TIME_MAX;
        let mut fresh = false;
        let mut pause = Duration::from_millis(10);
        loop {
            let step = self.step(&mut ledger, &mut fresh, &mut decide).await;
            match step {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(Error::Unavailable { reason, .. }) if Instant::now() < deadline => {
                    tracing::warn!(journal = %self.name, %reason, "trying again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                    fresh = false;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn step<T>(
        &self,
        ledger: &mut Ledger<B>,
        fresh: &mut bool,
        decide: &mut impl FnMut(View<'_, B::State>) -> Decide<B::Body, T>,
    ) -> Result<Option<T>, Error> {
        if !ledger.is_started() {
            self.catch_up(ledger).await?;
            *fresh = true;
        }
        self.settle(ledger).await?;
        let view = View { state: ledger.state(), decided_to: ledger.decided_to(), fresh: *fresh };
        match decide(view) {
            Decide::Answer(answer) => return Ok(Some(answer)),
            Decide::Refresh => {
                self.catch_up(ledger).await?;
                *fresh = true;
            }
            Decide::Append { body, decided_to } => {
                let entry = ledger.entry(self.log.new_id(), self.log.now(), decided_to, body);
                self.append(ledger, fresh, Record::Decision(entry)).await?;
            }
            Decide::Rebase { to, reason } => {
                let rebase = ledger.rebase(self.log.new_id(), self.log.now(), to, reason);
                self.append(ledger, fresh, Record::Rebase(rebase)).await?;
            }
        }
        Ok(None)
    }

    async fn append(
        &self,
        ledger: &mut Ledger<B>,
        fresh: &mut bool,
        record: Record<B::Body>,
    ) -> Result<(), Error> {
        match self.log.append(ledger.sequence(), record.to_bytes()).await {
            Appended::Stored(sequence) => {
                ledger.fold(sequence, record).map_err(|hole| self.damaged(sequence, &hole))?;
            }
            // Nothing is folded and nothing is published; what stands after our last entry says
            // what happened.
            Appended::Unclear(reason) => {
                tracing::info!(journal = %self.name, %reason, "append unclear");
                let before = ledger.sequence();
                self.catch_up(ledger).await?;
                *fresh = true;
                if ledger.sequence() == before {
                    return Err(self.unavailable(reason));
                }
            }
        }
        Ok(())
    }

    /// Publishes the facts of the last known entry, unless this process knows them to be stored.
    async fn settle(&self, ledger: &mut Ledger<B>) -> Result<(), Error> {
        if let Some(facts) = ledger.unsettled() {
            self.log.publish(facts).await.map_err(|error| self.unavailable(error.to_string()))?;
            ledger.settled();
        }
        Ok(())
    }

    /// Reads and folds the entries that others wrote.
    async fn catch_up(&self, ledger: &mut Ledger<B>) -> Result<(), Error> {
        let last = self.last().await?;
        if last < ledger.sequence() {
            let reason = format!("it ends at {last}, but {} was read before", ledger.sequence());
            return Err(Error::Damaged { journal: self.name.clone(), sequence: last, reason });
        }
        if last > ledger.sequence() && self.read_from(ledger).await?.is_some() {
            // An entry between was not seen: start from nothing once, then it is damage.
            ledger.forget();
            if let Some((sequence, hole)) = self.read_from(ledger).await? {
                return Err(self.damaged(sequence, &hole));
            }
        }
        ledger.started();
        Ok(())
    }

    async fn read_from(&self, ledger: &mut Ledger<B>) -> Result<Option<(u64, Hole)>, Error> {
        let entries = self
            .log
            .after(ledger.sequence())
            .await
            .map_err(|error| self.unavailable(error.to_string()))?;
        for (sequence, bytes) in entries {
            let record = Record::parse(&bytes).map_err(|error| self.damaged(sequence, &error))?;
            if let Err(hole) = ledger.fold(sequence, record) {
                return Ok(Some((sequence, hole)));
            }
        }
        Ok(None)
    }

    async fn last(&self) -> Result<u64, Error> {
        self.log.last().await.map_err(|error| self.unavailable(error.to_string()))
    }

    fn unavailable(&self, reason: String) -> Error {
        Error::Unavailable { journal: self.name.clone(), reason }
    }

    fn damaged(&self, sequence: u64, reason: &impl fmt::Display) -> Error {
        Error::Damaged { journal: self.name.clone(), sequence, reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests;
