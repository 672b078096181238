//! Lists and calls functions.

use crate::Settings;
use crate::invoke::Invoke;
use crate::metrics::{Metrics, OfCode, OfFunction};
use crate::verdict::{Reply, said};
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, RETRY_AFTER,
};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use runtime::Secret;
use runtime::events::{BATCH_JSON, Position};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// A header that only answers of our functions have.
const SIGNATURE: HeaderName = HeaderName::from_static("x-duration-seconds");
const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
/// Largest answer of a function: the names and reasons of a batch's failures.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest list of functions.
const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;
const LIST_TIME_MAX: Duration = Duration::from_secs(10);
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// Shorter than the time after which functions close an idle connection, so that few calls hit a closed
/// one.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a function that ended during a call may take to answer again. Kubernetes may wait 5 minutes
/// before it restarts a container that ended often.
const BACK_MAX: Duration = Duration::from_secs(600);
/// How often its health is checked.
const BACK_LOOK: Duration = Duration::from_millis(250);
/// The path of the health check; any answer shows that the function runs.
const HEALTH: &str = "/_/health";
/// Longest `Retry-After` that is respected.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// The gateway, as the connector sees it.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    http: Client<HttpConnector, Full<Bytes>>,
    /// Empty where there is no gateway.
    base: String,
    /// A file with the list of functions, read instead of the gateway's list.
    functions: Option<PathBuf>,
    invoke: Invoke,
    token: HeaderValue,
    basic_auth: Option<HeaderValue>,
    calls: Arc<Calls>,
    metrics: Metrics,
}

/// Creates call ids.
#[derive(Debug)]
struct Calls {
    process: u64,
    number: AtomicU64,
}

/// A function as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

/// Why the functions could not be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    #[error("{0}")]
    Unreachable(String),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its list cannot be read: {0}")]
    Unreadable(String),
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("no answer within {} s", LIST_TIME_MAX.as_secs())]
    Late,
}

/// A call of a function.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) function: &'a str,
    pub(crate) body: Bytes,
    pub(crate) position: Option<&'a Position>,
    pub(crate) timeout: Duration,
}

/// The result of a health check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// It answers.
    Well,
    /// The gateway reports that the function does not answer.
    Away,
    /// Not known: the function may be busy, or the gateway is away or does not forward the request.
    Unknown,
}

