//! What is not done: of a function's consumer, and of an ordered lane.
//!
//! This is the one place where it is counted; the connector's metrics, `doctor` and `wait` show what it
//! says. It asks the server and nobody else: what a connector saw is not what there is.
//!
//! What is given out and not acknowledged is no less undone than the rest: a function that never
//! answers has everything in its hands, and nothing is pending.

use crate::Nats;
use crate::stored::{self, LookupError};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, pull};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use std::time::Duration;

/// How long a consumer that only counts is kept if it could not be removed.
const COUNTING: Duration = Duration::from_secs(5);

/// What is left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that were never given out; of a lane, all that are not decided.
    pub pending: u64,
    /// Messages that were given out and are not acknowledged.
    pub unacknowledged: u64,
    /// The oldest of both, if there is one.
    pub oldest: Option<Oldest>,
}

/// The oldest message that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored, milliseconds since 1970.
    pub stored_ms: i64,
}

impl Oldest {
    /// Its age at `now_ms`, in whole seconds; 0 where clocks differ so that it comes from the future.
    #[must_use]
    pub fn age_seconds(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.stored_ms).max(0) / 1_000
    }
}

/// What a consumer has not done, and the consumer itself, where there is one.
#[derive(Clone, Debug)]
pub struct Reader {
    /// What is left.
    pub backlog: Backlog,
    /// What the server says of it; nothing if nobody has subscribed yet.
    pub info: Option<Info>,
}

impl Backlog {
    /// All that is not done.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.pending.saturating_add(self.unacknowledged)
    }

    /// What a consumer has not done.
    ///
    /// The stream is asked as well: a message that stands there behind all that is done is not done,
    /// also while the consumer does not know of it.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn of(nats: &Nats, info: &Info) -> Result<Self, LookupError> {
        let filter = match info.config.filter_subject.as_str() {
            "" => ">",
            filter => filter,
        };
        let after = settled(info);
        // A consumer that began with new messages had none of those before it.
        let (from, begins_ms) = match info.config.deliver_policy {
            DeliverPolicy::ByStartSequence { start_sequence } => {
                (start_sequence.max(after + 1), i64::MIN)
            }
            DeliverPolicy::New => (after + 1, millis(info.created.unix_timestamp_nanos())),
            _ => (after + 1, i64::MIN),
        };
        let oldest = stored::first(nats, &info.stream_name, filter, from).await?;
        let oldest = oldest.map(|message| Oldest {
            sequence: message.sequence,
            stored_ms: message.time_ms.max(begins_ms),
        });
        let known = Self::counted(info.num_pending, info.num_ack_pending, None);
        // One with several filters has none of them here, so it alone knows what it still gets.
        let is_all = filter == ">" && known.count() == 0;
        Ok(Self::counted(info.num_pending, info.num_ack_pending, oldest.filter(|_| !is_all)))
    }

    fn counted(pending: u64, unacknowledged: usize, oldest: Option<Oldest>) -> Self {
        let unacknowledged = u64::try_from(unacknowledged).unwrap_or(u64::MAX);
        let unseen = oldest.is_some() && pending == 0 && unacknowledged == 0;
        Self { pending: pending.max(u64::from(unseen)), unacknowledged, oldest }
    }

    /// What the consumer `name` of a stream has not done; where there is none yet, everything under
    /// `filter`.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn of_reader(
        nats: &Nats,
        stream: &str,
        name: &str,
        filter: &str,
    ) -> Result<Reader, LookupError> {
        let wrong = |reason| LookupError::new(format!("consumer {name} of {stream}"), reason);
        let handle = nats.js.get_stream_no_info(stream).await;
        let handle = handle.map_err(|error| wrong(error.to_string()))?;
        match handle.consumer_info(name).await {
            Ok(info) => {
                let backlog = Self::of(nats, &info).await?;
                Ok(Reader { backlog, info: Some(info) })
            }
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                Ok(Reader { backlog: Self::of_lane(nats, stream, filter, 0).await?, info: None })
            }
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// What is behind `decided_to` under the filter of an ordered lane.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn of_lane(
        nats: &Nats,
        stream: &str,
        filter: &str,
        decided_to: u64,
    ) -> Result<Self, LookupError> {
        let Some(first) = stored::first(nats, stream, filter, decided_to + 1).await? else {
            return Ok(Self::default());
        };
        let oldest = Oldest { sequence: first.sequence, stored_ms: first.time_ms };
        let pending = count(nats, stream, filter, first.sequence).await?;
        Ok(Self::counted(pending, 0, Some(oldest)))
    }
}

/// How many messages under `filter` there are from sequence `from` on. The server counts them for a
/// consumer from which nothing is ever fetched.
async fn count(nats: &Nats, stream: &str, filter: &str, from: u64) -> Result<u64, LookupError> {
    let wrong = |reason| LookupError::new(format!("how many are on {filter}"), reason);
    let config = pull::Config {
        description: Some("counts what is not done".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ack_policy: AckPolicy::None,
        filter_subject: filter.to_owned(),
        inactive_threshold: COUNTING,
        memory_storage: true,
        num_replicas: 1,
        ..Default::default()
    };
    let handle = nats.js.get_stream_no_info(stream).await;
    let handle = handle.map_err(|error| wrong(error.to_string()))?;
    let consumer = handle.create_consumer(config).await;
    let consumer = consumer.map_err(|error| wrong(error.to_string()))?;
    let info = consumer.cached_info();
    if let Err(error) = handle.delete_consumer(&info.name).await {
        tracing::debug!(%error, stream, "the consumer stays for a moment");
    }
    Ok(info.num_pending)
}

fn millis(nanoseconds: i128) -> i64 {
    i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX)
}

/// Up to which sequence of its stream everything is done.
#[must_use]
pub fn settled(info: &Info) -> u64 {
    // nats-server 2.9 says 0 until the first acknowledgement.
    let given_out = if info.num_ack_pending == 0 { info.delivered.stream_sequence } else { 0 };
    info.ack_floor.stream_sequence.max(given_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_not_done_counts_and_nothing_is_younger_than_now() {
        let backlog = Backlog { pending: 2, unacknowledged: 3, oldest: None };
        assert_eq!(backlog.count(), 5);
        let oldest = Oldest { sequence: 1, stored_ms: 10_500 };
        assert_eq!(oldest.age_seconds(73_000), 62);
        assert_eq!(oldest.age_seconds(10_000), 0);
    }

    #[test]
    fn what_stands_in_the_stream_counts_also_where_the_consumer_knows_of_nothing() {
        let oldest = Some(Oldest { sequence: 7, stored_ms: 0 });
        for (pending, unacknowledged, oldest, expected) in
            [(0, 0, None, 0), (0, 0, oldest, 1), (4, 0, oldest, 4), (0, 2, oldest, 2)]
        {
            assert_eq!(Backlog::counted(pending, unacknowledged, oldest).count(), expected);
        }
    }
}
