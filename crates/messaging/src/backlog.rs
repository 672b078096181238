//! How much a consumer has not done: what was never given out, and what was and is not acknowledged.
//!
//! What is given out and not acknowledged is no less undone than the rest: a function that never
//! answers has everything in its hands, and nothing is pending.

use crate::Nats;
use crate::stored::{self, LookupError};
use async_nats::jetstream::consumer::{DeliverPolicy, Info};

/// What is left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that were never given out.
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

impl Backlog {
    /// All that is not done.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.pending.saturating_add(self.unacknowledged)
    }

    /// What a consumer says of itself, without the oldest message.
    #[must_use]
    pub fn counts(info: &Info) -> Self {
        let unacknowledged = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
        Self { pending: info.num_pending, unacknowledged, oldest: None }
    }

    /// The same with the oldest message, which the stream is asked for if anything is left.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn of(nats: &Nats, info: &Info) -> Result<Self, LookupError> {
        let counts = Self::counts(info);
        if counts.count() == 0 {
            return Ok(counts);
        }
        let filter = match info.config.filter_subject.as_str() {
            "" => ">",
            filter => filter,
        };
        let after = settled(info);
        let from = match info.config.deliver_policy {
            DeliverPolicy::ByStartSequence { start_sequence } => start_sequence.max(after + 1),
            _ => after + 1,
        };
        let first = stored::first(nats, &info.stream_name, filter, from).await?;
        // A consumer that began with new messages had none of those before it.
        let begins_ms = match info.config.deliver_policy {
            DeliverPolicy::New => millis(info.created.unix_timestamp_nanos()),
            _ => i64::MIN,
        };
        let oldest = first.map(|message| Oldest {
            sequence: message.sequence,
            stored_ms: message.time_ms.max(begins_ms),
        });
        Ok(Self { oldest, ..counts })
    }
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
}
