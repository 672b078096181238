//! Around every request: health, limits, panics, errors in one shape.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::call::{Call, call_id, sign};
use crate::function::{Probe, Stop};
use crate::inbound::{Cut, Inbound, Watch};
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::settings::ServerSettings;

/// What a dependency may take to say that it is there.
const READY_TIME_MAX: Duration = Duration::from_secs(2);
/// The most of a plain error text that becomes the detail of a problem.
const DETAIL_BYTES_MAX: usize = 8 * 1024;

pub(crate) struct Shell {
    name: &'static str,
    router: Router,
    pub(crate) in_flight: Arc<Semaphore>,
    body_bytes_max: u64,
    body_time_max: Duration,
    stop: Stop,
    metrics: Arc<HttpMetrics>,
}

impl Shell {
    pub(crate) fn new(
        name: &'static str,
        routes: Router,
        ready: Probe,
        settings: &ServerSettings,
        stop: Stop,
        metrics: HttpMetrics,
    ) -> Self {
        let probe = axum::routing::get(move || answer_ready(Arc::clone(&ready)));
        let router = routes
            .route("/_/ready", probe)
            .fallback(|| async { Problem::not_found("no such path") })
            // The limit of the shell holds for every body, not only for those axum collects.
            .layer(DefaultBodyLimit::disable());
        Self {
            name,
            router,
            in_flight: Arc::new(Semaphore::new(settings.in_flight_max.get())),
            body_bytes_max: settings.body_bytes_max,
            body_time_max: settings.body_timeout,
            stop,
            metrics: Arc::new(metrics),
        }
    }

    /// Answers a request, whatever happens in the handler.
    pub(crate) async fn answer(&self, request: hyper::Request<Incoming>) -> Response {
        let (parts, body) = request.into_parts();
        let mut response = if parts.uri.path() == "/_/health" {
            sign(self.health(), call_id(&parts.headers), Instant::now())
        } else {
            let call = Call::new(self.name, &parts, &self.metrics);
            let response = self.handle(&call, parts, body).await;
            call.answer(response)
        };
        if self.stop.is_draining() {
            // The client's next request belongs to another instance.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Alive and accepting: nothing about what this function depends on. OpenFaaS CE takes it for
    /// liveness, and a restart mends no server elsewhere.
    fn health(&self) -> Response {
        if self.stop.is_draining() {
            return Problem::unavailable("shutting down").into_response();
        }
        "alive and accepting\n".into_response()
    }

    async fn handle(&self, call: &Call, parts: request::Parts, body: Incoming) -> Response {
        let awaits_continue = parts.headers.contains_key(header::EXPECT);
        let (inbound, watch) =
            Inbound::new(body, self.body_bytes_max, self.body_time_max, awaits_continue);
        let response = match Arc::clone(&self.in_flight).try_acquire_owned() {
            Err(_) => {
                drop(inbound);
                too_many()
            }
            Ok(permit) => self.run(call, parts, inbound, &watch, permit).await,
        };
        watch.discard().await;
        response
    }

    async fn run(
        &self,
        call: &Call,
        mut parts: request::Parts,
        inbound: Inbound,
        watch: &Watch,
        permit: OwnedSemaphorePermit,
    ) -> Response {
        if let Err(cut) = inbound.check_declared() {
            return cut_problem(cut).into_response();
        }
        parts.extensions.insert(self.stop.clone());
        let request = Request::from_parts(parts, Body::new(inbound));
        let router = self.router.clone();
        // Of the highest level, so that no filter takes the call id off the lines of a handler.
        let span = tracing::error_span!(
            "call",
            function = self.name,
            call_id = call.id(),
            trace_id = call.trace.as_deref()
        );
        // A task of its own: a client that goes away does not stop a handler half-way, and a panic
        // ends only this task.
        let handler = tokio::spawn(
            async move {
                let response = router.oneshot(request).await;
                drop(permit);
                response
            }
            .instrument(span),
        );
        let response = match handler.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_panicked) => Problem::internal().into_response(),
        };
        if !is_error(&response) {
            return response;
        }
        match watch.cut() {
            Some(cut) => cut_problem(cut).into_response(),
            None => as_problem(response).await,
        }
    }
}

/// Asks `probe`, for so long only.
pub(crate) async fn is_ready(probe: &Probe) -> Result<(), String> {
    let late = |_elapsed| Err(format!("no answer within {} s", READY_TIME_MAX.as_secs()));
    tokio::time::timeout(READY_TIME_MAX, probe()).await.unwrap_or_else(late)
}

async fn answer_ready(probe: Probe) -> Response {
    let Err(reason) = is_ready(&probe).await else {
        return axum::Json(serde_json::json!({"ready": true})).into_response();
    };
    let body = axum::Json(serde_json::json!({"ready": false, "reason": reason}));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

fn too_many() -> Response {
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS)
        .detail("too many requests at a time")
        .into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn cut_problem(cut: Cut) -> Problem {
    let status = match cut {
        Cut::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Cut::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        Cut::Gone => StatusCode::BAD_REQUEST,
    };
    Problem::new(status).detail(cut.to_string())
}

fn is_error(response: &Response) -> bool {
    response.status().is_client_error() || response.status().is_server_error()
}

/// Gives an error that says what is wrong in plain text, as axum's extractors do, the shape of all
/// others.
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
