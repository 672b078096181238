//! One request, from its head to its log line.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request};
use axum::response::Response;

use crate::metrics::HttpMetrics;
use crate::sparing::Sparing;

/// The path that shows whether a function is ready.
pub(crate) const READY: &str = "/_/ready";
pub(crate) const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
const DURATION: HeaderName = HeaderName::from_static("x-duration-seconds");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longer call ids are replaced: every log line contains the id, and with a prefix it becomes the id of
/// an event, which is limited to 128 bytes.
const CALL_ID_BYTES_MAX: usize = 120;
/// Longer paths are cut off in the log.
const PATH_CHARS_MAX: usize = 256;
/// nginx's status for a client that disconnected before its answer.
const CLIENT_GONE: u16 = 499;

/// Log lines about refused requests without a token: an unknown client must not fill the log.
static REFUSALS: Sparing = Sparing::new();

/// Counts and logs one request, also if its client disconnects.
pub(crate) struct Call {
    function: &'static str,
    pub(crate) id: HeaderValue,
    pub(crate) trace: Option<String>,
    method: Method,
    path: String,
    start: Instant,
    metrics: Arc<HttpMetrics>,
    is_answered: bool,
}

impl Call {
    pub(crate) fn new(
        function: &'static str,
        parts: &request::Parts,
        metrics: &Arc<HttpMetrics>,
    ) -> Self {
        metrics.in_flight.inc();
        Self {
            function,
            id: call_id(&parts.headers),
            trace: trace_id(&parts.headers).map(str::to_owned),
            method: parts.method.clone(),
            path: masked(parts.uri.path()),
            start: Instant::now(),
            metrics: Arc::clone(metrics),
            is_answered: false,
        }
    }

    /// Its id as text; an id that is not text was replaced.
    pub(crate) fn id(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Adds the common headers to the answer, counts it and logs it.
    pub(crate) fn answer(mut self, response: Response) -> Response {
        self.is_answered = true;
        let response = sign(response, self.id.clone(), self.start);
        self.record(response.status());
        response
    }

    fn record(&self, status: StatusCode) {
        let duration = self.start.elapsed();
        self.metrics.count(&self.method, status, duration);
        let left_out = match is_anybodys(status) {
            true => REFUSALS.line(Instant::now()),
            // `Ready` logs changes; the requests themselves are not logged.
            false if self.path == READY => None,
            false => Some(0),
        };
        let Some(left_out) = left_out else { return };
        tracing::info!(
            function = self.function,
            call_id = self.id(),
            trace_id = self.trace.as_deref(),
            method = self.method.as_str(),
            path = self.path,
            status = status.as_u16(),
            duration_seconds = duration.as_secs_f64(),
            left_out = (0 < left_out).then_some(left_out),
            "answered"
        );
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        if !self.is_answered {
            self.record(StatusCode::from_u16(CLIENT_GONE).expect("499 is a number of a status"));
        }
    }
}

/// A path as logs may have it: without the parts that hold an e-mail address or a telephone number.
fn masked(path: &str) -> String {
    let mask = |part| if is_address(part) { "<address>" } else { part };
    let parts: Vec<&str> = path.split('/').map(mask).collect();
    parts.join("/").chars().take(PATH_CHARS_MAX).collect()
}

fn is_address(part: &str) -> bool {
    let has = |signs: [&str; 3]| signs.iter().any(|sign| part.contains(sign));
    has(["@", "%40", "%2540"]) || has(["+", "%2B", "%2b"])
}

/// Refusals that any client can cause without a token, as often as the network allows.
fn is_anybodys(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 404 | 405 | 408 | 413 | 429 | CLIENT_GONE)
}

/// Adds the headers that every answer has.
pub(crate) fn sign(mut response: Response, id: HeaderValue, start: Instant) -> Response {
    let headers = response.headers_mut();
    headers.insert(CALL_ID, id);
    let seconds = format!("{:.6}", start.elapsed().as_secs_f64());
    let seconds = HeaderValue::from_str(&seconds).expect("digits and a dot make a header");
    headers.insert(DURATION, seconds);
    // Without a content type, the OpenFaaS provider answers with that of the request.
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.entry(header::CONTENT_TYPE).or_insert(text);
    response
}

/// The caller's id, or a new one.
pub(crate) fn call_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(CALL_ID).filter(|id| {
        let bytes = id.as_bytes();
        (1..=CALL_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&new_call_id()).expect("hexadecimal digits make a header")
    })
}

/// Unique, not secret: a counter hashed with keys that differ from process to process.
fn new_call_id() -> String {
    static KEYS: LazyLock<[RandomState; 2]> =
        LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = (COUNTER.fetch_add(1, Ordering::Relaxed), std::process::id());
    KEYS.iter().map(|keys| format!("{:016x}", keys.hash_one(number))).collect()
}

/// The trace id of a W3C `traceparent`: `00-<32 digits>-<16 digits>-<2 digits>`.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut parts = headers.get(TRACEPARENT)?.to_str().ok()?.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let is_hex =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let is_valid = version.len() == 2
        && is_hex(version)
        && trace.len() == 32
        && is_hex(trace)
        && trace.bytes().any(|b| b != b'0');
    is_valid.then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &[u8]) -> HeaderMap {
        let value = HeaderValue::from_bytes(value).unwrap();
        HeaderMap::from_iter([(HeaderName::from_static(name), value)])
    }

    #[test]
    fn a_given_call_id_is_kept_if_it_fits_into_a_log() {
        assert_eq!(call_id(&headers("x-call-id", b"abc-1")), "abc-1");
        for odd in [&b""[..], b"a b", b"\xff", &[b'x'; CALL_ID_BYTES_MAX + 1]] {
            let id = call_id(&headers("x-call-id", odd));
            assert_eq!(id.len(), 32, "{odd:?}");
        }
    }

    #[test]
    fn made_call_ids_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| new_call_id()).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn a_trace_id_is_taken_only_from_a_valid_traceparent() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(trace_id(&headers("traceparent", value.as_bytes())), expected, "{value}");
        };
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        check(&format!("00-{id}-00f067aa0ba902b7-01"), Some(id));
        check(&format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None);
        check("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None);
        check("nonsense", None);
        check("", None);
    }

    #[test]
    fn no_address_of_a_person_is_in_a_path_that_is_logged() {
        assert_eq!(masked("/customers/US1/17850"), "/customers/US1/17850");
        for address in
            ["ana@example.org", "ana%40example.org", "ana%2Eq%40example%2Eorg", "%2B33612345678"]
        {
            assert_eq!(
                masked(&format!("/customers/US1/{address}/erase")),
                "/customers/US1/<address>/erase"
            );
        }
    }
}
