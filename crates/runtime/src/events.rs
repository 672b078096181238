//! What a connector and a function called by events say to each other.
//!
//! A request is a batch of CloudEvents behind [`Door::Connector`](crate::Door). The answer is an
//! [`Answer`], or for an ordered function an [`OrderedAnswer`]. Both sides use these types.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::heavy::heavy;
use crate::problem::Problem;

/// The content type of one event.
pub const EVENT_JSON: &str = "application/cloudevents+json";
/// The content type of a batch.
pub const BATCH_JSON: &str = "application/cloudevents-batch+json";

/// Ordered: "all up to this sequence was given before".
pub const AFTER: HeaderName = HeaderName::from_static("orderflow-after");
/// Ordered: the stream that is read.
pub const STREAM: HeaderName = HeaderName::from_static("orderflow-stream");
/// Ordered: which stream of that name. Another identity is another stream.
pub const STREAM_IDENTITY: HeaderName = HeaderName::from_static("orderflow-stream-identity");
/// Ordered: further identities of the same stream, separated by blanks.
pub const STREAM_ALSO: HeaderName = HeaderName::from_static("orderflow-stream-also");
/// Ordered: when the server says that the stream was created, RFC 3339. Functions of version 0.1.0 know
/// the stream by it, and their connector sends no identity.
pub const STREAM_CREATED: HeaderName = HeaderName::from_static("orderflow-stream-created");
/// Ordered: nothing is under the filter behind what was given, up to this sequence.
pub const QUIET_TO: HeaderName = HeaderName::from_static("orderflow-quiet-to");
/// Ordered: the filter it is read with.
pub const FILTER: HeaderName = HeaderName::from_static("orderflow-filter");

/// The events of one request, in the order they were sent. An extractor.
#[derive(Debug)]
pub struct Batch {
    /// May be empty: an ordered function is called when idle, too.
    pub events: Vec<Event>,
    /// Where an ordered delivery stands; `None` for an unordered one.
    pub position: Option<Position>,
}

/// One CloudEvent, as it came.
#[derive(Debug, Clone)]
pub struct Event {
    id: String,
    sequence: Option<String>,
    raw: Box<RawValue>,
}

/// Where an ordered delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// All up to this sequence was given before.
    pub after: u64,
    /// The stream that is read.
    pub stream: Option<String>,
    /// Which stream of that name.
    pub stream_identity: Option<String>,
    /// Further identities of the same stream.
    pub stream_also: Vec<String>,
    /// When it was created, RFC 3339; all that version 0.1.0 says of it.
    pub stream_created: Option<String>,
    /// The filter it is read with.
    pub filter: Option<String>,
    /// Behind `after` nothing is under the filter, up to this sequence.
    pub quiet_to: Option<u64>,
}

/// What became of a batch. Events that are not named are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The others.
    #[serde(default)]
    pub failed: Vec<Failed>,
}

/// An event that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The `id` of the event.
    pub id: String,
    /// Its `sequence`, if it has one: events of several senders may have the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// Why, for the person who reads the dead letter.
    pub reason: String,
    /// Whether it may go better another time. Without a word: yes.
    #[serde(default = "yes")]
    pub retry: bool,
    /// Not before this time; `"5s"`, `"250ms"`, `"2m"`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "delay")]
    pub after: Option<Duration>,
    /// How far the work on it is, in percent. It goes on: this is no failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
}

/// What an ordered function answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedAnswer {
    /// Everything up to this sequence is decided, and its facts are published.
    pub decided_to: u64,
}

/// An answer that a connector cannot use: the batch is tried again.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Not the expected JSON.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It names an event that was not sent.
    #[error("the answer names the event {id:?}, which was not sent")]
    UnknownId {
        /// The name.
        id: String,
    },
    /// It names a sequence that the event with this id does not have.
    #[error("the answer names the event {id:?} with the sequence {sequence:?}, which was not sent")]
    UnknownSequence {
        /// The event's name.
        id: String,
        /// Its sequence.
        sequence: String,
    },
}

impl Answer {
    /// Nothing failed.
    pub fn done() -> Self {
        Self::default()
    }

