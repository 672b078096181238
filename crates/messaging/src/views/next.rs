//! The placed message that a warehouse decides next.

use crate::{Nats, streams, subject};
use async_nats::HeaderMap;
use async_nats::jetstream::stream::RawMessageErrorKind;
use bytes::Bytes;
use domain::WarehouseId;

/// A placed message.
#[derive(Clone, Debug)]
pub struct Next {
    /// Its sequence.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// The server did not say which message is the next.
#[derive(Debug, thiserror::Error)]
#[error("cannot read what stands under {filter} after {after}: {reason}")]
pub struct NextError {
    filter: String,
    after: u64,
    reason: String,
}

/// The first message placed for `warehouse` after sequence `after`, read from the leader.
///
/// # Errors
/// The server does not answer.
pub async fn next(
    nats: &Nats,
    warehouse: &WarehouseId,
    after: u64,
) -> Result<Option<Next>, NextError> {
    let filter = subject::placed(warehouse);
    let wrong = |reason: String| NextError { filter: filter.clone(), after, reason };
    let stream = nats.js.get_stream_no_info(streams::ORDERS).await;
    let stream = stream.map_err(|error| wrong(error.to_string()))?;
    match stream.get_first_raw_message_by_subject(filter.as_str(), after + 1).await {
        Ok(message) => Ok(Some(Next {
            sequence: message.sequence,
            subject: message.subject.to_string(),
            headers: message.headers,
            payload: message.payload,
        })),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}
