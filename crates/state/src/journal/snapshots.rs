//! Where snapshots are kept: a bucket, cut into messages, checked by their digest.

use super::LogError;
use super::chain::Marks;
use super::snapshot::{Head, Saved, Snapshot, digest};
use async_nats::jetstream::stream::Stream;
use futures_util::TryStreamExt as _;
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, stored, streams};

/// Bytes of a snapshot in one message; a server that takes less than twice this gets half of what
/// it takes.
const CHUNK_BYTES: usize = 256 * 1024;

/// The snapshots of one journal.
#[derive(Debug)]
pub(super) struct Snapshots {
    nats: Nats,
    /// `$KV.<bucket>.<journal>`.
    prefix: String,
}

fn unavailable(error: impl ToString) -> LogError {
    LogError(format!("snapshots: {}", error.to_string()))
}

fn bucket() -> String {
    format!("KV_{}", streams::JOURNAL_SNAPSHOTS)
}

impl Snapshots {
    /// Those of the journal on `subject`.
    pub(super) fn new(nats: Nats, subject: &str) -> Self {
        Self { nats, prefix: format!("$KV.{}.{subject}", streams::JOURNAL_SNAPSHOTS) }
    }

    fn head_subject(&self) -> String {
        format!("{}.head", self.prefix)
    }

    /// A snapshot's messages: `<prefix>.<sequence>.<id>.<number>`.
    fn chunk(&self, saved: &Saved, number: impl std::fmt::Display) -> String {
        format!("{}.{}.{}.{number}", self.prefix, saved.sequence, saved.id)
    }

    async fn stream(&self) -> Result<Stream<()>, LogError> {
        self.nats.js.get_stream_no_info(bucket()).await.map_err(unavailable)
    }

