//! Publishing with an expected sequence.

use crate::Nats;
use crate::nats::TIMEOUT;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{HeaderMap, HeaderName, HeaderValue, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::borrow::Borrow;
use std::future::IntoFuture;
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
        let line = |name: &str, value: &[u8]| name.len() + value.len() + 4;
        let headers = self.headers.iter().flat_map(|(name, values)| {
            values.iter().map(move |value| line(name.as_ref(), value.as_ref()))
        });
        self.payload.len() + headers.sum::<usize>() + HEADER_BYTES_EXTRA
    }
}

/// First line and last line of headers, and an expected sequence.
const HEADER_BYTES_EXTRA: usize = 80;

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
#[error("publishing to {subject} is unclear: {why}")]
pub struct Unclear {
    subject: String,
    why: Why,
}

/// What is known instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Why {
    #[error("no stream keeps it")]
    NoStream,
    #[error("the server takes at most {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    NoAnswer,
    #[error("not sent: {reason}")]
    NotSent { reason: String },
    #[error("answered with {answer}")]
    Refused { answer: String },
}

impl Unclear {
    /// Can trying again never help? No stream takes the subject, or the message is too large.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self.why, Why::NoStream | Why::TooLarge { .. })
    }
}

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
        if message.bytes() > bytes_max {
            answers.set(index, Err(Why::TooLarge { bytes_max }));
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
            self.set(index, read(&answer));
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
fn read(answer: &Message) -> Result<Published, Why> {
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(Why::NoStream);
    }
    match serde_json::from_slice(&answer.payload) {
        Ok(Response::<PublishAck>::Ok(ack)) => Ok(Published::Stored(ack.sequence)),
        Ok(Response::Err { error }) => match error.error_code() {
            ErrorCode::STREAM_WRONG_LAST_SEQUENCE
            | ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT => Ok(Published::Occupied),
            _ => Err(Why::Refused { answer: error.to_string() }),
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
    let mut publish =
        PublishMessage::build().headers(message.headers.clone()).payload(message.payload.clone());
    if let Some(sequence) = expected {
        publish = publish.expected_last_subject_sequence(sequence);
    }
    let answer = match nats.js.send_publish(message.subject.clone(), publish).await {
        Ok(ack) => ack.into_future().await,
        Err(error) => Err(error),
    };
    let why = match answer {
        Ok(ack) => return Ok(Published::Stored(ack.sequence)),
        Err(error) => match error.kind() {
            PublishErrorKind::WrongLastSequence => return Ok(Published::Occupied),
            PublishErrorKind::StreamNotFound => Why::NoStream,
            PublishErrorKind::TimedOut => Why::NoAnswer,
            PublishErrorKind::MaxPayloadExceeded => {
                Why::TooLarge { bytes_max: nats.message_bytes_max() }
            }
            _ => Why::Refused { answer: error.to_string() },
        },
    };
    Err(Unclear { subject: message.subject.clone(), why })
}
