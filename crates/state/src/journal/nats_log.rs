//! A journal's log on JetStream.

use super::facts::{self, Origin, Standing};
use super::snapshots::Snapshots;
use super::{Appended, Log, LogError, Message, Record, trim};
use async_nats::HeaderMap;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use messaging::publish::{self, Outgoing, Published};
use messaging::store::On;
use messaging::stored;
use messaging::{Nats, header, streams, tail};
use serde::de::IgnoredAny;
use std::future::IntoFuture;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Entries that are asked for one by one, before a consumer is made for the rest.
const FEW: usize = 32;
/// Facts that are looked at side by side when something stands in their places.
const ASKED_AT_ONCE: usize = 64;

/// What of a journal is kept beyond what snapshots need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// All of it.
    #[default]
    Forever,
    /// Entries younger than this; older ones are removed when the second-last snapshot holds them.
    For(Duration),
}

/// A text is no [`Keep`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither \"forever\" nor a number of days as in \"90d\"")]
pub struct NoKeep(String);

impl FromStr for Keep {
    type Err = NoKeep;

    /// `forever`, or days: `90d`.
    fn from_str(text: &str) -> Result<Self, NoKeep> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let days: Option<u32> = text.strip_suffix('d').and_then(|days| days.parse().ok());
        // A century, so that no time before it is out of range.
        let days = days.filter(|days| *days <= 36_500).ok_or_else(|| NoKeep(text.into()))?;
        Ok(Self::For(Duration::from_secs(24 * 60 * 60) * days))
    }
}

/// One subject of the stream `JOURNAL`, and its snapshots.
#[derive(Debug)]
pub struct NatsLog {
    nats: Nats,
    subject: String,
    snapshots: Snapshots,
    keep: Keep,
    /// The connection on which the journal was read last.
    read_on: Mutex<Option<On>>,
}

impl NatsLog {
    /// The log on `subject`, of which nothing is removed.
    #[must_use]
    pub fn new(nats: Nats, subject: String) -> Self {
        let snapshots = Snapshots::new(nats.clone(), &subject);
        Self { nats, subject, snapshots, keep: Keep::default(), read_on: Mutex::default() }
    }

    /// With entries removed that are older than `keep` and not needed.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }
}

/// Value of [`header::JOURNAL`]: the form of the entries that this version writes.
const FORM: &str = "1";
/// The connection is not the one on which the journal was read.
const ANEW: &str = "connected anew since the journal was read";

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

impl NatsLog {
    fn read_on(&self) -> MutexGuard<'_, Option<On>> {
        self.read_on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the connection been the same since the journal was read? Until it is read again nobody
    /// knows that the store behind it is the same.
    fn is_read(&self) -> bool {
        self.read_on().as_ref() == Some(&On::now(&self.nats))
    }

    /// The first message of the journal from a sequence on.
    async fn first(&self, from: u64) -> Result<Option<stored::Standing>, LogError> {
        let first = stored::first(&self.nats, streams::JOURNAL, &self.subject, from).await;
        first.map_err(unavailable)
    }

    /// Was what is stored as `sequence` really the next message behind `expected`? Servers before 2.9.21 let two
    /// appends at once, of two processes, both expect the same message where a stream has replicas
    /// (<https://github.com/nats-io/nats-server/issues/4320>). The second one is no entry; who reads on sees that.
    async fn is_next(&self, expected: u64, sequence: u64) -> Appended {
        let is_alone = self.nats.client.server_info().cluster.is_none_or(|name| name.is_empty());
        // The leader may be older than the server of this connection.
        if is_alone || sequence == expected + 1 {
            return Appended::Stored(sequence);
        }
        match self.first(expected + 1).await {
            Ok(Some(next)) if next.sequence == sequence => Appended::Stored(sequence),
            Ok(_) => Appended::Unclear(format!("stored as {sequence}, behind another entry")),
            Err(error) => Appended::Unclear(error.to_string()),
        }
    }

