//! Answers to calls.

use crate::failure::root;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, StatusCode};
use std::fmt;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout_at};

/// Longest `Retry-After` that is respected.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// An answer: the request arrived.
pub struct Answer {
    /// Any status, also 3xx: redirects are not followed.
    pub status: StatusCode,
    /// At most 64 headers, and 64 KiB.
    pub headers: HeaderMap,
    /// The body, or only its beginning if [`Answer::end`] is not [`End::Whole`]. It is never
    /// decompressed.
    pub body: Vec<u8>,
    /// Whether `body` is complete.
    pub end: End,
}

/// Whether the body of an answer is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is complete.
    Whole,
    /// It is longer than [`crate::Limits::body_bytes`]; the rest was not read.
    Cut,
    /// The connection or the time ended before the body did; with the reason.
    Broken(String),
}

impl Answer {
    pub(crate) async fn read(
        response: hyper::Response<Incoming>,
        bytes_max: usize,
        until: Instant,
    ) -> Self {
        let (head, mut incoming) = response.into_parts();
        let mut body = Vec::new();
        let end = loop {
            match timeout_at(until, incoming.frame()).await {
                Err(_) => break End::Broken("the body took too long".into()),
                Ok(None) => break End::Whole,
                Ok(Some(Err(error))) => break End::Broken(root(&error)),
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let room = bytes_max - body.len();
                    body.extend(data.iter().take(room));
                    if room < data.len() {
                        break End::Cut;
                    }
                }
            }
        };
        Self { status: head.status, headers: head.headers, body, end }
    }

    /// How long the server asks to wait: `Retry-After` in seconds or as a date, at most 7 days.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = match text.parse() {
            Ok(seconds) => Duration::from_secs(seconds),
            Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
        };
        Some(wait.min(RETRY_AFTER_MAX))
    }
}

/// Omits headers and body, which may contain secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = f.debug_struct("Answer");
        answer.field("status", &self.status).field("body_bytes", &self.body.len());
        answer.field("end", &self.end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(retry_after: &str, expected: Option<u64>) {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, retry_after.parse().unwrap())]);
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let answer = Answer { status, headers, body: Vec::new(), end: End::Whole };
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(answer.retry_after(now), expected.map(Duration::from_secs), "{retry_after}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_with_a_limit() {
        check("120", Some(120));
        check("0", Some(0));
        check("Sun, 06 Nov 1994 08:51:37 GMT", Some(120));
        check("Sunday, 06-Nov-94 08:51:37 GMT", Some(120));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("18446744073709551615", Some(7 * 24 * 3600));
        check("Fri, 31 Dec 9999 23:59:59 GMT", Some(7 * 24 * 3600));
        check("-1", None);
        check("soon", None);
    }
}
