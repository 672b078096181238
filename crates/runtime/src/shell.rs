//! Wraps every request: health, limits, panics, and one format for errors.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::call::{CALL_ID, Call, READY, call_id, sign};
use crate::doorman::Peer;
use crate::function::{Probe, Stop};
use crate::gate::{Gate, Pass};
use crate::inbound::Inbound;
use crate::memory::Bodies;
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::settings::ServerSettings;

/// How long the check of a dependency may take.
const READY_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of an unread body of a caller with a token is discarded so that it can read its answer, as
/// a multiple of the largest body.
const DISCARD_FACTOR: u64 = 4;
/// How much of a plain error text becomes the detail of a problem.
const DETAIL_BYTES_MAX: usize = 8 * 1024;

pub(crate) struct Shell {
    name: &'static str,
    router: Router,
    pub(crate) gate: Arc<Gate>,
    discard_bytes_max: u64,
    stop: Stop,
    metrics: Arc<HttpMetrics>,
}

impl Shell {
    pub(crate) fn new(
        name: &'static str,
        routes: Router,
        ready: Arc<Ready>,
        (settings, bodies): (&ServerSettings, Bodies),
        stop: Stop,
        metrics: HttpMetrics,
    ) -> Self {
        let probe = axum::routing::get(move || answer_ready(Arc::clone(&ready)));
        let router = routes
            .route(READY, probe)
            .fallback(|| async { Problem::not_found("no such path") })
            // The limits of the door apply to every body, so axum's own limit is disabled.
            .layer(DefaultBodyLimit::disable());
        Self {
            name,
            router,
            gate: Arc::new(Gate::new(settings, bodies)),
            discard_bytes_max: settings.body_bytes_max.saturating_mul(DISCARD_FACTOR),
            stop,
            metrics: Arc::new(metrics),
        }
    }

    /// Answers a request, also if the handler panics.
    pub(crate) async fn answer(&self, request: hyper::Request<Incoming>, peer: Peer) -> Response {
        let (parts, body) = request.into_parts();
        let mut response = if parts.uri.path() == "/_/health" {
            sign(self.health(), call_id(&parts.headers), Instant::now())
        } else {
            let call = Call::new(self.name, &parts, &self.metrics);
            let response = self.handle(&call, parts, body, peer).await;
            call.answer(response)
        };
        if self.stop.is_draining() {
            // The client's next request should go to another instance.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Alive and accepting; does not check dependencies. OpenFaaS CE uses this as liveness, and a
    /// restart repairs no other server.
    fn health(&self) -> Response {
        if self.stop.is_draining() {
            return Problem::unavailable("shutting down").into_response();
        }
        "alive and accepting\n".into_response()
    }

    async fn handle(
        &self,
        call: &Call,
        mut parts: request::Parts,
        body: Incoming,
        peer: Peer,
    ) -> Response {
        let awaits_continue = parts.headers.contains_key(header::EXPECT);
        let (inbound, watch) = Inbound::new(body, awaits_continue);
        let gate = Arc::clone(&self.gate);
        parts.extensions.insert(Pass { gate, peer: peer.clone(), watch: watch.clone() });
        parts.extensions.insert(self.stop.clone());
        // The handler gets the same call id as the log.
        parts.headers.insert(CALL_ID, call.id.clone());
        let response = self.run(call, Request::from_parts(parts, Body::new(inbound))).await;
        watch.discard(peer.is_known().then_some(self.discard_bytes_max)).await;
        response
    }

    async fn run(&self, call: &Call, request: Request) -> Response {
        let router = self.router.clone();
        // Of the highest level, so that no log filter removes the call id from a handler's lines.
        let span = tracing::error_span!(
            "call",
            function = self.name,
            call_id = call.id(),
            trace_id = call.trace.as_deref()
        );
        // In its own task: a client that disconnects does not stop a handler half-way, and a panic ends
        // only this task.
        let handler = tokio::spawn(async move { router.oneshot(request).await }.instrument(span));
        let response = match handler.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_panicked) => Problem::internal().into_response(),
        };
        if is_error(&response) { as_problem(response).await } else { response }
    }
}

/// Whether all services that a function needs answer; concurrent callers share one check.
pub(crate) struct Ready {
    name: &'static str,
    probe: Probe,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Ready {
    pub(crate) fn new(name: &'static str, probe: Probe) -> Self {
        Self { name, probe, last: Mutex::default() }
    }

    /// The result of a check that began after this call.
    pub(crate) async fn ask(&self) -> Result<(), String> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((began, answer)) = &*last
            && asked <= *began
        {
            return answer.clone();
        }
        let began = Instant::now();
        let late = |_elapsed| Err(format!("no answer within {} s", READY_TIME_MAX.as_secs()));
        let answer = timeout(READY_TIME_MAX, (self.probe)()).await.unwrap_or_else(late);
        let before = last.replace((began, answer.clone()));
        self.log(before.map(|(_, answer)| answer).as_ref(), &answer);
        answer
    }

    /// Logs changes only: kubelets ask every few seconds.
    fn log(&self, before: Option<&Result<(), String>>, now: &Result<(), String>) {
        match now {
            now if before == Some(now) => {}
            Ok(()) => tracing::info!(function = self.name, "ready"),
            Err(reason) => tracing::warn!(function = self.name, reason, "not ready"),
        }
    }
}

async fn answer_ready(ready: Arc<Ready>) -> Response {
    let Err(reason) = ready.ask().await else {
        return axum::Json(serde_json::json!({"ready": true})).into_response();
    };
    let body = axum::Json(serde_json::json!({"ready": false, "reason": reason}));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

fn is_error(response: &Response) -> bool {
    response.status().is_client_error() || response.status().is_server_error()
}

/// Converts a plain-text error, such as those of axum's extractors, to a problem.
async fn as_problem(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| !kind.starts_with(b"text/plain")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, DETAIL_BYTES_MAX).await.unwrap_or_default();
    let mut problem = Problem::new(parts.status);
    if let Some(text) = std::str::from_utf8(&text).ok().filter(|text| !text.is_empty()) {
        problem = problem.detail(text);
    }
    let (problem, body) = problem.into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(problem.headers);
    Response::from_parts(parts, body)
}
