//! The protocol between the connector and a function that is called with events.
//!
//! A request is a batch of CloudEvents behind [`Door::Connector`](crate::Door). The answer is an
//! [`Answer`], or an [`OrderedAnswer`] for an ordered function. Both sides use these types.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

mod answer;

pub use answer::{Answer, AnswerError, Failed, OrderedAnswer};

use crate::heavy::heavy;
use crate::problem::Problem;

/// The content type of one event.
pub const EVENT_JSON: &str = "application/cloudevents+json";
/// The content type of a batch.
pub const BATCH_JSON: &str = "application/cloudevents-batch+json";

/// Ordered: everything up to this sequence was given before.
pub const AFTER: HeaderName = HeaderName::from_static("orderflow-after");
/// Ordered: the stream.
pub const STREAM: HeaderName = HeaderName::from_static("orderflow-stream");
/// Ordered: the identity of the stream. Another identity with the same name is another stream.
pub const STREAM_IDENTITY: HeaderName = HeaderName::from_static("orderflow-stream-identity");
/// Ordered: further identities of the same stream, separated by blanks.
pub const STREAM_ALSO: HeaderName = HeaderName::from_static("orderflow-stream-also");
/// Ordered: when the stream was created according to the server, RFC 3339. Functions of version 0.1.0
/// identify the stream by it, and the connector of that version sends no identity.
pub const STREAM_CREATED: HeaderName = HeaderName::from_static("orderflow-stream-created");
/// Ordered: after the events given so far, no event passes the filter up to this sequence.
pub const QUIET_TO: HeaderName = HeaderName::from_static("orderflow-quiet-to");
/// Ordered: the filter of the input.
pub const FILTER: HeaderName = HeaderName::from_static("orderflow-filter");

/// The events of one request, in the order in which they were sent. An extractor.
#[derive(Debug)]
pub struct Batch {
    /// May be empty: an idle ordered function is called, too.
    pub events: Vec<Event>,
    /// The position of an ordered delivery; `None` for an unordered one.
    pub position: Option<Position>,
}

/// One CloudEvent as received.
#[derive(Debug, Clone)]
pub struct Event {
    id: String,
    sequence: Option<String>,
    raw: Box<RawValue>,
}

/// The position of an ordered delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Everything up to this sequence was given before.
    pub after: u64,
    /// The stream.
    pub stream: Option<String>,
    /// The identity of the stream.
    pub stream_identity: Option<String>,
    /// Further identities of the same stream.
    pub stream_also: Vec<String>,
    /// When the stream was created, RFC 3339; version 0.1.0 sends only this.
    pub stream_created: Option<String>,
    /// The filter of the input.
    pub filter: Option<String>,
    /// No event passes the filter after `after`, up to this sequence.
    pub quiet_to: Option<u64>,
}

impl Event {
    /// Its `id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The event as received, byte for byte.
    pub fn raw(&self) -> &RawValue {
        &self.raw
    }

    /// Parses the event.
    ///
    /// # Errors
    /// If it is not a `T`.
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

    /// Whether a request with these headers carries a list of events, as only the connector sends it.
    pub fn is_list(headers: &HeaderMap) -> bool {
        matches!(kind(headers), Some(Kind::Batch))
    }

    /// Total bytes of its events.
    pub fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.raw.get().len()).sum()
    }

    /// Reads the head and body of a request.
    ///
    /// # Errors
    /// 415 for another content type, 400 for a body that is not a batch.
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
    /// Reads the position from the headers of a request; `None` without [`AFTER`].
    ///
    /// # Errors
    /// If a header cannot be read.
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

    /// Writes the position to the headers of a request.
    ///
    /// # Errors
    /// If a name contains characters that a header cannot have.
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

#[cfg(test)]
mod tests;
