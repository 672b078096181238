//! Reading a stream in order, up to where it ends now.

use crate::Nats;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy, pull};
use futures_util::StreamExt;
use std::time::Duration;

/// Longest wait for the next message of a stream that is known to have one.
const STALL: Duration = Duration::from_secs(15);

/// The stream could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {filter} of stream {stream}: {reason}")]
pub struct Error {
    stream: String,
    filter: String,
    reason: String,
}

/// Calls `each` with every message under `filter` from sequence `from` on.
///
/// They come in order and without gaps, until the stream's last one at the time of the call. The
/// result is the last sequence that was looked at, `from - 1` if there was none.
///
/// # Errors
/// The server did not answer, or stopped answering.
pub async fn read(
    nats: &Nats,
    stream: &str,
    filter: &str,
    from: u64,
    headers_only: bool,
    mut each: impl FnMut(&Message),
) -> Result<u64, Error> {
    let wrong = |reason: String| Error { stream: stream.into(), filter: filter.into(), reason };
    let handle = nats.js.get_stream(stream).await.map_err(|error| wrong(error.to_string()))?;
    let last = handle.cached_info().state.last_sequence;
    let from = from.max(1);
    if last < from {
        return Ok(last.max(from - 1));
    }
    let consumer = handle
        .create_consumer(pull::OrderedConfig {
            filter_subject: filter.into(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
            replay_policy: ReplayPolicy::Instant,
            headers_only,
            ..Default::default()
        })
        .await
        .map_err(|error| wrong(error.to_string()))?;
    if consumer.cached_info().num_pending == 0 {
        return Ok(last);
    }
    let mut messages = consumer.messages().await.map_err(|error| wrong(error.to_string()))?;
    loop {
        let next = tokio::time::timeout(STALL, messages.next()).await;
        let message = match next {
            Err(_) => return Err(wrong("the server stopped answering".into())),
            Ok(None) => return Err(wrong("the consumer ended".into())),
            // The ordered consumer makes itself anew after a missed heartbeat.
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, %stream, "ordered consumer");
                continue;
            }
            Ok(Some(Ok(message))) => message,
        };
        let info = message.info().map_err(|error| wrong(error.to_string()))?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        each(&message);
        if pending == 0 || sequence >= last {
            return Ok(sequence.max(last));
        }
    }
}
