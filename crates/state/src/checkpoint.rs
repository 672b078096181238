//! States that are kept in a bucket, too large for one message.
//!
//! A state is cut into parts of 256 KiB, which are read again, and only then named by the *head* of its key. The
//! head keeps the one before as well, and is replaced by compare-and-set, so that whoever is late changes
//! nothing. A part that is gone or changed shows in the digest, and the one before is used. Nothing here knows
//! what is kept; a position of any type says how far it came.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use messaging::publish::{self, Outgoing, Published};
use messaging::stored::{self, Standing};
use messaging::{Nats, subject};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Bytes of a state in one message; a server that takes less than twice this gets half of what it takes.
const PART_BYTES: usize = 256 * 1024;
/// Parts of one state that are asked for at once.
const AT_ONCE: usize = 8;

/// The bucket does not answer, or did not keep what was written.
#[derive(Debug, thiserror::Error)]
#[error("checkpoint {key} in bucket {bucket}: {reason}")]
pub struct Error {
    bucket: &'static str,
    key: String,
    reason: String,
}

/// A state that was written, and read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Saved<P> {
    /// How far it came.
    at: P,
    /// The revision of the head that it was to replace, and who wrote it: `<revision>.<writer>`.
    id: String,
    /// Messages that it is cut into.
    parts: usize,
    /// SHA-256 of the whole.
    sha256: String,
}

/// The states of a key: one value, replaced by compare-and-set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head<P> {
    /// The newest.
    current: Saved<P>,
    /// The one before it, for the case that the newest cannot be read.
    previous: Option<Saved<P>>,
}

/// How far the newest state of a key came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest<P> {
    /// How far.
    pub at: P,
    /// When it was written, milliseconds since 1970.
    pub time_ms: i64,
}

/// What became of a state that was to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<P> {
    /// It is the newest now.
    Stored,
    /// Another one is there, which this one must not replace: how far that came.
    Newer(P),
    /// Another writer was faster.
    Overtaken,
}

/// The states in one bucket.
#[derive(Debug)]
pub struct Checkpoints {
    nats: Nats,
    bucket: &'static str,
    /// Keys under which this process has removed what writers left behind that did not end.
    cleaned: Mutex<HashSet<String>>,
}

impl Checkpoints {
    /// Those of a bucket that `streams::setup` makes, now or later.
    #[must_use]
    pub fn new(nats: &Nats, bucket: &'static str) -> Self {
        Self { nats: nats.clone(), bucket, cleaned: Mutex::default() }
    }

