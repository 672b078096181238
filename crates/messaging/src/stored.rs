//! One message that stands in a stream, read from the stream's leader: what was stored before it is
//! asked is found.

use crate::{Nats, header};
use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;

/// The last message of a subject.
///
/// # Errors
/// The server did not answer.
pub async fn last(
    nats: &Nats,
    stream: &str,
    subject: &str,
) -> Result<Option<Standing>, LookupError> {
    use async_nats::jetstream::stream::LastRawMessageErrorKind as Kind;
    let wrong = |reason| LookupError { what: format!("the last message of {subject}"), reason };
    let stream =
        nats.js.get_stream_no_info(stream).await.map_err(|error| wrong(error.to_string()))?;
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(message.into())),
        Err(error) if error.kind() == Kind::NoMessageFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The message with a sequence.
///
/// # Errors
/// The server did not answer.
pub async fn at(nats: &Nats, stream: &str, sequence: u64) -> Result<Option<Standing>, LookupError> {
    use async_nats::jetstream::stream::RawMessageErrorKind as Kind;
    let wrong = |reason| LookupError { what: format!("message {sequence} of {stream}"), reason };
    let from = nats.js.get_stream_no_info(stream).await;
    let from = from.map_err(|error| wrong(error.to_string()))?;
    match from.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(message.into())),
        Err(error) if error.kind() == Kind::NoMessageFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// The first message under `filter` whose sequence is `from` or greater.
///
/// # Errors
/// The server did not answer.
pub async fn first(
    nats: &Nats,
    stream: &str,
    filter: &str,
    from: u64,
) -> Result<Option<Standing>, LookupError> {
    use async_nats::jetstream::stream::RawMessageErrorKind as Kind;
    let wrong = |reason| LookupError { what: format!("the first message of {filter}"), reason };
    let stream =
        nats.js.get_stream_no_info(stream).await.map_err(|error| wrong(error.to_string()))?;
    match stream.get_first_raw_message_by_subject(filter, from).await {
        Ok(message) => Ok(Some(message.into())),
        Err(error) if error.kind() == Kind::NoMessageFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A message that stands in a stream.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its sequence.
    pub sequence: u64,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
    /// When it was stored, milliseconds since 1970.
    pub time_ms: i64,
}

impl From<StreamMessage> for Standing {
    fn from(message: StreamMessage) -> Self {
        let millis = message.time.unix_timestamp_nanos() / 1_000_000;
        Self {
            sequence: message.sequence,
            headers: message.headers,
            payload: message.payload,
            time_ms: i64::try_from(millis).unwrap_or_default(),
        }
    }
}

impl Standing {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(async_nats::HeaderValue::as_str)
    }

    /// Journal sequence of the decision that it follows from.
    #[must_use]
    pub fn decision_sequence(&self) -> Option<u64> {
        self.header(header::DECISION_SEQUENCE)?.parse().ok()
    }
}

/// The server did not say what stands in a stream.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {reason}")]
pub struct LookupError {
    what: String,
    reason: String,
}

impl LookupError {
    pub(crate) fn new(what: String, reason: String) -> Self {
        Self { what, reason }
    }
}
