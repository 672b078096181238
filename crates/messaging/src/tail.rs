//! Reading a stream in order, up to where it ends now.

use crate::nats::{self, Nats};
use crate::stored;
use crate::subject::matches;
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy, ReplayPolicy, pull};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind, Stream};
use async_nats::jetstream::{self, ErrorCode, Message};
use futures_util::StreamExt;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that may be on the way at once: half of what nats-server keeps for a client by default.
const ON_THE_WAY_MAX: usize = 32 << 20;
/// Longest wait for the next message of a stream that is known to have one.
const STALL: Duration = Duration::from_secs(6);

/// How often a server that is behind is looked at again.
const BEHIND: Duration = Duration::from_millis(100);

/// The stream could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {filter} of stream {stream}: {reason}")]
pub struct Error {
    stream: String,
    filter: String,
    reason: String,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With this sequence.
    Sequence(u64),
    /// With what was stored so long ago at most.
    Within(Duration),
}

/// Calls `each` with every message under `filter` from sequence `from` on.
///
/// They come in order and without gaps, until the stream's last one at the time of the call. The
/// result is the last sequence that was looked at, `from - 1` if there was none: where the next call goes
/// on. Whether all came is asked of the stream: with several copies the server that reads may be behind, and 2.9.10 now
/// and then says with a message that none follows, and there are some.
///
/// # Errors
/// The server did not answer, stopped answering, or stayed behind.
pub async fn read(
    nats: &Nats,
    stream: &str,
    filter: &str,
    from: u64,
    headers_only: bool,
    each: impl FnMut(&Message),
) -> Result<u64, Error> {
    read_from(nats, stream, filter, From::Sequence(from), headers_only, each).await
}

/// As [`read`]; also from a time on.
///
/// # Errors
/// The server did not answer, or stopped answering.
pub async fn read_from(
    nats: &Nats,
    stream: &str,
    filter: &str,
    from: From,
    headers_only: bool,
    mut each: impl FnMut(&Message),
) -> Result<u64, Error> {
    let each = |message: &Message| {
        each(message);
        ControlFlow::Continue(())
    };
    read_while(nats, stream, filter, from, headers_only, each).await
}

/// As [`read_from`], until `each` breaks: the result then is the sequence of the message at which it did.
///
/// # Errors
/// The server did not answer, or stopped answering.
pub async fn read_while(
    nats: &Nats,
    stream: &str,
    filter: &str,
    from: From,
    headers_only: bool,
    mut each: impl FnMut(&Message) -> ControlFlow<()>,
) -> Result<u64, Error> {
    let wrong = |reason: String| Error { stream: stream.into(), filter: filter.into(), reason };
    let handle = nats::stream(nats, stream).await.map_err(|error| wrong(error.to_string()))?;
    let last = handle.cached_info().state.last_sequence;
    let deliver_policy = match from {
        From::Sequence(from) if last < from.max(1) => return Ok(last.max(from.max(1) - 1)),
        From::Sequence(from) => DeliverPolicy::ByStartSequence { start_sequence: from.max(1) },
        From::Within(_) if last == 0 => return Ok(0),
        From::Within(age) => {
            let ago = async_nats::datetime::now().unix_timestamp_nanos()
                - i128::try_from(age.as_nanos()).unwrap_or_default();
            let start_time =
                async_nats::datetime::from_nanos(ago).map_err(|error| wrong(error.to_string()))?;
            DeliverPolicy::ByStartTime { start_time }
        }
    };
    let before = match from {
        From::Sequence(from) => from.max(1) - 1,
        From::Within(_) => 0,
    };
    let pass = Pass { nats, stream: handle, filter, headers_only, last };
    let (mut to, mut deliver_policy, mut moved) = (before, deliver_policy, Instant::now());
    loop {
        let (read, flow) = pass.read(deliver_policy, &mut each).await.map_err(wrong)?;
        if flow.is_break() {
            return Ok(read);
        }
        if to < read {
            (to, moved) = (read, Instant::now());
        }
        if last <= to {
            return Ok(to);
        }
        // Since when something is there nobody knows.
        if to == 0 && matches!(from, From::Within(_)) {
            return Ok(0);
        }
        let next = stored::first(nats, stream, filter, to + 1).await;
        let next = next.map_err(|error| wrong(error.to_string()))?;
        if next.is_none_or(|next| last < next.sequence) {
            return Ok(last);
        }
        if STALL <= moved.elapsed() {
            return Err(wrong(format!("the server that reads is behind: it ends at {to}")));
        }
        tokio::time::sleep(BEHIND).await;
        deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: to + 1 };
    }
}

