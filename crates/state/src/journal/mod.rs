//! Decisions that happen once, whatever crashes when.
//!
//! A journal is one subject of the stream `JOURNAL`. Its messages are decisions; their fold is the
//! state. Appending a decision with *expected last sequence* is the commit. What follows from a
//! decision, its facts, is published afterwards, and again by whoever comes next: nobody appends
//! entry n+1 before every fact of entry n is known to be stored.
//!
//! `machine` is the part without IO: what a commit does next. [`Journal`] carries it out over a
//! [`Log`]; [`NatsLog`] is the log. `model` explores what several machines do to each other.

mod batch;
mod chain;
mod commit;
mod decided;
mod entry;
pub mod evidence;
mod facts;
mod figures;
pub mod input;
mod keys;
mod ledger;
mod machine;
mod misfit;
mod nats_log;
mod operations;
mod passed;
mod read;
pub mod rebase;
mod show;
pub mod skip;
mod skipped;
mod snapshot;
mod snapshots;
mod trim;
mod verify;

pub use batch::{Answer, Decided, Part};
pub use chain::{Foreign, UNMARKED_TIME_MAX};
pub use commit::{COMMIT_TIME_MAX, Error, Journal, SHORTER_TIME_MAX, Status, UNSETTLED_TIME_MAX};
pub use decided::{decided_up_to, is_of};
pub use entry::{Draft, Entry, Position, Quiet, Rebase, Record, Unreadable, What};
pub use facts::of as facts;
pub use figures::Figures;
pub use keys::{BoundKey, KEYS_MAX, KeyUse, Keys};
pub use nats_log::{Keep, NatsLog, NoKeep};
pub use operations::{Applied, Command, Extent, Place, Refused, extent, position};
pub use read::{entries, last};
pub use show::{Row, Shown, show};
pub use skipped::{InForce, Skip};
pub use snapshot::{Interval, Snapshot};
pub use verify::{PROBLEMS_MAX, Problem, Verification, VerifyError, verify};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use messaging::Nats;
use messaging::publish::Outgoing;
use messaging::stored::LookupError;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::future::Future;
use std::time::Duration;

/// A message of the input that an entry decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedInput {
    /// Its sequence.
    pub sequence: u64,
    /// Its subject, if the entry says it.
    pub subject: Option<String>,
    /// What is done for it and must be done once, such as an attempt of an order that moves stock.
    pub once: Option<String>,
    /// Which try of what the subject names it is; 1 where there are no tries.
    pub attempt: u32,
}

/// What a journal is about.
pub trait Book: Send + Sync + 'static {
    /// What an entry holds.
    type Body: fmt::Debug + Serialize + DeserializeOwned + Send + Sync;
    /// What entries fold to. Snapshots hold it: a field that is new needs a default that is true of
    /// every older state, or must make older snapshots unreadable.
    type State: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync;

    /// The state before the first entry.
    fn initial(&self) -> Self::State;
    /// Folds an entry into the state.
    fn apply(&self, state: &mut Self::State, body: &Self::Body);
    /// The facts of an entry: a function of the entry alone, each on a subject of its own. The
    /// journal adds the headers that name the entry.
    fn facts(&self, sequence: u64, entry: &Entry<Self::Body>) -> Vec<Outgoing>;
    /// The facts of a message that an operator passed over, as [`Self::facts`].
    fn skip_facts(&self, _sequence: u64, _entry: &Entry<Box<Skip>>) -> Vec<Outgoing> {
        Vec::new()
    }
    /// What was decided about an earlier message on this subject of the input and stays in force when
    /// one behind it is passed over. Asked when all facts are stored; nothing where there is no such thing.
    fn in_force(
        &self,
        _nats: &Nats,
        _subject: &str,
    ) -> impl Future<Output = Result<Option<InForce>, LookupError>> + Send {
        std::future::ready(Ok(None))
    }
    /// The messages of the input that a decision is about.
    fn decides(&self, _: &Self::Body) -> Vec<DecidedInput> {
        Vec::new()
    }
    /// The subject of the message of the input that a fact tells about, by the subject of the fact; of
    /// a filter of facts, the filter of those messages. Nothing if it tells about none.
    fn input_of(&self, _fact: &str) -> Option<String> {
        None
    }
    /// The filters under which all facts of this journal, and nothing else, are kept.
    fn fact_filters(&self) -> Vec<String>;
    /// The key of a command in a body of version 0.1.0, whose entries had no field for it.
    fn key_in_body<'a>(&self, _: &'a Self::Body) -> Option<&'a str> {
        None
    }
    /// Takes the keys out of a state of version 0.1.0, whose snapshots had no field for them.
    fn keys_in_state(&self, _: &mut Self::State) -> Keys {
        Keys::default()
    }
}

/// A message of a journal's subject.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its sequence.
    pub sequence: u64,
    /// Has it the header that writers of a journal set, [`messaging::header::JOURNAL`]?
    pub marked: bool,
    /// When the server stored it.
    pub stored: DateTime<Utc>,
    /// What it holds.
    pub payload: &'a [u8],
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
    /// Appends `entry`, marked as one of ours, if `expected` is the sequence of the subject's last
    /// message, whatever that message is.
    fn append(&self, expected: u64, entry: Bytes) -> impl Future<Output = Appended> + Send;
    /// Gives the message `again`, if it is there, and then those from sequence `from` on to `each`,
    /// in order, up to the last there is. The result is the last one's sequence, 0 if there is none
    /// at all; it is read from the leader.
    fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> impl Future<Output = Result<u64, LogError>> + Send;
    /// Publishes facts of one entry. `Ok` only when each of them is known to be stored, by this call or an
    /// earlier one.
    fn publish(&self, facts: Vec<Outgoing>) -> impl Future<Output = Result<(), LogError>> + Send;
    /// How long a fact on `subject` is kept; nothing means for ever.
    fn keeps(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Option<Duration>, LogError>> + Send;
    /// The newest snapshot that can be read whole.
    fn load(&self) -> impl Future<Output = Result<Option<Vec<u8>>, LogError>> + Send;
    /// Keeps a snapshot of the entries up to `sequence` unless there is a newer one. The result is
    /// the newest one's sequence.
    fn save(
        &self,
        sequence: u64,
        snapshot: Vec<u8>,
    ) -> impl Future<Output = Result<u64, LogError>> + Send;
    /// Largest message, headers included, in bytes.
    fn message_bytes_max(&self) -> usize;
    /// A text that nobody else has as an id.
    fn new_id(&self) -> String;
    /// The time.
    fn now(&self) -> DateTime<Utc>;
}

/// The log did not do it; trying again may help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// What a decision function wants.
#[derive(Debug)]
pub enum Decide<B, T> {
    /// Append this decision, then ask again.
    Append {
        /// The decision.
        body: B,
        /// Up to where the input is decided by it; nothing if it does not concern the input.
        decided_to: Option<Position>,
    },
    /// Append an entry of any kind, then ask again.
    Write(Draft<B>),
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
    /// Sequence of that entry, 0 before the first one. When a question ends a commit, all facts up to it are stored:
    /// what is then looked up of facts holds for as long as this is the last entry.
    pub entry: u64,
    /// Up to where the input is decided.
    pub decided_to: Option<&'a Position>,
    /// The keys of the commands that were applied.
    pub keys: &'a Keys,
    /// Was the end of the journal read since the last answer?
    pub fresh: bool,
    /// The time of an entry that is appended now, [`Entry::at`].
    pub now: DateTime<Utc>,
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
