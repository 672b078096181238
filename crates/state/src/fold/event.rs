//! What a fold reads.

use async_nats::HeaderMap;
use bytes::Bytes;

/// Messages of one stream under one filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The stream's name.
    pub stream: &'static str,
    /// Which of its messages.
    pub filter: &'static str,
    /// Payloads are not asked for: much less has to be carried where headers say it all.
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
    /// What it holds; empty if the source asks for headers only.
    pub payload: &'e Bytes,
    /// What was stored before this sequence has left the stream, as far as is known: a fold that forgets it
    /// as well says the same after it was read from the beginning.
    pub kept_from: u64,
}

impl<'e> Event<'e> {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'e str> {
        self.headers?.get(name).map(async_nats::HeaderValue::as_str)
    }
}
