//! Publishing with an expected sequence.

use crate::Nats;
use crate::nats::TIMEOUT;
use async_nats::client::{Request, RequestErrorKind};
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::borrow::Borrow;
use tokio::time::timeout;

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
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_static(name);
        if value.contains(['\r', '\n']) {
            self.headers.insert(name, crate::subject::token(value));
        } else {
            self.headers.insert(name, value);
        }
        self
    }

    /// About as many as the server counts: payload, headers, and room for the one that is added.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.payload.len() + self.header_bytes()
    }

    /// About as many as the server counts for the headers, with room for the one that is added.
    #[must_use]
    pub fn header_bytes(&self) -> usize {
        let lines = self.headers.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| header_line_bytes(name.as_ref(), value.as_str()))
        });
        lines.sum::<usize>() + HEADER_BYTES_EXTRA
    }

    /// Can the server never store it, whatever its state?
    fn never(&self, bytes_max: usize) -> Option<Why> {
        let (subject, headers) = (self.subject.len(), self.header_bytes());
        if SUBJECT_BYTES_MAX < subject {
            return Some(Why::Subject { bytes: subject });
        }
        if HEADER_BYTES_MAX < headers {
            return Some(Why::Headers { bytes: headers });
        }
        (bytes_max < self.bytes()).then_some(Why::TooLarge { bytes_max })
    }
}

/// What one header takes of a message.
#[must_use]
pub fn header_line_bytes(name: &str, value: &str) -> usize {
    name.len() + value.len() + 4
}

/// First line and last line of headers, and an expected sequence.
const HEADER_BYTES_EXTRA: usize = 80;
/// nats-server stores the length of the headers in 16 bits.
const HEADER_BYTES_MAX: usize = 65_535;
/// nats-server ends a connection on which a protocol line of more than 4,096 bytes comes; the address
/// for the answer and two numbers stand on it as well.
const SUBJECT_BYTES_MAX: usize = 3_584;

/// What the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is stored under this sequence.
    Stored(u64),
    /// Something else was there: the last sequence of the subject is not the expected one.
    Occupied,
}

/// The message is not acknowledged: it may be stored all the same, now or later, unless
/// [`Unclear::is_certain`] says that it is not.
#[derive(Debug, thiserror::Error)]
#[error("{subject} {}: {why}", if why.is_certain() { "does not take the message" } else { "did not acknowledge the message, which may be stored or not" })]
pub struct Unclear {
    subject: String,
    why: Why,
}

/// What is known instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error(
        "no stream takes it now: its servers are choosing a leader, or it is missing (orderflow setup \
         makes it)"
    )]
    NoStream,
    #[error("the server takes at most {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("its headers have {bytes} bytes, the limit is {HEADER_BYTES_MAX}")]
    Headers { bytes: usize },
    #[error("the subject has {bytes} bytes, the limit is {SUBJECT_BYTES_MAX}")]
    Subject { bytes: usize },
    #[error("the stream takes no message as large as this: {answer}")]
    LargerThanTheStreamTakes { answer: String },
    #[error("{answer}; make room in the stream, or raise its limit")]
    Full { answer: String },
    #[error(
        "{answer}; a sealed stream accepts no messages: delete it and create it again with `orderflow setup`"
    )]
    Sealed { answer: String },
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    NoAnswer,
    #[error("not sent: {reason}")]
    NotSent { reason: String },
    #[error("answered with {answer}")]
    Refused { answer: String },
}

impl Unclear {
    /// Can trying again never help? Only a message that is too large is to blame itself: every subject
    /// that is published here has its stream, which may have no leader for a while.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self.why {
            Why::TooLarge { .. }
            | Why::Headers { .. }
            | Why::Subject { .. }
            | Why::LargerThanTheStreamTakes { .. } => true,
            // It is about the stream or the servers, and says nothing of the message.
            Why::NoStream | Why::Full { .. } | Why::Sealed { .. } => false,
            Why::NoAnswer | Why::NotSent { .. } | Why::Refused { .. } => false,
        }
    }

    /// Would less of it be taken?
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.why, Why::TooLarge { .. } | Why::LargerThanTheStreamTakes { .. })
    }

    /// Is it certain that the message is not stored?
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.why.is_certain()
    }
}

impl Why {
    fn is_certain(&self) -> bool {
        !matches!(self, Self::NoAnswer | Self::NotSent { .. } | Self::Refused { .. })
    }

    /// What the server says instead of an acknowledgement.
    fn said(error: &jetstream::Error) -> Self {
        let answer = error.to_string();
        match error.error_code() {
            ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
            | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => Self::LargerThanTheStreamTakes { answer },
            ErrorCode::STREAM_SEALED => Self::Sealed { answer },
            ErrorCode::INSUFFICIENT_RESOURCES
            | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            | ErrorCode::MEMORY_RESOURCES_EXCEEDED
            | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED => Self::Full { answer },
            // One code for all that went wrong when it was to be stored: a limit of the stream
            // keeps it out; what a disk did with it is not known.
            ErrorCode::STREAM_STORE_FAILED if FULL.iter().any(|full| answer.contains(full)) => {
                Self::Full { answer }
            }
            _ => Self::Refused { answer },
        }
    }
}

