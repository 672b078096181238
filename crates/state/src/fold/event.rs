//! What a fold reads.

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use std::borrow::Cow;

/// Messages of one stream under one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The stream's name.
    pub stream: &'static str,
    /// Which of its messages.
    pub filter: &'static str,
    /// Payloads are not asked for: much less has to be carried where headers say it all. Those of messages whose
    /// headers do not say it are asked for when [`Event::payload`] is called.
    pub headers_only: bool,
}

/// One message, as a fold sees it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'e> {
    /// Which of [`Fold::SOURCES`](super::Fold::SOURCES) it came from.
    pub source: usize,
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When it was stored, milliseconds since 1970.
    pub time_ms: i64,
    /// Where it was published.
    pub subject: &'e str,
    /// Its headers.
    pub headers: Option<&'e HeaderMap>,
    /// What it holds; nothing if only its headers were asked for.
    pub payload: Option<&'e Bytes>,
    /// What was stored before this sequence has left the stream, as far as is known: a fold that forgets it
    /// as well says the same after it was read from the beginning.
    pub kept_from: u64,
}

impl<'e> Event<'e> {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &'static str) -> Option<&'e str> {
        // A name that is not static is checked and copied for each look.
        self.headers?.get(HeaderName::from_static(name)).map(HeaderValue::as_str)
    }

    /// What it holds.
    ///
    /// # Errors
    /// Only its headers were asked for. A fold hands this error on, and gets the event again with its payload.
    pub fn payload(&self) -> Result<&'e Bytes, Unread> {
        self.payload.ok_or(Unread::NeedsPayload)
    }
}

/// What an event says, with the key to which it belongs; nothing if it means nothing to the fold.
pub type Reading<'e, S> = Result<Option<(Cow<'e, str>, S)>, Unread>;

/// Why an event is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Its headers do not say it, and its payload was not asked for. It comes again, with its payload.
    NeedsPayload,
    /// It cannot be read: why. It is recorded and passed over.
    Wrong(String),
}

impl From<String> for Unread {
    fn from(reason: String) -> Self {
        Self::Wrong(reason)
    }
}

impl From<&str> for Unread {
    fn from(reason: &str) -> Self {
        Self::Wrong(reason.to_owned())
    }
}