    /// The newest state of `key` that is whole, and how far it came. Nothing also where the bucket was not made
    /// yet.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn load<P: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(P, Vec<u8>)>, Error> {
        let (mut revision, mut head) = self.head(key).await?;
        loop {
            let Some(Head { current, previous }) = head else { return Ok(None) };
            for saved in std::iter::once(current).chain(previous) {
                if let Some(bytes) = self.read(key, &saved).await? {
                    return Ok(Some((saved.at, bytes)));
                }
            }
            // They may have been replaced while they were read.
            let again = self.head(key).await?;
            if again.0 == revision {
                tracing::error!(bucket = self.bucket, key, "no checkpoint can be read");
                return Ok(None);
            }
            (revision, head) = again;
        }
    }

    /// How far the newest state of `key` came, as its head says.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn newest<P: DeserializeOwned>(&self, key: &str) -> Result<Option<Newest<P>>, Error> {
        let Some(found) = self.standing(key, &self.subject(key)).await? else { return Ok(None) };
        let head = self.read_head::<P>(key, &found.payload);
        Ok(head.map(|head| Newest { at: head.current.at, time_ms: found.time_ms }))
    }

    /// Writes a state that came as far as `at`, if `replaces` says that it may take the place of one that came
    /// as far as another.
    ///
    /// # Errors
    /// The server does not answer, or did not keep what was written; the head names only what is whole.
    pub async fn save<P: Serialize + DeserializeOwned + Clone>(
        &self,
        key: &str,
        at: &P,
        state: Vec<u8>,
        replaces: impl Fn(&P) -> bool,
    ) -> Result<Written<P>, Error> {
        let written = self.write(key, at, state, replaces).await;
        if !matches!(written, Ok(Written::Stored | Written::Newer(_))) {
            self.cleaned().remove(key);
        }
        written
    }

    async fn write<P: Serialize + DeserializeOwned + Clone>(
        &self,
        key: &str,
        at: &P,
        state: Vec<u8>,
        replaces: impl Fn(&P) -> bool,
    ) -> Result<Written<P>, Error> {
        let (revision, before) = self.head(key).await?;
        let (newest, dropped) = match before {
            Some(Head { current, .. }) if !replaces(&current.at) => {
                return Ok(Written::Newer(current.at));
            }
            Some(Head { current, previous }) => (Some(current), previous),
            None => (None, None),
        };
        let (sha256, state) = (digest(&state), Bytes::from(state));
        let size = PART_BYTES.min(self.nats.message_bytes_max() / 2).max(1);
        let parts = state.len().div_ceil(size);
        let id = format!("{revision}.{}", self.nats.unique());
        let saved = Saved { at: at.clone(), id, parts, sha256 };
        let part = |number: usize| {
            let end = state.len().min((number + 1) * size);
            Outgoing::new(self.part(key, &saved.id, number), state.slice(number * size..end))
        };
        let messages: Vec<_> = (0..parts).map(part).collect();
        for result in publish::all(&self.nats, &messages, Some(0)).await {
            result.map_err(|error| self.wrong(key, error))?;
        }
        if self.read(key, &saved).await?.is_none() {
            return Err(self.wrong(key, "what was written cannot be read"));
        }
        let head = Head { current: saved.clone(), previous: newest };
        let value = serde_json::to_vec(&head).expect("a position has only string keys");
        let message = Outgoing::new(self.subject(key), value.into());
        let published = publish::one(&self.nats, &message, Some(revision)).await;
        match published.map_err(|error| self.wrong(key, error))? {
            Published::Stored(_) => self.clean(key, revision, &head, dropped).await?,
            // Somebody was faster. Writing on top of that could name parts that are being removed.
            Published::Occupied => {
                self.purge(key, &saved.id).await?;
                return Ok(Written::Overtaken);
            }
        }
        Ok(Written::Stored)
    }

    /// Removes what the head does not name: the one before the previous, and once in a process the parts of
    /// writers that did not end. A writer that expects a revision before the one that was just replaced cannot
    /// succeed any more; one that expects a newer one may be at work.
    async fn clean<P>(
        &self,
        key: &str,
        replaced: u64,
        head: &Head<P>,
        dropped: Option<Saved<P>>,
    ) -> Result<(), Error> {
        if let Some(dropped) = dropped {
            self.purge(key, &dropped.id).await?;
        }
        if !self.cleaned().insert(key.to_owned()) {
            return Ok(());
        }
        let stream = self.nats.js.get_stream_no_info(self.stream()).await;
        let stream = stream.map_err(|error| self.wrong(key, error))?;
        // Any part: the first one may be gone, or was never stored.
        let parts = stream.info_with_subjects(self.part(key, "*.*", "*")).await;
        let mut parts = parts.map_err(|error| self.wrong(key, error))?;
        let is_named = |id: &str| {
            let named = std::iter::once(&head.current).chain(&head.previous);
            named.into_iter().any(|saved| saved.id == id)
        };
        let prefix = format!("$KV.{}.{key}.", self.bucket);
        let mut left = HashSet::new();
        while let Some((subject, _)) =
            parts.try_next().await.map_err(|error| self.wrong(key, error))?
        {
            let id = subject.strip_prefix(&prefix).and_then(|rest| Some(rest.rsplit_once('.')?.0));
            let Some((id, (revision, _))) = id.and_then(|id| Some((id, id.split_once('.')?)))
            else {
                continue;
            };
            if revision.parse().is_ok_and(|revision: u64| revision < replaced) && !is_named(id) {
                left.insert(id.to_owned());
            }
        }
        for id in left {
            self.purge(key, &id).await?;
        }
        Ok(())
    }

    /// The head and its revision; 0 if there is none.
    async fn head<P: DeserializeOwned>(&self, key: &str) -> Result<(u64, Option<Head<P>>), Error> {
        let Some(found) = self.standing(key, &self.subject(key)).await? else {
            return Ok((0, None));
        };
        Ok((found.sequence, self.read_head(key, &found.payload)))
    }

    fn read_head<P: DeserializeOwned>(&self, key: &str, bytes: &[u8]) -> Option<Head<P>> {
        let head = serde_json::from_slice(bytes);
        let head = head.inspect_err(
            |error| tracing::warn!(%error, bucket = self.bucket, key, "head unreadable"),
        );
        head.ok()
    }

    /// A state, if all of it is there and it is what was written.
    async fn read<P>(&self, key: &str, saved: &Saved<P>) -> Result<Option<Vec<u8>>, Error> {
        let parts = (0..saved.parts).map(|number| {
            let subject = self.part(key, &saved.id, number);
            async move { self.standing(key, &subject).await }
        });
        let mut parts = stream::iter(parts).buffered(AT_ONCE);
        // What the head says of its parts may be damaged: no memory is taken for that.
        let mut whole = Vec::new();
        while let Some(part) = parts.try_next().await? {
            let Some(part) = part else {
                tracing::warn!(bucket = self.bucket, key, "a part of a checkpoint is gone");
                return Ok(None);
            };
            whole.extend_from_slice(&part.payload);
        }
        if digest(&whole) != saved.sha256 {
            tracing::warn!(bucket = self.bucket, key, "a checkpoint is not what was written");
            return Ok(None);
        }
        Ok(Some(whole))
    }

    /// The last message of a subject; read from the leader.
    async fn standing(&self, key: &str, subject: &str) -> Result<Option<Standing>, Error> {
        match stored::last(&self.nats, &self.stream(), subject).await {
            Ok(found) => Ok(found),
            Err(error) if error.is_no_stream() => Ok(None),
            Err(error) => Err(self.wrong(key, error)),
        }
    }

    async fn purge(&self, key: &str, id: &str) -> Result<(), Error> {
        let stream = self.nats.js.get_stream_no_info(self.stream()).await;
        let stream = stream.map_err(|error| self.wrong(key, error))?;
        let purged = stream.purge().filter(self.part(key, id, "*")).await;
        purged.map(|_| ()).map_err(|error| self.wrong(key, error))
    }

    fn stream(&self) -> String {
        format!("KV_{}", self.bucket)
    }

    /// Where the head of `key` stands.
    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}.head", self.bucket)
    }

    /// Where a part stands: `<key>.<revision>.<writer>.<number>`.
    fn part(&self, key: &str, id: &str, number: impl std::fmt::Display) -> String {
        format!("$KV.{}.{key}.{id}.{number}", self.bucket)
    }

    fn wrong(&self, key: &str, reason: impl ToString) -> Error {
        Error { bucket: self.bucket, key: key.into(), reason: reason.to_string() }
    }

    fn cleaned(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.cleaned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A key of several names, each one token.
#[must_use]
pub fn key(names: &[&str]) -> String {
    names.iter().map(|name| subject::token(name)).collect::<Vec<_>>().join(".")
}