    /// Notes an event that may go better another time.
    pub fn retry(&mut self, event: &Event, reason: impl Into<String>, after: Option<Duration>) {
        self.failed.push(Failed { after, ..Failed::of(event, reason) });
    }

    /// Notes an event that waits for something that is not its fault, or is in work for longer
    /// than a call can wait; `percent` says how far it is. No failed attempt.
    pub fn wait(&mut self, event: &Event, reason: impl Into<String>, after: Duration, percent: u8) {
        let progress = Some(percent);
        self.failed.push(Failed { after: Some(after), progress, ..Failed::of(event, reason) });
    }

    /// Notes an event that will never go: it becomes a dead letter.
    pub fn reject(&mut self, event: &Event, reason: impl Into<String>) {
        self.failed.push(Failed { retry: false, ..Failed::of(event, reason) });
    }

    /// Reads the body of a 2xx; an empty one means that all is done. `was_sent` knows ids, and
    /// sequences of the events that have them.
    ///
    /// # Errors
    /// When it is something else, or names an event for which `was_sent` is false.
    pub fn parse(
        body: &[u8],
        was_sent: impl Fn(&str, Option<&str>) -> bool,
    ) -> Result<Self, AnswerError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        /// `failed` must be there: `{}` may be the answer of something else.
        #[derive(Deserialize)]
        struct Strict {
            failed: Vec<Failed>,
        }
        let Strict { failed } = serde_json::from_slice(body)?;
        match failed.iter().find(|failed| !was_sent(&failed.id, failed.sequence.as_deref())) {
            None => Ok(Self { failed }),
            Some(Failed { id, sequence: Some(sequence), .. }) if was_sent(id, None) => {
                let (id, sequence) = (id.clone(), sequence.clone());
                Err(AnswerError::UnknownSequence { id, sequence })
            }
            Some(unknown) => Err(AnswerError::UnknownId { id: unknown.id.clone() }),
        }
    }
}

impl Failed {
    fn of(event: &Event, reason: impl Into<String>) -> Self {
        Self {
            id: event.id.clone(),
            sequence: event.sequence.clone(),
            reason: reason.into(),
            retry: true,
            after: None,
            progress: None,
        }
    }
}

impl OrderedAnswer {
    /// Reads the body of a 200.
    ///
    /// # Errors
    /// When `decided_to` is not in it.
    pub fn parse(body: &[u8]) -> Result<Self, AnswerError> {
        Ok(serde_json::from_slice(body)?)
    }

    /// The refusal of a batch that does not follow: 409 with the position of the function. Its
    /// body can be read by [`OrderedAnswer::parse`].
    pub fn conflict(self, detail: impl Into<String>) -> Problem {
        Problem::conflict(detail).with("decided_to", self.decided_to)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl IntoResponse for OrderedAnswer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl Event {
    /// Its `id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As it came, byte for byte.
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// Reads it as the caller needs it.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.raw.get())
    }

    fn new(raw: Box<RawValue>, at: &str) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Head {
            id: Option<String>,
            sequence: Option<serde_json::Value>,
        }
        let wrong = |reason: String| {
            Problem::bad_request("not a CloudEvent").field(format!("{at}id"), reason)
        };
        match serde_json::from_str::<Head>(raw.get()) {
            Ok(Head { id: None, .. }) => Err(wrong("is missing".to_owned())),
            Ok(Head { id: Some(id), .. }) if id.is_empty() => Err(wrong("is empty".to_owned())),
            Ok(Head { id: Some(id), sequence }) => {
                let sequence = sequence.and_then(|it| it.as_str().map(ToOwned::to_owned));
                Ok(Self { id, sequence, raw })
            }
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

impl Batch {
    /// Whether a request with these headers carries events.
    pub fn is_announced(headers: &HeaderMap) -> bool {
        kind(headers).is_some()
    }

    /// Bytes of all its events.
    pub fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.raw.get().len()).sum()
    }

    /// Reads the head and body of a request.
    ///
    /// # Errors
    /// 415 for another content type, 400 for anything that is not a batch.
    pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        let unreadable = |error: serde_json::Error| {
            Problem::bad_request(format!("the body cannot be read: {error}"))
        };
        let events = match kind(headers) {
            Some(Kind::One) => {
                let raw = serde_json::from_slice(body).map_err(unreadable)?;
                vec![Event::new(raw, "")?]
            }
            Some(Kind::Batch) => {
                let all: Vec<Box<RawValue>> = serde_json::from_slice(body).map_err(unreadable)?;
                let events = all.into_iter().enumerate();
                let events = events.map(|(i, raw)| Event::new(raw, &format!("[{i}].")));
                events.collect::<Result<_, _>>()?
            }
            None => {
                let detail = format!("content-type must be {BATCH_JSON} or {EVENT_JSON}");
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail(detail));
            }
        };
        Ok(Self { events, position: Position::from_headers(headers)? })
    }
}

