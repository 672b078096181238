//! What is kept of a day, as its entry in the bucket `ARCHIVE` names it. The entry is written once, last of all: what it
//! names is there and was read again.

use crate::day::Day;
use crate::error::Error;
use messaging::publish::{Outgoing, Published};
use messaging::streams::{ARCHIVE, ARCHIVE_DAYS};
use serde::{Deserialize, Serialize};
use state::wire::{Message, Wire};
use std::collections::BTreeMap;

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the object store.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// The first and the last sequence of the stream that it covers.
    pub from: u64,
    /// See there.
    pub to: u64,
}

/// What is kept of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which stream: its identity.
    pub stream: String,
    /// The first sequence that belongs to the day.
    pub from: u64,
    /// The last one; `from - 1` if there is none.
    pub to: u64,
    /// Messages that had expired before the day was written: what they said is in no file.
    #[serde(default)]
    pub missing: u64,
    /// Facts that the servers had stored twice, each kept once.
    #[serde(default)]
    pub doubled: u64,
    /// Facts that could not be read; each is a row that says so.
    #[serde(default)]
    pub unreadable: u64,
    /// In the order of their sequences; none of a day without facts.
    pub files: Vec<File>,
}

/// A day that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The day in whose course the facts were stored, in UTC.
    pub day: Day,
    /// Of ORDERS.
    pub orders: Kept,
    /// Of INVOICES.
    pub invoices: Kept,
    /// Its sums.
    pub sums: File,
}

impl Written {
    /// All its files but the sums.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.orders.files.iter().chain(&self.invoices.files)
    }

    /// Does it name this object?
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.sums.name == name || self.files().any(|file| file.name == name)
    }
}

fn subject(day: Day) -> String {
    format!("$KV.{ARCHIVE}.{day}")
}

/// The day's entry.
pub(crate) async fn find<W: Wire>(wire: &W, day: Day) -> Result<Option<Written>, Error> {
    let found = wire.last(ARCHIVE_DAYS, &subject(day)).await?;
    found.filter(|found| !found.deleted).map(|found| read(&found)).transpose()
}

/// All days.
pub(crate) async fn all<W: Wire>(wire: &W) -> Result<BTreeMap<Day, Written>, Error> {
    let (mut found, mut wrong) = (BTreeMap::new(), None);
    let mut each = |message: Message| match read(&message) {
        _ if message.deleted => {}
        Ok(written) => drop(found.insert(written.day, written)),
        Err(error) => wrong = Some(error),
    };
    let filter = format!("$KV.{ARCHIVE}.>");
    wire.read(ARCHIVE_DAYS, &filter, 1, true, &mut each).await?;
    wrong.map_or(Ok(found), Err)
}

/// Writes a day's entry, if it has none. Is it written?
pub(crate) async fn create<W: Wire>(wire: &W, written: &Written) -> Result<bool, Error> {
    let subject = subject(written.day);
    let value = serde_json::to_vec(written).map_err(|error| Error::damaged(&subject, error))?;
    let put = wire.put(Outgoing::new(subject, value.into()), 0).await?;
    Ok(matches!(put, Published::Stored(_)))
}

fn read(message: &Message) -> Result<Written, Error> {
    serde_json::from_slice(&message.payload)
        .map_err(|error| Error::damaged(&message.subject, error))
}