impl Gateway {
    pub(crate) fn new(settings: &Settings, metrics: Metrics) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIME_MAX));
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .build(connector);
        let base = settings.gateway.as_ref().map(Uri::to_string).unwrap_or_default();
        let base = base.trim_end_matches('/').to_owned();
        let functions = settings.functions.clone();
        let basic_auth = settings.basic_auth.as_ref().map(|(user, password)| {
            let both = format!("{}:{}", user.expose(), password.expose());
            let both = base64::engine::general_purpose::STANDARD.encode(both);
            authorization(&format!("Basic {both}"))
        });
        let invoke = settings.invoke.clone();
        let process = RandomState::new().hash_one(std::process::id());
        let calls = Arc::new(Calls { process, number: AtomicU64::new(0) });
        let token = bearer(&settings.token);
        Self { http, base, functions, invoke, token, basic_auth, calls, metrics }
    }

    /// Lists the functions.
    pub(crate) async fn list(&self) -> Result<Vec<Listed>, ListError> {
        let unreadable = |error: serde_json::Error| ListError::Unreadable(error.to_string());
        if let Some(path) = &self.functions {
            // The file is mounted and only some kilobytes long, so a blocking read is fine.
            let list = std::fs::read(path);
            let list = list.map_err(|source| ListError::File { path: path.clone(), source })?;
            return serde_json::from_slice(&list).map_err(unreadable);
        }
        let mut request = Request::new(Full::default());
        let uri = format!("{}/system/functions", self.base);
        *request.uri_mut() = address(&uri).map_err(ListError::Unreachable)?;
        if let Some(value) = &self.basic_auth {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let answer = async {
            let response =
                self.http.request(request).await.map_err(|e| ListError::Unreachable(chain(&e)))?;
            if response.status() != StatusCode::OK {
                return Err(ListError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), LIST_BYTES_MAX).collect().await;
            let body = body.map_err(|error| ListError::Unreadable(error.to_string()))?.to_bytes();
            serde_json::from_slice(&body).map_err(unreadable)
        };
        timeout(LIST_TIME_MAX, answer).await.unwrap_or(Err(ListError::Late))
    }

    /// Calls a function with a batch of events.
    pub(crate) async fn call(&self, call: Call<'_>) -> Reply {
        let function = OfFunction { function: call.function.to_owned() };
        let in_flight = Gauged::up(self.metrics.in_flight.get_or_create_owned(&function));
        let began = Instant::now();
        let reply = self.send(&call).await;
        drop(in_flight);
        let seconds = began.elapsed().as_secs_f64();
        self.metrics.call_seconds.get_or_create(&function).observe(seconds);
        let code = match &reply {
            Reply::Http { status, by_function: true, .. } => status.to_string(),
            Reply::Http { status, .. } => format!("gateway-{status}"),
            Reply::Unfinished { .. } => "unfinished".to_owned(),
            Reply::Late => "late".to_owned(),
            Reply::Unreachable { .. } => "unreachable".to_owned(),
            Reply::Died { .. } => "died".to_owned(),
        };
        self.metrics.calls.get_or_create(&OfCode { function: function.function, code }).inc();
        reply
    }

    /// Calls a function with a message that may end it. Through a gateway, a function that ends and one
    /// that is away look the same, so its health is checked first: if it was well and is gone now, it
    /// has ended.
    ///
    /// A gateway also answers 5xx when its own time-out is over, while the function lives and may have
    /// done the work. So 504 proves nothing, and any other 5xx counts only when it came early or the
    /// function is then seen to be away.
    pub(crate) async fn call_suspect(&self, call: Call<'_>) -> Reply {
        let was_well = self.answers(call.function).await;
        let (function, early, began) = (call.function, call.timeout / 2, Instant::now());
        let reply = self.call(call).await;
        let Reply::Http { status: status @ 500.., by_function: false, body, .. } = &reply else {
            return reply;
        };
        let may_have_died = was_well && *status != StatusCode::GATEWAY_TIMEOUT.as_u16();
        if may_have_died && (began.elapsed() < early || self.health(function).await == Health::Away)
        {
            return Reply::Died { reason: said(*status, body) };
        }
        reply
    }

    /// Waits until the function that ended during a call answers anything, for at most [`BACK_MAX`].
    /// Returns what is known then: it ended because of this call, or it is down and nothing is known.
    pub(crate) async fn after_death(&self, function: &str, reason: String) -> Reply {
        let deadline = Instant::now() + BACK_MAX;
        loop {
            sleep(BACK_LOOK).await;
            if self.answers(function).await {
                return Reply::Died { reason };
            }
            if deadline <= Instant::now() {
                return Reply::Unreachable { reason };
            }
        }
    }

    async fn answers(&self, function: &str) -> bool {
        self.health(function).await == Health::Well
    }

    async fn health(&self, function: &str) -> Health {
        let Some(uri) = self.health_address(function) else { return Health::Unknown };
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let Ok(Ok(answer)) = timeout(CONNECT_TIME_MAX, self.http.request(request)).await else {
            return Health::Unknown;
        };
        // An answer without the signature may come from the gateway.
        let by_function =
            self.invoke != Invoke::Gateway || answer.headers().contains_key(SIGNATURE);
        match answer.status() {
            StatusCode::SERVICE_UNAVAILABLE if by_function => Health::Unknown,
            _ if by_function => Health::Well,
            StatusCode::GATEWAY_TIMEOUT => Health::Unknown,
            status if status.is_server_error() => Health::Away,
            _ => Health::Unknown,
        }
    }

    /// The address of a function's health check.
    fn health_address(&self, function: &str) -> Option<Uri> {
        let Invoke::Direct(template) = &self.invoke else {
            return format!("{}/function/{function}{HEALTH}", self.base).parse().ok();
        };
        let mut parts = template.of(function).parse::<Uri>().ok()?.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(HEALTH));
        Uri::from_parts(parts).ok()
    }

    /// The reply for a connection that broke before the answer was complete. A broken connection to the
    /// gateway says nothing about the function behind it.
    fn broken(&self, reason: String, before_it_was_made: bool) -> Reply {
        match &self.invoke {
            Invoke::Direct(_) if !before_it_was_made => Reply::Died { reason },
            Invoke::Direct(_) | Invoke::Gateway => Reply::Unreachable { reason },
        }
    }

    async fn send(&self, call: &Call<'_>) -> Reply {
        let request = match self.request(call) {
            Ok(request) => request,
            Err(reason) => return Reply::Unreachable { reason },
        };
        let deadline = Instant::now() + call.timeout;
        let response = match timeout_at(deadline, self.http.request(request)).await {
            Err(_elapsed) => return Reply::Late,
            Ok(Err(error)) => return self.broken(chain(&error), error.is_connect()),
            Ok(Ok(response)) => response,
        };
        let (head, body) = response.into_parts();
        let by_function = head.headers.contains_key(SIGNATURE);
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect();
        let body = match timeout_at(deadline, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() && by_function => {
                let reason = format!("the answer is larger than {ANSWER_BYTES_MAX} bytes");
                return Reply::Unfinished { reason };
            }
            Ok(Err(error)) => return self.broken(error.to_string(), false),
            Err(_elapsed) if by_function => {
                return Reply::Unfinished { reason: "the answer did not end in time".into() };
            }
            Err(_elapsed) => return Reply::Late,
        };
        let retry_after = retry_after(&head.headers);
        let body = match encoded(&head.headers).filter(|_| by_function && !body.is_empty()) {
            Some(reason) if head.status.is_success() => return Reply::Unfinished { reason },
            Some(reason) => reason.into(),
            None => body,
        };
        Reply::Http { status: head.status.as_u16(), by_function, retry_after, body }
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = Method::POST;
        let uri = match &self.invoke {
            Invoke::Gateway => format!("{}/function/{}", self.base, call.function),
            Invoke::Direct(template) => template.of(call.function),
        };
        *request.uri_mut() = address(&uri)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(BATCH_JSON));
        headers.insert(AUTHORIZATION, self.token.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let number = self.calls.number.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:016x}-{number}", self.calls.process);
        headers.insert(CALL_ID, HeaderValue::try_from(id).map_err(|error| error.to_string())?);
        if let Some(position) = call.position {
            position.write_to(headers).map_err(|error| error.to_string())?;
        }
        Ok(request)
    }
}

