//! Creating, changing and deleting records.

use super::entry::{Entry, json};
use super::{
    Conflict, Error, Key, RECORD_BYTES_MAX, ROUNDS, Record, Records, Revision, Stale, UNIQUE_MAX,
    WriteError,
};
use crate::wire::{Unclear, Wire};
use chrono::{DateTime, Utc};
use messaging::publish::Published;

/// Who changes a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// A person, token or function. It is kept, and said in the event.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Tells this change from all others (`Idempotency-Key`, with whose it is and what it asks for). One of
    /// the last nine changes of a record is not made again under its key: the answer is the same.
    pub key: Option<String>,
}

/// At which state of the record a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// There is none: `If-None-Match: *`, or POST.
    Absent,
    /// There is one, whichever it is.
    Present,
    /// It is at this revision: `If-Match`.
    Is(Revision),
}

impl When {
    /// Is the record (nothing: it is not there) as it has to be?
    fn check(self, current: Option<Revision>) -> Result<(), WriteError> {
        match (self, current) {
            (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Is(expected), Some(revision)) if expected == revision => Ok(()),
            (Self::Absent, Some(revision)) => Err(Conflict::Exists { revision }.into()),
            (Self::Present, None) => Err(WriteError::Missing),
            (Self::Is(_), current) => Err(Stale { current }.into()),
        }
    }
}

impl<T: Record, W: Wire> Records<T, W> {
    /// Makes a record that is not there.
    ///
    /// # Errors
    /// [`Conflict`] if there is one, or another record holds a second key; others as [`WriteError`] says.
    pub async fn create(
        &self,
        key: &Key,
        value: T,
        author: &Author,
    ) -> Result<Revision, WriteError> {
        self.write(key, Some(value), When::Absent, author).await
    }

    /// Gives a record another value. One that is equal changes nothing, and the revision stays.
    ///
    /// # Errors
    /// [`Stale`] if it is not at that revision, [`Conflict`] if another record holds a second key; others as
    /// [`WriteError`] says.
    pub async fn replace(
        &self,
        key: &Key,
        value: T,
        when: When,
        author: &Author,
    ) -> Result<Revision, WriteError> {
        self.write(key, Some(value), when, author).await
    }

    /// Deletes a record. Its key, its last revision and who deleted it stay in the bucket.
    ///
    /// # Errors
    /// [`Stale`] if it is not at that revision; others as [`WriteError`] says.
    pub async fn delete(
        &self,
        key: &Key,
        when: When,
        author: &Author,
    ) -> Result<Revision, WriteError> {
        self.write(key, None, when, author).await
    }

    async fn write(
        &self,
        key: &Key,
        value: Option<T>,
        when: When,
        author: &Author,
    ) -> Result<Revision, WriteError> {
        value.as_ref().map_or(Ok(()), check)?;
        let write = author.key.clone().unwrap_or_else(|| self.wire.unique());
        // The revision at which the change was proposed.
        let mut base = None;
        for _ in 0..ROUNDS {
            let (sequence, entry) = match self.settled(key.as_str()).await {
                Ok(found) => found,
                Err(error) => return self.made(key, &write).await?.ok_or(error.into()),
            };
            let entry = entry.as_ref();
            let revision = entry.map_or(Revision(0), |entry| entry.revision(sequence));
            if let Some(made) = entry.and_then(|entry| entry.revision_of(&write, sequence)) {
                return Ok(made);
            }
            if let Some(base) = base {
                refused(entry, &write)?;
                if base != revision {
                    return Err(overtaken(&Self::subject(key.as_str())).into());
                }
            }
            let old = entry.and_then(|entry| entry.value.as_ref());
            when.check(old.map(|_| revision))?;
            if old.map(json) == value.as_ref().map(json) {
                return Ok(revision);
            }
            let before = entry.map(|entry| (entry, sequence));
            let next = match &value {
                Some(value) if !Entry::lacks(entry, value).is_empty() => {
                    Entry::proposing(before, value.clone(), &write, author)
                }
                _ => Entry::made(before, value.clone(), &write, author),
            };
            match self.put(Self::subject(key.as_str()), &next, sequence).await {
                Ok(Published::Occupied) => continue,
                Ok(Published::Stored(sequence)) if next.proposed.is_none() => {
                    self.settle_made(key).await;
                    return Ok(Revision(sequence));
                }
                Ok(Published::Stored(_)) => {}
                Err(unclear) if self.is_stored(key, &write).await? => {
                    tracing::debug!(%unclear, "stored all the same");
                }
                Err(unclear) => return Err(unclear.into()),
            }
            base = Some(revision);
        }
        Err(Self::busy(&Self::subject(key.as_str())).into())
    }

    /// A change that is made is made, also while its event cannot be published.
    async fn settle_made(&self, key: &Key) {
        if let Err(error) = self.settled(key.as_str()).await {
            let bucket = T::BUCKET;
            tracing::warn!(%error, bucket, "the event of a change is published later");
        }
    }

    /// Does this change stand in the entry, made or proposed?
    async fn is_stored(&self, key: &Key, write: &str) -> Result<bool, Error> {
        let (sequence, entry) = self.entry(key.as_str()).await?;
        Ok(entry.is_some_and(|entry| {
            let made = entry.revision_of(write, sequence).is_some();
            made || entry.proposed.is_some_and(|it| it.write == write)
        }))
    }

    /// The revision of this change if it is made, as far as is known.
    async fn made(&self, key: &Key, write: &str) -> Result<Option<Revision>, Error> {
        let (sequence, entry) = self.entry(key.as_str()).await?;
        Ok(entry.and_then(|entry| entry.revision_of(write, sequence)))
    }
}

fn overtaken(subject: &str) -> Unclear {
    let reason = "somebody else changed it; whether this change was made before that is unknown";
    Unclear::new(subject, reason)
}

/// Was the change refused that was proposed?
fn refused<T: Record>(entry: Option<&Entry<T>>, write: &str) -> Result<(), Conflict> {
    let refused = entry.and_then(|entry| entry.refused.as_ref());
    let Some(refused) = refused.filter(|refused| refused.write == write) else { return Ok(()) };
    // Nothing else writes owners than keys.
    let Some(owner) = Key::read(&refused.owner) else { return Ok(()) };
    Err(Conflict::Taken { name: refused.name.clone(), owner })
}

fn check<T: Record>(value: &T) -> Result<(), WriteError> {
    let shown = value.shown().map_or(0, |shown| shown.to_string().len());
    let bytes = json(value).to_string().len().max(shown);
    if RECORD_BYTES_MAX < bytes {
        return Err(WriteError::TooLarge { bytes });
    }
    let count = value.unique().len();
    if UNIQUE_MAX < count {
        return Err(WriteError::TooManyUnique { count });
    }
    Ok(())
}
