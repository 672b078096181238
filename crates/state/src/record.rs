//! Records: things that people edit.
//!
//! A record is one value of a bucket. No update is lost (a write names the [`Revision`] that it replaces),
//! second keys are unique, and every change is told by one event. A write goes through these steps, each of
//! which is one message that is stored or not:
//!
//! 1. A change that needs new second keys is *proposed*: it stands in the entry beside the value.
//! 2. Each new second key is *claimed* by an entry of its own that names the record.
//! 3. The change is *made*: it becomes the value, owes its event, and lists the claims that it no longer needs.
//! 4. The claims are *released*, the event is *published*, and the entry is *settled*.
//!
//! Whoever meets an entry that is on its way takes the remaining steps: the next writer, a writer that wants
//! the same second key, and [`Records::keep_settled`]. So nothing depends on the process that began.
//!
//! A claim counts only while the record that it names holds the value or has proposed it; any other is
//! taken over. Who takes it over looks at the claim first and at its record afterwards, and replaces the
//! claim that it looked at: a record that wants its old claim back writes it again first. A claim names the
//! entry that proposed the change by its sequence, so that a helper that was slow, and knows an earlier one,
//! does not write over it.

mod cache;
mod claim;
mod entry;
mod error;
mod key;
mod list;
mod settle;
mod sweep;
mod tell;
mod write;

pub use cache::{Cache, Cached, Keep, Known, Listed, NotFresh};
pub use error::{Conflict, Error, Stale, WriteError};
pub use key::{BadKey, Key, Unique};
pub use list::{Cursor, PAGE_MAX, Page, Unreadable};
pub use write::{Author, When};

use crate::wire::{Unclear, Wire};
use chrono::{DateTime, Utc};
use entry::Entry;
use messaging::Nats;
use messaging::publish::{Outgoing, Published};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// Largest value, as JSON, in bytes. What [`Record::shown`] gives has the same limit.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Most second keys of one record.
pub const UNIQUE_MAX: usize = 16;
/// How often a step is tried again because somebody else was faster.
const ROUNDS: usize = 32;

/// What a function keeps as records.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The bucket, which `messaging::streams` makes; it keeps nothing else.
    const BUCKET: &'static str;
    /// Type of the event: `orderflow.product.changed.v1`.
    const EVENT: &'static str;
    /// Subject of the event; the record's key follows: `products.changed`.
    const SUBJECT: &'static str;
    /// The stream that keeps those subjects.
    const STREAM: &'static str;
    /// Source of the event: `/functions/inventory`.
    const SOURCE: &'static str;

    /// Second keys: no two records of the bucket hold the same one. What looks equal to people (case,
    /// blanks) is made equal here. The result depends on the value alone, also in later versions: second
    /// keys of values that are stored are not claimed again.
    fn unique(&self) -> Vec<Unique> {
        Vec::new()
    }

    /// What the event says of the value; by default nothing but the names of the fields that changed.
    /// Events are kept and seen by many: no personal data.
    fn shown(&self) -> Option<serde_json::Value> {
        None
    }
}

/// Which change of a record: the `ETag`. It is never used again, not even after the record was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Revision {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A record as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// Its value.
    pub value: T,
    /// The change that made it so.
    pub revision: Revision,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What happened to a record, as its event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was not there before.
    Created,
    /// Its value is another.
    Changed,
    /// It is not there any more.
    Deleted,
}

/// Data of the event of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The record's key, part by part.
    pub key: Vec<String>,
    /// What happened.
    pub change: Change,
    /// The change; larger for a later one of the same bucket.
    pub revision: Revision,
    /// Who did it.
    pub by: String,
    /// Names of the fields whose values are others than before.
    pub fields: Vec<String>,
    /// What [`Record::shown`] gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
}

/// The records of one bucket.
#[derive(Debug)]
pub struct Records<T, W = Nats> {
    wire: W,
    values: PhantomData<fn() -> T>,
}

impl<T, W: Clone> Clone for Records<T, W> {
    fn clone(&self) -> Self {
        Self { wire: self.wire.clone(), values: PhantomData }
    }
}

impl<T: Record, W: Wire> Records<T, W> {
    /// The records that `wire` reaches; nothing is asked yet.
    #[must_use]
    pub fn new(wire: W) -> Self {
        Self { wire, values: PhantomData }
    }

    fn stream() -> String {
        format!("KV_{}", T::BUCKET)
    }

    fn prefix() -> String {
        format!("$KV.{}.record.", T::BUCKET)
    }

    fn subject(key: &str) -> String {
        format!("{}{key}", Self::prefix())
    }

    /// One record; nothing if it is not there, or was deleted.
    ///
    /// # Errors
    /// No answer, or a value of another shape.
    pub async fn get(&self, key: &Key) -> Result<Option<Found<T>>, Error> {
        let (sequence, entry) = self.entry(key.as_str()).await?;
        Ok(entry.and_then(|entry| entry.found(sequence)))
    }

    /// The record that holds a second key, with its own.
    ///
    /// # Errors
    /// No answer, or a value of another shape.
    pub async fn find(&self, unique: &Unique) -> Result<Option<(Key, Found<T>)>, Error> {
        let Some(claim) = self.claim(&unique.key()).await?.1 else { return Ok(None) };
        let (sequence, Some(entry)) = self.entry(&claim.owner).await? else { return Ok(None) };
        let found = if entry.holds(&unique.key()) { entry.found(sequence) } else { None };
        Ok(found.and_then(|found| Some((Key::read(&claim.owner)?, found))))
    }

    async fn entry(&self, key: &str) -> Result<Standing<Entry<T>>, Error> {
        self.value(&Self::subject(key)).await
    }

    async fn value<V: DeserializeOwned>(&self, subject: &str) -> Result<Standing<V>, Error> {
        let Some(message) = self.wire.last(&Self::stream(), subject).await? else {
            return Ok((0, None));
        };
        if message.deleted {
            return Ok((message.sequence, None));
        }
        let value = serde_json::from_slice(&message.payload)
            .map_err(|source| Error::Unreadable { subject: subject.to_owned(), source })?;
        Ok((message.sequence, Some(value)))
    }

    /// Writes an entry if `expected` is the last sequence of its subject.
    async fn put<V: Serialize>(
        &self,
        subject: String,
        value: &V,
        expected: u64,
    ) -> Result<Published, Unclear> {
        let payload = serde_json::to_vec(value).expect("values have only string keys");
        self.wire.put(Outgoing::new(subject, payload.into()), expected).await
    }

    /// Others were faster each time.
    fn busy(subject: &str) -> Error {
        Unclear::new(subject, format!("others changed it {ROUNDS} times meanwhile; try again"))
            .into()
    }
}

/// The last sequence of a subject of a bucket, and what stands there unless it was deleted.
type Standing<V> = (u64, Option<V>);