    /// What stands on a subject, and its sequence; read from the leader. Nothing also in an installation
    /// that was set up before there were snapshots.
    async fn standing(&self, subject: &str) -> Result<Option<(u64, bytes::Bytes)>, LogError> {
        match stored::last(&self.nats, &bucket(), subject).await {
            Ok(found) => Ok(found.map(|message| (message.sequence, message.payload))),
            Err(error) if error.is_no_stream() => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The head and its revision; 0 if there is none.
    pub(super) async fn head(&self) -> Result<(u64, Option<Head>), LogError> {
        let Some((revision, bytes)) = self.standing(&self.head_subject()).await? else {
            return Ok((0, None));
        };
        let head = serde_json::from_slice(&bytes)
            .inspect_err(|error| tracing::warn!(%error, prefix = %self.prefix, "head unreadable"));
        Ok((revision, head.ok()))
    }

    /// Since when entries are marked, by the newest snapshot that is whole. Where the beginning of the journal
    /// was removed, its messages do not say it.
    pub(super) async fn marks(&self) -> Result<Marks, LogError> {
        let snapshot = self.load().await?;
        let snapshot =
            snapshot.and_then(|bytes| Snapshot::<serde::de::IgnoredAny>::parse(&bytes).ok());
        Ok(Marks(snapshot.and_then(|snapshot| snapshot.marked_since)))
    }

    /// The newest snapshot that is whole.
    pub(super) async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        let (mut revision, mut head) = self.head().await?;
        loop {
            let Some(Head { current, previous }) = head else { return Ok(None) };
            for saved in std::iter::once(&current).chain(previous.as_ref()) {
                if let Some(bytes) = self.read(saved).await? {
                    return Ok(Some(bytes));
                }
            }
            // They may have been replaced while they were read.
            let again = self.head().await?;
            if again.0 == revision {
                tracing::error!(prefix = %self.prefix, "no snapshot can be read");
                return Ok(None);
            }
            (revision, head) = again;
        }
    }

    /// A snapshot, if all of it is there and it is what was written.
    pub(super) async fn read(&self, saved: &Saved) -> Result<Option<Vec<u8>>, LogError> {
        let mut whole = Vec::new();
        for number in 0..saved.chunks {
            let Some((_, chunk)) = self.standing(&self.chunk(saved, number)).await? else {
                tracing::warn!(sequence = saved.sequence, number, "a part of a snapshot is gone");
                return Ok(None);
            };
            whole.extend_from_slice(&chunk);
        }
        if digest(&whole) != saved.sha256 {
            tracing::warn!(sequence = saved.sequence, "a snapshot is not what was written");
            return Ok(None);
        }
        Ok(Some(whole))
    }

    /// Writes a snapshot, reads it again, and only then lets the head name it, unless a newer one
    /// is named there. The result is the head after that.
    pub(super) async fn save(
        &self,
        sequence: u64,
        id: &str,
        snapshot: Vec<u8>,
    ) -> Result<Head, LogError> {
        let (revision, before) = self.head().await?;
        let size = CHUNK_BYTES.min(self.nats.message_bytes_max() / 2).max(1);
        let snapshot = bytes::Bytes::from(snapshot);
        let chunks = snapshot.len().div_ceil(size);
        let saved = Saved { sequence, id: id.to_owned(), chunks, sha256: digest(&snapshot) };
        let after = Head::advance(before.clone(), saved.clone());
        let (head, dropped) = match (after, before) {
            (Some(head), before) => (head, before.and_then(|before| before.previous)),
            (None, Some(newer)) => return Ok(newer),
            (None, None) => return Err(unavailable("a first snapshot is refused")),
        };
        let messages: Vec<_> = (0..chunks)
            .map(|number| {
                let part = snapshot.slice(number * size..snapshot.len().min((number + 1) * size));
                Outgoing::new(self.chunk(&saved, number), part)
            })
            .collect();
        for result in publish::all(&self.nats, &messages, Some(0)).await {
            result.map_err(unavailable)?;
        }
        if self.read(&saved).await?.is_none() {
            return Err(unavailable("what was written cannot be read"));
        }
        let value = serde_json::to_vec(&head).expect("a head has only string keys");
        let message = Outgoing::new(self.head_subject(), value.into());
        match publish::one(&self.nats, &message, Some(revision)).await.map_err(unavailable)? {
            Published::Stored(_) => self.clean(&head, dropped.as_ref()).await?,
            // Somebody was faster. Writing on top of that could name parts that are being removed.
            Published::Occupied => self.remove(&saved).await?,
        }
        Ok(self.head().await?.1.unwrap_or(head))
    }

    /// Removes what the head does not name: the one before the previous, and parts of writers that
    /// did not end.
    ///
    /// Only of entries before both: a writer of a newer one may be at work, and one of an older
    /// one cannot succeed any more.
    async fn clean(&self, head: &Head, dropped: Option<&Saved>) -> Result<(), LogError> {
        if let Some(dropped) = dropped {
            self.remove(dropped).await?;
        }
        let Some(previous) = &head.previous else { return Ok(()) };
        let stream = self.stream().await?;
        let subjects = stream.info_with_subjects(format!("{}.*.*.0", self.prefix)).await;
        let mut subjects = subjects.map_err(unavailable)?;
        while let Some((subject, _)) = subjects.try_next().await.map_err(unavailable)? {
            let Some(rest) = subject.strip_prefix(&self.prefix) else { continue };
            let mut tokens = rest.trim_start_matches('.').split('.');
            let (Some(sequence), Some(id)) = (tokens.next(), tokens.next()) else { continue };
            if sequence.parse().is_ok_and(|sequence: u64| sequence < previous.sequence) {
                self.purge(&format!("{}.{sequence}.{id}.*", self.prefix)).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, saved: &Saved) -> Result<(), LogError> {
        self.purge(&self.chunk(saved, "*")).await
    }

    async fn purge(&self, filter: &str) -> Result<(), LogError> {
        let purged = self.stream().await?.purge().filter(filter).await;
        purged.map(|_| ()).map_err(unavailable)
    }
}