impl<S: Send + Sync> FromRequest<S> for Batch {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers.clone();
        let bytes = Bytes::from_request(Request::from_parts(parts, body), state).await;
        let bytes = bytes.map_err(IntoResponse::into_response)?;
        let parsed = heavy(bytes.len(), || Self::parse(&headers, &bytes));
        parsed.map_err(IntoResponse::into_response)
    }
}

impl Position {
    /// Reads it from the headers of a request; `None` without [`AFTER`].
    ///
    /// # Errors
    /// When a header is there and cannot be read.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let text = |name: &HeaderName| match headers.get(name).map(HeaderValue::to_str) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value.to_owned())),
            Some(Err(_)) => Err(Problem::bad_request(format!("header {name} is not text"))),
        };
        let Some(after) = text(&AFTER)? else { return Ok(None) };
        let number = |name: HeaderName, text: String| {
            text.parse().map_err(|error| {
                Problem::bad_request(format!("header {name}: {text:?} is not a sequence: {error}"))
            })
        };
        let after = number(AFTER, after)?;
        let quiet_to = text(&QUIET_TO)?.map(|text| number(QUIET_TO, text)).transpose()?;
        Ok(Some(Self {
            after,
            stream: text(&STREAM)?,
            stream_identity: text(&STREAM_IDENTITY)?,
            stream_also: text(&STREAM_ALSO)?
                .map(|names| names.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            stream_created: text(&STREAM_CREATED)?,
            filter: text(&FILTER)?,
            quiet_to,
        }))
    }

    /// Writes it to the headers of a request.
    ///
    /// # Errors
    /// When a name has characters that a header cannot carry.
    pub fn write_to(
        &self,
        headers: &mut HeaderMap,
    ) -> Result<(), axum::http::header::InvalidHeaderValue> {
        headers.insert(AFTER, HeaderValue::from(self.after));
        if let Some(quiet_to) = self.quiet_to {
            headers.insert(QUIET_TO, HeaderValue::from(quiet_to));
        }
        let also = self.stream_also.join(" ");
        let also = (!also.is_empty()).then_some(also);
        for (name, value) in [
            (STREAM, &self.stream),
            (STREAM_IDENTITY, &self.stream_identity),
            (STREAM_ALSO, &also),
            (STREAM_CREATED, &self.stream_created),
            (FILTER, &self.filter),
        ] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_str(value)?);
            }
        }
        Ok(())
    }
}

enum Kind {
    One,
    Batch,
}

fn kind(headers: &HeaderMap) -> Option<Kind> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or(value).trim();
    if essence.eq_ignore_ascii_case(BATCH_JSON) {
        Some(Kind::Batch)
    } else if essence.eq_ignore_ascii_case(EVENT_JSON) {
        Some(Kind::One)
    } else {
        None
    }
}

fn yes() -> bool {
    true
}