/// How nats-server says that a limit of a stream is reached that discards new messages.
const FULL: [&str; 3] = [
    "maximum messages exceeded",
    "maximum bytes exceeded",
    "maximum messages per subject exceeded",
];

/// Publishes of one call that wait for their acknowledgement at once.
const AT_ONCE: usize = 1_000;

/// Publishes `messages` at once, each only if `expected` is the last sequence of its subject (0:
/// nothing is there), and waits for all answers. The results stand in the order of the messages.
///
/// All answers come to one inbox: a request for each message, with its own time-out and its own
/// receiver, costs the client more than twice as much.
pub async fn all(
    nats: &Nats,
    messages: &[impl Borrow<Outgoing>],
    expected: Option<u64>,
) -> Vec<Result<Published, Unclear>> {
    if messages.is_empty() {
        return Vec::new();
    }
    let mut results: Vec<Option<Result<Published, Why>>> = vec![None; messages.len()];
    let sent = send_all(nats, messages, expected, &mut results).await;
    let rest = sent.err().unwrap_or(Why::NoAnswer);
    let named = results.into_iter().zip(messages).map(|(result, message)| {
        let result = result.unwrap_or_else(|| Err(rest.clone()));
        result.map_err(|why| Unclear { subject: message.borrow().subject.clone(), why })
    });
    named.collect()
}

/// Fills `results` until all are there or the server has said nothing for [`TIMEOUT`].
async fn send_all(
    nats: &Nats,
    messages: &[impl Borrow<Outgoing>],
    expected: Option<u64>,
    results: &mut [Option<Result<Published, Why>>],
) -> Result<(), Why> {
    let inbox = nats.client.new_inbox();
    let not_sent = |error: &dyn std::error::Error| Why::NotSent { reason: error.to_string() };
    let answers = nats.client.subscribe(format!("{inbox}.*")).await.map_err(|e| not_sent(&e))?;
    let mut answers = Answers { answers, results, missing: 0 };
    let bytes_max = nats.message_bytes_max();
    for (index, message) in messages.iter().map(Borrow::borrow).enumerate() {
        if let Some(never) = message.never(bytes_max) {
            answers.set(index, Err(never));
            continue;
        }
        while AT_ONCE <= answers.missing {
            answers.next().await?;
        }
        let mut headers = message.headers.clone();
        if let Some(sequence) = expected {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(sequence));
        }
        let (subject, payload) = (message.subject.clone(), message.payload.clone());
        let reply = format!("{inbox}.{index}");
        let publish = nats.client.publish_with_reply_and_headers(subject, reply, headers, payload);
        match timeout(TIMEOUT, publish).await {
            Ok(Ok(())) => answers.missing += 1,
            Ok(Err(error)) => answers.set(index, Err(not_sent(&error))),
            Err(_elapsed) => return Err(Why::NoAnswer),
        }
    }
    while 0 < answers.missing {
        answers.next().await?;
    }
    Ok(())
}

/// The answers of one call.
struct Answers<'a> {
    answers: Subscriber,
    results: &'a mut [Option<Result<Published, Why>>],
    missing: usize,
}

impl Answers<'_> {
    async fn next(&mut self) -> Result<(), Why> {
        let answer = timeout(TIMEOUT, self.answers.next()).await;
        let answer = answer.ok().flatten().ok_or(Why::NoAnswer)?;
        let index = answer.subject.rsplit('.').next().and_then(|index| index.parse().ok());
        if let Some(index) = index
            && self.results.get(index).is_some_and(Option::is_none)
        {
            self.missing = self.missing.saturating_sub(1);
            self.set(index, read_answer(&answer));
        }
        Ok(())
    }

    fn set(&mut self, index: usize, result: Result<Published, Why>) {
        if let Some(place) = self.results.get_mut(index) {
            *place = Some(result);
        }
    }
}

/// What an answer to a publish says.
fn read_answer(answer: &Message) -> Result<Published, Why> {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(Why::NoStream);
    }
    match serde_json::from_slice(&answer.payload) {
        Ok(Response::<PublishAck>::Ok(ack)) => Ok(Published::Stored(ack.sequence)),
        Ok(Response::Err { error }) => match error.error_code() {
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE
            | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => Ok(Published::Occupied),
            _ => Err(Why::said(&error)),
        },
        Err(error) => Err(Why::Refused { answer: error.to_string() }),
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
    let bytes_max = nats.message_bytes_max();
    let unclear = |why| Unclear { subject: message.subject.clone(), why };
    if let Some(never) = message.never(bytes_max) {
        return Err(unclear(never));
    }
    let mut headers = message.headers.clone();
    if let Some(sequence) = expected {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(sequence));
    }
    let request = Request::new().headers(headers).payload(message.payload.clone());
    let request = request.timeout(Some(TIMEOUT));
    let answer = nats.client.send_request(message.subject.clone(), request).await;
    let answer = answer.map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => Why::NoStream,
        RequestErrorKind::TimedOut => Why::NoAnswer,
        RequestErrorKind::MaxPayloadExceeded => Why::TooLarge { bytes_max },
        RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
            Why::NotSent { reason: error.to_string() }
        }
    });
    answer.and_then(|answer| read_answer(&answer)).map_err(unclear)
}
