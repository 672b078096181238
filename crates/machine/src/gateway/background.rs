//! `/async-function/<name>`: answered at once, called afterwards.
//!
//! In memory only: a call that waits is lost when `up` ends, and is not tried again. What must not
//! be lost is published to NATS instead.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use runtime::Problem;
use runtime::body::read;
use tokio::sync::Semaphore;

use super::proxy::{CALL_ID, Proxy, Target, call_id};

/// As in OpenFaaS CE.
const BODY_BYTES_MAX: u64 = 256_000;
/// How long a client may take for a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of all bodies that come in or wait.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Calls that run.
const RUNNING_MAX: usize = 8;

#[derive(Clone)]
pub(super) struct Background {
    proxy: Proxy,
    waiting_max: usize,
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

impl Background {
    pub(super) fn new(proxy: Proxy, waiting_max: usize) -> Self {
        let [waiting, running, bytes] =
            [waiting_max, RUNNING_MAX, BYTES_MAX].map(|permits| Arc::new(Semaphore::new(permits)));
        Self { proxy, waiting_max, waiting, running, bytes }
    }

    pub(super) async fn call(
        &self,
        target: Target,
        peer: SocketAddr,
        request: Request,
    ) -> Response {
        if request.headers().contains_key("x-callback-url") {
            let detail = "X-Callback-Url is not possible here";
            return Problem::new(StatusCode::NOT_IMPLEMENTED).detail(detail).into_response();
        }
        let (mut parts, body) = request.into_parts();
        // First, so that who is slow takes no place.
        let (body, room) = match read(body, BODY_BYTES_MAX, BODY_TIME_MAX, &self.bytes).await {
            Ok(whole) => whole,
            Err(cut) => return cut.into_response(),
        };
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            let detail = format!("{} calls are waiting already", self.waiting_max);
            return Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(detail).into_response();
        };
        let id = parts.headers.entry(CALL_ID).or_insert_with(call_id).clone();
        let request = Request::from_parts(parts, Body::from(body));
        let (proxy, running) = (self.proxy.clone(), Arc::clone(&self.running));
        tokio::spawn(async move {
            // The semaphore is never closed, so this is a place.
            let turn = running.acquire_owned().await;
            let answer = proxy.call(target, peer, request).await;
            tracing::info!(status = answer.status().as_u16(), "called in the background");
            // Read to its end, so that the function can finish and the connection be used again.
            drop(answer.into_body().collect().await);
            drop((turn, place, room));
        });
        let durability =
            (HeaderName::from_static("x-durability"), HeaderValue::from_static("none"));
        (StatusCode::ACCEPTED, [(CALL_ID, id), durability]).into_response()
    }
}
