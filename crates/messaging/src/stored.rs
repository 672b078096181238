//! One message that stands in a stream, read from the stream's leader: what was stored before it is
//! asked is found.

use crate::guard::readable;
use crate::nats::patiently;
use crate::{Nats, header};
use async_nats::HeaderMap;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

/// The last message of a subject.
///
/// # Errors
/// The server did not answer.
pub async fn last(
    nats: &Nats,
    stream: &str,
    subject: &str,
) -> Result<Option<Standing>, LookupError> {
    let what = || format!("the last message of {subject}");
    get(nats, stream, json!({"last_by_subj": subject}), what).await
}

/// The message with a sequence.
///
/// # Errors
/// The server did not answer.
pub async fn at(nats: &Nats, stream: &str, sequence: u64) -> Result<Option<Standing>, LookupError> {
    get(nats, stream, json!({"seq": sequence}), || format!("message {sequence} of {stream}")).await
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
    let what = || format!("the first message of {filter}");
    get(nats, stream, json!({"seq": from, "next_by_subj": filter}), what).await
}

/// Asks the stream's leader, and for 5 s again while there is none. The client library has this request as well, and an error for a message
/// whose header block it cannot read.
async fn get(
    nats: &Nats,
    stream: &str,
    which: Value,
    what: impl Fn() -> String,
) -> Result<Option<Standing>, LookupError> {
    let wrong = |reason| LookupError { what: what(), reason, no_stream: false };
    let subject = format!("STREAM.MSG.GET.{stream}");
    let ask = || ask(nats, subject.clone(), &which);
    let refusal = |failure: &Failure| match failure {
        Failure::Refused(answer) => Some(answer.clone()),
        Failure::Silent(_) => None,
    };
    match patiently(ask, refusal).await {
        Ok(message) => message.read().map(Some).map_err(wrong),
        Err(Failure::Silent(reason)) => Err(wrong(reason)),
        Err(Failure::Refused(answer)) => match answer.error_code() {
            ErrorCode::NO_MESSAGE_FOUND => Ok(None),
            code => Err(LookupError {
                no_stream: code == ErrorCode::STREAM_NOT_FOUND,
                ..wrong(answer.to_string())
            }),
        },
    }
}

async fn ask(nats: &Nats, subject: String, which: &Value) -> Result<Raw, Failure> {
    match nats.js.request(subject, which).await {
        Ok(Response::Ok(Answer { message })) => Ok(message),
        Ok(Response::Err { error }) => Err(Failure::Refused(error)),
        Err(error) => Err(Failure::Silent(error.to_string())),
    }
}

/// Why there is no message.
enum Failure {
    /// The server says so.
    Refused(jetstream::Error),
    /// It says nothing.
    Silent(String),
}

#[derive(Deserialize)]
struct Answer {
    message: Raw,
}

/// A message as JSON; bytes are in base64, and missing if there are none.
#[derive(Deserialize)]
struct Raw {
    subject: String,
    seq: u64,
    time: DateTime<Utc>,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

impl Raw {
    fn read(self) -> Result<Standing, String> {
        let bytes = |text: &str| STANDARD.decode(text).map_err(|error| error.to_string());
        let block = bytes(&self.hdrs)?;
        let headers = if block.is_empty() { HeaderMap::new() } else { readable::stored(&block) };
        let (sequence, time_ms) = (self.seq, self.time.timestamp_millis());
        let payload = bytes(&self.data)?.into();
        Ok(Standing { sequence, subject: self.subject, headers, payload, time_ms })
    }
}

/// A message that stands in a stream.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its sequence.
    pub sequence: u64,
    /// Where it was published.
    pub subject: String,
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

/// The server did not return a message of a stream.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}: {reason}")]
pub struct LookupError {
    what: String,
    reason: String,
    no_stream: bool,
}

impl LookupError {
    /// Is there no such stream?
    #[must_use]
    pub fn is_no_stream(&self) -> bool {
        self.no_stream
    }
}

impl LookupError {
    /// `what` could not be read.
    #[must_use]
    pub fn new(what: String, reason: String) -> Self {
        Self { what, reason, no_stream: false }
    }
}
