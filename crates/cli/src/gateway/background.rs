//! `/async-function/<name>`: answered at once, called afterwards.
//!
//! In memory only: a call that waits is lost when `up` ends, and is not tried again. What must not
//! be lost is published to NATS instead.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};
use runtime::Problem;
use tokio::sync::Semaphore;

use super::proxy::{CALL_ID, Proxy, Target, call_id};

/// As in OpenFaaS CE.
const BODY_BYTES_MAX: usize = 256_000;
/// Calls that wait or run; further ones are refused with 429.
const WAITING_MAX: usize = 1_000;
/// Calls that run.
const RUNNING_MAX: usize = 8;

#[derive(Clone)]
pub(super) struct Background {
    proxy: Proxy,
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Background {
    pub(super) fn new(proxy: Proxy) -> Self {
        let waiting = Arc::new(Semaphore::new(WAITING_MAX));
        Self { proxy, waiting, running: Arc::new(Semaphore::new(RUNNING_MAX)) }
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
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            let detail = format!("{WAITING_MAX} calls are waiting already");
            return Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(detail).into_response();
        };
        let (mut parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
            let detail = format!("the body is cut off or larger than {BODY_BYTES_MAX} bytes");
            return Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(detail).into_response();
        };
        let id = parts.headers.entry(CALL_ID).or_insert_with(call_id).clone();
        let request = Request::from_parts(parts, Body::from(body.to_bytes()));
        let (proxy, running) = (self.proxy.clone(), Arc::clone(&self.running));
        tokio::spawn(async move {
            // The semaphore is never closed, so this is a place.
            let turn = running.acquire_owned().await;
            let answer = proxy.call(target, peer, request).await;
            tracing::info!(status = answer.status().as_u16(), "called in the background");
            // Read to its end, so that the function can finish and the connection be used again.
            drop(answer.into_body().collect().await);
            drop((turn, place));
        });
        let durability =
            (HeaderName::from_static("x-durability"), HeaderValue::from_static("none"));
        (StatusCode::ACCEPTED, [(CALL_ID, id), durability]).into_response()
    }
}