/// What one consumer is asked for.
struct Pass<'a> {
    nats: &'a Nats,
    stream: Stream,
    filter: &'a str,
    headers_only: bool,
    last: u64,
}

impl Pass<'_> {
    async fn consumer(
        &self,
        config: &pull::OrderedConfig,
    ) -> Result<Consumer<pull::OrderedConfig>, ConsumerError> {
        nats::patiently(|| self.stream.create_consumer(config.clone()), answer).await
    }

    /// Reads to the end as the server that has the consumer knows it: the last sequence that came, 0
    /// if none did, and whether `each` goes on.
    async fn read(
        &self,
        deliver_policy: DeliverPolicy,
        mut each: impl FnMut(&Message) -> ControlFlow<()>,
    ) -> Result<(u64, ControlFlow<()>), String> {
        let Self { nats, stream, filter, headers_only, last } = self;
        let mut config = pull::OrderedConfig {
            filter_subject: (*filter).into(),
            deliver_policy,
            replay_policy: ReplayPolicy::Instant,
            headers_only: *headers_only,
            max_batch: if *headers_only { 0 } else { batch(nats) },
            ..Default::default()
        };
        let mut consumer = self.consumer(&config).await;
        let is_whole = consumer.as_ref().is_err_and(is_not_subset);
        if is_whole {
            // nats-server 2.9 has no filter for what a stream holds of a subject that it gets no more.
            config.filter_subject.clear();
            consumer = self.consumer(&config).await;
        }
        let consumer = consumer.map_err(|error| error.to_string())?;
        let name = consumer.cached_info().name.clone();
        let read = match consumer.cached_info().num_pending {
            0 => Ok((0, ControlFlow::Continue(()))),
            _ => {
                let wanted = |message: &Message| !is_whole || matches(filter, &message.subject);
                let each = |message: &Message| match wanted(message) {
                    true => each(message),
                    false => ControlFlow::Continue(()),
                };
                to_end(consumer, *last, each).await
            }
        };
        // Otherwise the server keeps it for half a minute. One that replaced it after a missed
        // heartbeat goes that way.
        if let Err(error) = stream.delete_consumer(&name).await {
            tracing::debug!(%error, filter, "the consumer stays for a while");
        }
        read
    }
}

fn answer(error: &ConsumerError) -> Option<jetstream::Error> {
    match error.kind() {
        ConsumerErrorKind::JetStream(answer) => Some(answer),
        _ => None,
    }
}

fn is_not_subset(error: &ConsumerError) -> bool {
    answer(error).is_some_and(|it| it.error_code() == ErrorCode::CONSUMER_FILTER_NOT_SUBSET)
}

/// Messages that may be on the way at once. With the client's own number the server would drop the
/// connection of a reader that does not keep up with large ones.
fn batch(nats: &Nats) -> i64 {
    let messages = ON_THE_WAY_MAX / nats.message_bytes_max().max(1);
    i64::try_from(messages.clamp(1, 500)).expect("it is at most 500")
}

async fn to_end(
    consumer: Consumer<pull::OrderedConfig>,
    last: u64,
    mut each: impl FnMut(&Message) -> ControlFlow<()>,
) -> Result<(u64, ControlFlow<()>), String> {
    let mut messages = consumer.messages().await.map_err(|error| error.to_string())?;
    let mut heard = Instant::now();
    loop {
        let message = match tokio::time::timeout_at(heard + STALL, messages.next()).await {
            Err(_) => return Err("the server stopped answering".into()),
            Ok(None) => return Err("the consumer ended".into()),
            // The ordered consumer creates itself again after a missed heartbeat.
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "ordered consumer");
                continue;
            }
            Ok(Some(Ok(message))) => message,
        };
        heard = Instant::now();
        let info = message.info().map_err(|error| error.to_string())?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        let flow = each(&message);
        if flow.is_break() || pending == 0 || sequence >= last {
            return Ok((sequence, flow));
        }
    }
}
