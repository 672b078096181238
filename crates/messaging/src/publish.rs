//! Publishing with an expected sequence.

use crate::{Nats, header};
use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::future::IntoFuture;

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where.
    pub subject: String,
    /// With these headers.
    pub headers: HeaderMap,
    /// What.
    pub payload: Bytes,
}

impl Outgoing {
    /// A message without headers.
    #[must_use]
    pub fn new(subject: String, payload: Bytes) -> Self {
        Self { subject, headers: HeaderMap::new(), payload }
    }

    /// With one more header. A value that would end the line is written as a token.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if value.contains(['\r', '\n']) {
            self.headers.insert(name, crate::subject::token(value));
        } else {
            self.headers.insert(name, value);
        }
        self
    }
}

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is stored under this sequence.
    Stored(u64),
    /// Something else was there: the last sequence of the subject is not the expected one.
    Occupied,
}

/// Nothing is known about whether the message is stored.
#[derive(Debug, thiserror::Error)]
#[error("publishing to {subject} is unclear")]
pub struct Unclear {
    subject: String,
    #[source]
    source: PublishError,
}

impl Unclear {
    /// Can trying again never help? No stream takes the subject, or the message is too large.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(
            self.source.kind(),
            PublishErrorKind::StreamNotFound | PublishErrorKind::MaxPayloadExceeded
        )
    }
}

/// Publishes of one call that wait for their acknowledgement at once.
const AT_ONCE: usize = 1_000;

/// Publishes `messages` at once, each only if `expected` is the last sequence of its subject (0:
/// nothing is there), and waits for all answers. The results stand in the order of the messages.
pub async fn all(
    nats: &Nats,
    messages: &[Outgoing],
    expected: Option<u64>,
) -> Vec<Result<Published, Unclear>> {
    // Each answer is waited for from the moment its message is sent: a server that is gone costs
    // one time-out and not one for each message, and an answer that came makes room for others.
    let publishes: Vec<_> =
        messages.iter().map(|message| publish(nats, message, expected)).collect();
    stream::iter(publishes).buffered(AT_ONCE).collect().await
}

async fn publish(
    nats: &Nats,
    message: &Outgoing,
    expected: Option<u64>,
) -> Result<Published, Unclear> {
    let mut publish =
        PublishMessage::build().headers(message.headers.clone()).payload(message.payload.clone());
    if let Some(sequence) = expected {
        publish = publish.expected_last_subject_sequence(sequence);
    }
    let answer = match nats.js.send_publish(message.subject.clone(), publish).await {
        Ok(ack) => ack.into_future().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(ack) => Ok(Published::Stored(ack.sequence)),
        Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
            Ok(Published::Occupied)
        }
        Err(source) => Err(Unclear { subject: message.subject.clone(), source }),
    }
}

/// Publishes one message, only if `expected` is the last sequence of its subject.
///
/// # Errors
/// The acknowledgement did not come; the message may be stored, now or later.
pub async fn one(
    nats: &Nats,
    message: &Outgoing,
    expected: Option<u64>,
) -> Result<Published, Unclear> {
    publish(nats, message, expected).await
}

/// The last message of a subject, read from the stream's leader.
///
/// # Errors
/// The server did not answer.
pub async fn last(
    nats: &Nats,
    stream: &str,
    subject: &str,
) -> Result<Option<Standing>, LookupError> {
    use async_nats::jetstream::stream::LastRawMessageErrorKind as Kind;
    let wrong = |reason: String| LookupError { subject: subject.into(), reason };
    let stream =
        nats.js.get_stream_no_info(stream).await.map_err(|error| wrong(error.to_string()))?;
    match stream.get_last_raw_message_by_subject(subject).await {
        Ok(message) => Ok(Some(Standing {
            sequence: message.sequence,
            headers: message.headers,
            payload: message.payload,
            time_ms: i64::try_from(message.time.unix_timestamp_nanos() / 1_000_000)
                .unwrap_or_default(),
        })),
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

/// The server did not say what stands on a subject.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the last message of {subject}: {reason}")]
pub struct LookupError {
    subject: String,
    reason: String,
}
