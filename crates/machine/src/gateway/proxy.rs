//! Carries a request to a function and its answer back, both as they come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::early::{Connector, Whole};
use crate::clock;
use crate::site::Entry;

/// How long a function may take until the head of its answer.
const UPSTREAM_MAX: Duration = Duration::from_secs(65);
/// Below the functions' own limit for idle connections, so that none is used that just closes.
const IDLE_MAX: Duration = Duration::from_secs(30);

pub(super) const CALL_ID: HeaderName = HeaderName::from_static("x-call-id");
const START_TIME: HeaderName = HeaderName::from_static("x-start-time");
const SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Between two neighbours only.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A function, and what is called of it.
pub(super) struct Target {
    function: Arc<Entry>,
    path_and_query: String,
}

impl Target {
    pub(super) fn new(function: &Arc<Entry>, rest: &str, query: Option<&str>) -> Self {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Self { function: Arc::clone(function), path_and_query: format!("/{rest}{query}") }
    }
}

/// A client with its connections.
#[derive(Clone)]
pub(super) struct Proxy {
    client: Client<Connector, Body>,
}

impl Proxy {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(2)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(Connector(connector));
        Self { client }
    }

    /// Calls; 502 with an empty body when the function cannot be reached or takes too long.
    pub(super) async fn call(
        &self,
        target: Target,
        peer: SocketAddr,
        request: Request,
    ) -> Response {
        let (mut parts, body) = request.into_parts();
        let body = Body::new(Whole::new(body));
        target.function.count();
        forward(&mut parts.headers, peer);
        let kept = [CALL_ID, START_TIME].map(|name| (parts.headers.get(&name).cloned(), name));
        parts.extensions.clear();
        let answer = async {
            let address = target.function.address().ok_or("it is not running")?;
            parts.uri = Uri::try_from(format!("http://{address}{}", target.path_and_query))
                .map_err(|error| error.to_string())?;
            let call = self.client.request(Request::from_parts(parts, body));
            match tokio::time::timeout(UPSTREAM_MAX, call).await {
                Ok(Ok(answer)) => Ok(answer.map(Body::new)),
                Ok(Err(error)) => Err(chain(&error)),
                Err(_) => Err(format!("no answer after {} s", UPSTREAM_MAX.as_secs())),
            }
        };
        let mut response = answer.await.unwrap_or_else(|reason: String| {
            tracing::warn!(function = target.function.name, %reason, "not reachable");
            (StatusCode::BAD_GATEWAY, Body::empty()).into_response()
        });
        let headers = response.headers_mut();
        HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
        for (value, name) in kept {
            if let (Some(value), false) = (value, headers.contains_key(&name)) {
                headers.insert(name, value);
            }
        }
        headers.insert(SERVED_BY, HeaderValue::from_static("orderflow"));
        response
    }
}

/// Makes the headers of a client those of the gateway.
fn forward(headers: &mut HeaderMap, peer: SocketAddr) {
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    if let Some(host) = headers.remove(header::HOST) {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
    let peer = peer.ip().to_string();
    let path = match headers.get(&FORWARDED_FOR).and_then(|before| before.to_str().ok()) {
        Some(before) => format!("{before}, {peer}"),
        None => peer,
    };
    if let Ok(path) = HeaderValue::from_str(&path) {
        headers.insert(FORWARDED_FOR, path);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
    if !headers.contains_key(&CALL_ID) {
        headers.insert(CALL_ID, call_id());
    }
    let nanos = clock::now().timestamp_nanos_opt().unwrap_or_default();
    headers.insert(START_TIME, HeaderValue::from(nanos));
}

pub(super) fn call_id() -> HeaderValue {
    let id = format!("{:032x}", fastrand::u128(..));
    HeaderValue::from_str(&id).expect("hexadecimal digits are a header value")
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