    async fn read_messages(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        let last = stored::last(&self.nats, streams::JOURNAL, &self.subject).await;
        let Some(last) = last.map_err(unavailable)? else { return Ok(0) };
        let mut at = from;
        match again {
            // It is read with what follows it, or is the last one, which is here already.
            Some(again) if again + 1 == from || again == last.sequence => at = again,
            Some(again) => {
                if let Some(message) = self.first(again).await?
                    && message.sequence == again
                {
                    each(of_stream(&message));
                }
            }
            None => {}
        }
        // Few are asked for one by one: a consumer would hang if the server died meanwhile.
        for _ in 0..FEW {
            if at > last.sequence {
                return Ok(last.sequence);
            }
            if at == last.sequence {
                each(of_standing(&last));
                return Ok(at);
            }
            match self.first(at).await? {
                Some(message) if message.sequence <= last.sequence => {
                    each(of_stream(&message));
                    at = message.sequence + 1;
                }
                // What was appended meanwhile belongs to the next read.
                Some(_) | None => return Ok(last.sequence),
            }
        }
        if at > last.sequence {
            return Ok(last.sequence);
        }
        let mut end = 0;
        let give = |found: &async_nats::jetstream::Message| {
            if let Some(message) = of_consumer(found) {
                end = message.sequence;
                each(message);
            }
        };
        tail::read(&self.nats, streams::JOURNAL, &self.subject, at, false, give)
            .await
            .map_err(unavailable)?;
        // The consumer may be on a replica that is behind. What was not given is not known.
        if end < last.sequence {
            return Err(LogError(format!("the journal ends at {}, read to {end}", last.sequence)));
        }
        Ok(end)
    }
}

impl Log for NatsLog {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        if !self.is_read() {
            return Appended::Unclear(ANEW.into());
        }
        // No message id: the same id with other content would be answered as a duplicate.
        let message = PublishMessage::build()
            .header(header::JOURNAL, FORM)
            .payload(entry)
            .expected_last_subject_sequence(expected);
        let answer = match self.nats.js.send_publish(self.subject.clone(), message).await {
            Ok(ack) => ack.into_future().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(ack) if !ack.duplicate => self.is_next(expected, ack.sequence).await,
            Ok(_) => Appended::Unclear("answered as a duplicate".into()),
            Err(error) => Appended::Unclear(error.to_string()),
        }
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        let on = On::now(&self.nats);
        let last = self.read_messages(again, from, each).await?;
        *self.read_on() = Some(on);
        Ok(last)
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.snapshots.load().await
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        let head = self.snapshots.save(sequence, &self.new_id(), snapshot).await?;
        if let Keep::For(keep) = self.keep {
            let young = self.now() - keep;
            let below = head.trim_below();
            trim::trim(&self.nats, &self.subject, below, young).await?;
        }
        Ok(head.current.sequence)
    }

    fn message_bytes_max(&self) -> usize {
        self.nats.message_bytes_max()
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        let results = publish::all(&self.nats, &facts, Some(0)).await;
        let mut occupied = Vec::new();
        for (fact, result) in facts.into_iter().zip(results) {
            match result {
                Ok(Published::Stored(_)) => {}
                Ok(Published::Occupied) => occupied.push(fact),
                Err(unclear) => return Err(unavailable(unclear)),
            }
        }
        // All of them, when a process starts: each is a question and perhaps an answer.
        let asking = stream::iter(occupied).map(|fact| async move { self.take_over(&fact).await });
        asking.buffer_unordered(ASKED_AT_ONCE).try_collect::<()>().await?;
        // What another server took, which a lost connection may have been followed by, proves nothing.
        if self.is_read() { Ok(()) } else { Err(unavailable(ANEW)) }
    }

    async fn keeps(&self, subject: &str) -> Result<Option<Duration>, LogError> {
        let stream = streams::of_subject(subject)
            .ok_or_else(|| LogError(format!("no stream keeps {subject}")))?;
        streams::age_max(&self.nats, stream.name).await.map_err(unavailable)
    }

    fn new_id(&self) -> String {
        self.nats.unique()
    }

    #[expect(clippy::disallowed_methods, reason = "the log is where the journal's time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A message as a server gave it.
