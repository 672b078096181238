//! A journal's log on JetStream.

use super::rules::Rules;
use super::snapshots::Snapshots;
use super::{Appended, Log, LogError, trim};
use crate::publish::{self, Outgoing, Published};
use crate::store::On;
use crate::stored;
use crate::{Nats, header, streams, tail};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
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

    async fn read_entries(
        &self,
        from: u64,
        each: &mut (dyn FnMut(u64, &[u8]) + Send),
    ) -> Result<u64, LogError> {
        let last = stored::last(&self.nats, streams::JOURNAL, &self.subject).await;
        let Some(last) = last.map_err(unavailable)? else { return Ok(0) };
        if last.sequence < from {
            return Ok(last.sequence);
        }
        let stream =
            self.nats.js.get_stream_no_info(streams::JOURNAL).await.map_err(unavailable)?;
        let mut at = from;
        // Few are asked for one by one: a consumer would hang if the server died meanwhile.
        for _ in 0..FEW {
            if at == last.sequence {
                each(at, &last.payload);
                return Ok(at);
            }
            match stream.get_first_raw_message_by_subject(&self.subject, at).await {
                Ok(message) if message.sequence <= last.sequence => {
                    each(message.sequence, &message.payload);
                    at = message.sequence + 1;
                }
                // What was appended meanwhile belongs to the next read.
                Ok(_) => return Ok(last.sequence),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {
                    return Ok(last.sequence);
                }
                Err(error) => return Err(unavailable(error)),
            }
            if at > last.sequence {
                return Ok(last.sequence);
            }
        }
        let mut end = last.sequence;
        let give = |message: &async_nats::jetstream::Message| {
            if let Ok(info) = message.info() {
                each(info.stream_sequence, &message.payload);
                end = end.max(info.stream_sequence);
            }
        };
        tail::read(&self.nats, streams::JOURNAL, &self.subject, at, false, give)
            .await
            .map_err(unavailable)?;
        Ok(end)
    }
}

impl Log for NatsLog {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        if !self.is_read() {
            return Appended::Unclear(ANEW.into());
        }
        // No message id: the same id with other content would be answered as a duplicate.
        let message =
            PublishMessage::build().payload(entry).expected_last_subject_sequence(expected);
        let answer = match self.nats.js.send_publish(self.subject.clone(), message).await {
            Ok(ack) => ack.into_future().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(ack) if !ack.duplicate => Appended::Stored(ack.sequence),
            Ok(_) => Appended::Unclear("answered as a duplicate".into()),
            Err(error) => Appended::Unclear(error.to_string()),
        }
    }

    async fn read(
        &self,
        from: u64,
        each: &mut (dyn FnMut(u64, &[u8]) + Send),
    ) -> Result<u64, LogError> {
        let on = On::now(&self.nats);
        let last = self.read_entries(from, each).await?;
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
            let below = head.trim_below(Rules::default());
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
        let nats = &self.nats;
        let asking = stream::iter(occupied).map(|fact| async move { take_over(nats, &fact).await });
        asking.buffer_unordered(ASKED_AT_ONCE).try_collect::<()>().await?;
        // What another server took, which a lost connection may have been followed by, proves nothing.
        if self.is_read() { Ok(()) } else { Err(unavailable(ANEW)) }
    }

    fn new_id(&self) -> String {
        self.nats.unique()
    }

    #[expect(clippy::disallowed_methods, reason = "the log is where the journal's time comes from")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// Something stands where `fact` belongs: the fact itself, one of a later decision, which proves
/// that ours was stored before, or one of an earlier decision, which ours replaces.
async fn take_over(nats: &Nats, fact: &Outgoing) -> Result<(), LogError> {
    let stream = streams::of_subject(&fact.subject)
        .ok_or_else(|| LogError(format!("no stream keeps {}", fact.subject)))?;
    let Some(standing) =
        stored::last(nats, stream.name, &fact.subject).await.map_err(unavailable)?
    else {
        return Err(LogError(format!("{} is occupied and empty at once", fact.subject)));
    };
    let ours: Option<u64> =
        fact.headers.get(header::DECISION_SEQUENCE).and_then(|value| value.as_str().parse().ok());
    if standing.decision_sequence() >= ours {
        return Ok(());
    }
    match publish::one(nats, fact, Some(standing.sequence)).await {
        Ok(Published::Stored(_)) => Ok(()),
        Ok(Published::Occupied) => Err(LogError(format!("{} has just changed", fact.subject))),
        Err(unclear) => Err(unavailable(unclear)),
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
