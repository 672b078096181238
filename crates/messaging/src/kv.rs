//! Typed values in a bucket, written by compare-and-set.

use crate::{Nats, stored};
use async_nats::jetstream::kv::{CreateErrorKind, Store, UpdateErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Header of a mark that takes the place of a value.
const OPERATION: &str = "KV-Operation";

/// The bucket did not answer, or holds something else.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server did not answer; a write may have happened.
    #[error("bucket {bucket}, key {key}: {reason}")]
    Unclear {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What the client said.
        reason: String,
    },
    /// The value is not what this version writes.
    #[error("bucket {bucket}, key {key}: cannot be read")]
    Unreadable {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

/// A bucket whose values are `T` as JSON. Keys are tokens (`crate::subject::token`), dots allowed.
#[derive(Clone, Debug)]
pub struct Bucket<T> {
    nats: Nats,
    name: String,
    /// Opened when it is first asked.
    store: Arc<OnceCell<Store>>,
    values: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Bucket<T> {
    /// A bucket that `streams::setup` makes, now or later: it is looked for when it is first asked, and
    /// again by each call until it is there.
    #[must_use]
    pub fn new(nats: &Nats, name: &str) -> Self {
        Self { nats: nats.clone(), name: name.into(), store: Arc::default(), values: PhantomData }
    }

    /// Opens a bucket that `streams::setup` has made.
    ///
    /// # Errors
    /// It is not there, or the server did not answer.
    pub async fn open(nats: &Nats, name: &str) -> Result<Self, Error> {
        let bucket = Self::new(nats, name);
        bucket.store("").await?;
        Ok(bucket)
    }

    /// For a call that is about `key`.
    async fn store(&self, key: &str) -> Result<&Store, Error> {
        let open = self.store.get_or_try_init(|| self.nats.js.get_key_value(&self.name));
        open.await.map_err(|error| self.unclear(key, &error))
    }

    fn unclear(&self, key: &str, error: &impl ToString) -> Error {
        Error::Unclear { bucket: self.name.clone(), key: key.into(), reason: error.to_string() }
    }

    /// The value and its revision, read from the leader whatever the bucket allows: another server may
    /// be behind, and does not know what was just written.
    ///
    /// # Errors
    /// No answer, or a value of another shape.
    pub async fn get(&self, key: &str) -> Result<Option<(T, u64)>, Error> {
        let subject = format!("$KV.{}.{key}", self.name);
        let stream = format!("KV_{}", self.name);
        let found = stored::last(&self.nats, &stream, &subject).await;
        let Some(message) = found.map_err(|error| self.unclear(key, &error))? else {
            return Ok(None);
        };
        // Of a key that was deleted or purged, a mark stands there.
        if message.headers.get(OPERATION).is_some() {
            return Ok(None);
        }
        let value = serde_json::from_slice(&message.payload).map_err(|source| {
            Error::Unreadable { bucket: self.name.clone(), key: key.into(), source }
        })?;
        Ok(Some((value, message.sequence)))
    }

    /// Writes `value` if the key has none; the revision, or nothing if it has one.
    ///
    /// # Errors
    /// No answer: the write may have happened.
    pub async fn create(&self, key: &str, value: &T) -> Result<Option<u64>, Error> {
        match self.store(key).await?.create(key, to_bytes(value)).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(self.unclear(key, &error)),
        }
    }

    /// Writes `value` if the key still has `revision`; the new one, or nothing if it moved on.
    ///
    /// # Errors
    /// No answer: the write may have happened.
    pub async fn update(&self, key: &str, value: &T, revision: u64) -> Result<Option<u64>, Error> {
        match self.store(key).await?.update(key, to_bytes(value), revision).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(self.unclear(key, &error)),
        }
    }

    /// All keys and values, read in one go.
    ///
    /// # Errors
    /// No answer, or a value of another shape.
    pub async fn all(&self, nats: &Nats) -> Result<Vec<(String, T)>, Error> {
        let mut found = std::collections::BTreeMap::new();
        let prefix = format!("$KV.{}.", self.name);
        let stream = format!("KV_{}", self.name);
        let filter = format!("{prefix}>");
        let read = crate::tail::read(nats, &stream, &filter, 1, false, |message| {
            if let Some(key) = message.subject.strip_prefix(&prefix) {
                found.insert(key.to_owned(), message.payload.clone());
            }
        });
        read.await.map_err(|error| self.unclear("", &error))?;
        found
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| match serde_json::from_slice(&value) {
                Ok(value) => Ok((key, value)),
                Err(source) => Err(Error::Unreadable { bucket: self.name.clone(), key, source }),
            })
            .collect()
    }
}

fn to_bytes<T: Serialize>(value: &T) -> bytes::Bytes {
    serde_json::to_vec(value).expect("values have only string keys").into()
}