fn message<'a>(
    sequence: u64,
    headers: Option<&HeaderMap>,
    time_ms: i64,
    payload: &'a [u8],
) -> Message<'a> {
    let marked = headers.is_some_and(|headers| headers.get(header::JOURNAL).is_some());
    let stored = DateTime::from_timestamp_millis(time_ms).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Message { sequence, marked, stored, payload }
}

/// The last message of the subject.
pub(super) fn of_standing(found: &stored::Standing) -> Message<'_> {
    message(found.sequence, Some(&found.headers), found.time_ms, &found.payload)
}

fn of_stream(found: &stored::Standing) -> Message<'_> {
    message(found.sequence, Some(&found.headers), found.time_ms, &found.payload)
}

/// A message as a consumer gave it.
pub(super) fn of_consumer(found: &async_nats::jetstream::Message) -> Option<Message<'_>> {
    let info = found.info().ok()?;
    let millis = info.published.unix_timestamp_nanos() / 1_000_000;
    let time_ms = i64::try_from(millis).unwrap_or_default();
    Some(message(info.stream_sequence, found.headers.as_ref(), time_ms, &found.payload))
}

impl NatsLog {
    /// Something stands where `fact` belongs: the fact itself, one of a later entry, which proves
    /// that ours was stored before, or what ours replaces.
    async fn take_over(&self, fact: &Outgoing) -> Result<(), LogError> {
        let stream = streams::of_subject(&fact.subject)
            .ok_or_else(|| LogError(format!("no stream keeps {}", fact.subject)))?;
        let standing = stored::last(&self.nats, stream.name, &fact.subject).await;
        let Some(standing) = standing.map_err(unavailable)? else {
            return Err(LogError(format!("{} is occupied and empty at once", fact.subject)));
        };
        let ours = Origin::of(&fact.headers)
            .ok_or_else(|| LogError(format!("the fact {} names no entry", fact.subject)))?;
        let origin = Origin::of(&standing.headers);
        match (facts::compare(&ours, origin.as_ref()), &origin) {
            (Standing::Ours, _) => return Ok(()),
            (Standing::Later, Some(later)) if self.has(later).await? => return Ok(()),
            (Standing::Later | Standing::Replaced, _) => {}
        }
        if origin.is_none_or(|origin| origin.sequence >= ours.sequence) {
            tracing::error!(
                alert = "foreign-fact",
                subject = fact.subject,
                sequence = standing.sequence,
                "a message stands in the place of a fact and follows from no entry: it is replaced"
            );
        }
        match publish::one(&self.nats, fact, Some(standing.sequence)).await {
            Ok(Published::Stored(_)) => Ok(()),
            Ok(Published::Occupied) => Err(LogError(format!("{} has just changed", fact.subject))),
            Err(unclear) => Err(unavailable(unclear)),
        }
    }

    /// Is there such an entry? What a fact claims of a later one is believed only then.
    async fn has(&self, origin: &Origin) -> Result<bool, LogError> {
        let Some(first) = self.first(1).await? else { return Ok(false) };
        if origin.sequence < first.sequence {
            return Err(LogError(format!("entry {} was removed: read again", origin.sequence)));
        }
        let Some(found) = self.first(origin.sequence).await? else { return Ok(false) };
        let record = Record::<IgnoredAny>::parse(&found.payload).ok();
        let same = |record: Record<IgnoredAny>| record.id() == origin.decision;
        Ok(found.sequence == origin.sequence && record.is_some_and(same))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_entries_are_kept_is_a_number_of_days_or_forever() {
        assert_eq!("forever".parse(), Ok(Keep::Forever));
        assert_eq!("0d".parse(), Ok(Keep::For(Duration::ZERO)));
        assert_eq!("90d".parse(), Ok(Keep::For(Duration::from_secs(7_776_000))));
        for bad in ["", "90", "-1d", "1.5d", "36501d", "d", "90 d", "always"] {
            let error = bad.parse::<Keep>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("{bad:?} is neither")), "{error}");
        }
    }
}