/// A time as people write it: a whole number and its unit.
mod delay {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        delay: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match delay {
            None => serializer.serialize_none(),
            Some(delay) if delay.subsec_nanos() == 0 => {
                serializer.collect_str(&format_args!("{}s", delay.as_secs()))
            }
            Some(delay) => serializer.collect_str(&format_args!("{}ms", delay.as_millis())),
        }
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Duration>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let delay = parse(&text);
        let error = || D::Error::custom(format!("{text:?} is not a time such as \"5s\""));
        delay.map(Some).ok_or_else(error)
    }

    fn parse(text: &str) -> Option<Duration> {
        let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
        let number: u64 = number.parse().ok()?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Vec<Failed>, String> {
        let was_sent = |id: &str, sequence: Option<&str>| {
            (id == "a" || id == "b") && sequence.is_none_or(|sequence| sequence == "7")
        };
        let answer = Answer::parse(body.as_bytes(), was_sent);
        answer.map(|answer| answer.failed).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_without_failures_means_that_all_is_done() {
        for body in ["", "  \n", r#"{"failed":[]}"#] {
            assert_eq!(parse(body), Ok(vec![]), "{body:?}");
        }
    }

    #[test]
    fn an_answer_that_says_nothing_certain_is_an_error() {
        for body in ["{}", "[]", "ok", "null", r#"{"failed":[{"id":"a"}]}"#] {
            assert!(parse(body).is_err(), "{body:?}");
        }
        let unknown = parse(r#"{"failed":[{"id":"c","reason":"x"}]}"#);
        assert_eq!(unknown.unwrap_err(), "the answer names the event \"c\", which was not sent");
        let other = parse(r#"{"failed":[{"id":"a","sequence":"8","reason":"x"}]}"#).unwrap_err();
        assert_eq!(
            other,
            "the answer names the event \"a\" with the sequence \"8\", which was not sent"
        );
        assert!(parse(r#"{"failed":[{"id":"a","sequence":"7","reason":"x"}]}"#).is_ok());
    }

    #[test]
    fn delays_are_whole_numbers_with_a_unit() {
        let after = |text: &str| {
            parse(&format!(r#"{{"failed":[{{"id":"a","reason":"x","after":"{text}"}}]}}"#))
                .map(|failed| failed.into_iter().next().unwrap().after.unwrap())
        };
        assert_eq!(after("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(after("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(after("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "5", "s", "-5s", "1.5s", "5 s", "5d", "99999999999999999999s"] {
            assert!(after(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_failure_survives_the_wire() {
        for after in [None, Some(Duration::from_secs(5)), Some(Duration::from_millis(1500))] {
            let failed = Failed {
                id: "a".into(),
                sequence: Some("7".into()),
                reason: "x".into(),
                retry: false,
                after,
                progress: None,
            };
            let answer = Answer { failed: vec![failed] };
            let text = serde_json::to_vec(&answer).unwrap();
            assert_eq!(Answer::parse(&text, |_, _| true).unwrap(), answer);
        }
    }

    #[test]
    fn a_position_survives_the_wire() {
        let position = Position {
            after: u64::MAX,
            stream: Some("ORDERS".to_owned()),
            stream_identity: Some("a1".to_owned()),
            stream_also: vec!["2026-11-29T10:00:00Z".to_owned(), "b".to_owned()],
            stream_created: None,
            filter: Some("orders.placed.main.>".to_owned()),
            quiet_to: Some(7),
        };
        let mut headers = HeaderMap::new();
        position.write_to(&mut headers).unwrap();
        assert_eq!(Position::from_headers(&headers).unwrap(), Some(position));
        assert_eq!(Position::from_headers(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn an_event_is_kept_as_it_came() {
        let text = r#"{ "id":"a",  "data":{"price":1.10} }"#;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_JSON));
        let batch = Batch::parse(&headers, text.as_bytes()).unwrap();
        assert_eq!(batch.events[0].raw().get(), text);
        assert_eq!(batch.events[0].id(), "a");
        for (text, reason) in [("{}", "is missing"), (r#"{"id":""}"#, "is empty")] {
            let problem = Batch::parse(&headers, text.as_bytes()).unwrap_err();
            let found = &problem.errors[0];
            assert_eq!((found.field.as_str(), found.reason.as_str()), ("id", reason));
        }
    }

    #[test]
    fn a_failure_says_which_of_the_events_with_one_id_it_is() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(BATCH_JSON));
        let text = r#"[{"id":"a","sequence":"7"},{"id":"a","sequence":"8"},{"id":"a"}]"#;
        let batch = Batch::parse(&headers, text.as_bytes()).unwrap();
        let mut answer = Answer::done();
        for event in &batch.events {
            answer.reject(event, "x");
        }
        let sequences = answer.failed.iter().map(|failed| failed.sequence.as_deref());
        assert_eq!(sequences.collect::<Vec<_>>(), [Some("7"), Some("8"), None]);
    }
}
