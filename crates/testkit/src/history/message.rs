//! One message, and what stands for a value of it.

use async_nats::HeaderMap;
use std::hash::{DefaultHasher, Hasher};

/// A message of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its stream.
    pub stream: &'static str,
    /// Its place in its stream.
    pub sequence: u64,
    /// When it was stored, milliseconds since 1970.
    pub stored_ms: i64,
    /// Its subject.
    pub subject: &'a str,
    /// Its headers.
    pub headers: Option<&'a HeaderMap>,
    /// What it holds.
    pub payload: &'a [u8],
}

impl Message<'_> {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers?.get(name).map(async_nats::HeaderValue::as_str)
    }
}

/// A hash that stands for a value.
pub(super) fn digest(value: &impl serde::Serialize) -> u64 {
    let mut bytes = Vec::with_capacity(256);
    serde_json::to_writer(&mut bytes, value).expect("what is compared has only string keys");
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    hasher.finish()
}