/// Keeps a gauge raised by one until it is dropped, also when the call is cancelled.
struct Gauged(prometheus_client::metrics::gauge::Gauge);

impl Gauged {
    fn up(gauge: prometheus_client::metrics::gauge::Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Gauged {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn address(uri: &str) -> Result<Uri, String> {
    uri.parse().map_err(|error| format!("{uri:?} is not an address: {error}"))
}

fn bearer(token: &Secret) -> HeaderValue {
    authorization(&format!("Bearer {}", token.expose()))
}

/// A token that cannot be a header value matches no function's token; calls are then answered with 401.
fn authorization(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("Bearer"));
    value.set_sensitive(true);
    value
}

/// Why an answer cannot be read, if it is compressed.
fn encoded(headers: &HeaderMap) -> Option<String> {
    let coding = String::from_utf8_lossy(headers.get(CONTENT_ENCODING)?.as_bytes());
    let coding = coding.trim();
    let is_encoded = !coding.is_empty() && !coding.eq_ignore_ascii_case("identity");
    is_encoded.then(|| {
        format!(
            "the answer is encoded as {coding:?} (Content-Encoding), and only one that is not \
             encoded is read; the function must not compress what it answers"
        )
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

/// An error with its causes: the client's own message says little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_seconds_are_waited_for() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("3"), Some(Duration::from_secs(3)));
        assert_eq!(read("99999"), Some(RETRY_AFTER_MAX));
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(read("-1"), None);
    }

    #[test]
    fn a_list_may_have_functions_without_annotations() {
        let json = r#"[{"name":"a","annotations":null},{"name":"b","image":"x"},{"name":"c","annotations":{"topic":"orders"}}]"#;
        let listed: Vec<Listed> = serde_json::from_str(json).unwrap();
        assert_eq!(listed.iter().filter(|l| l.annotations.is_some()).count(), 1);
    }
}
