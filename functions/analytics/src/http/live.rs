//! Windows as server-sent events.

use super::app::{App, LISTENERS_MAX};
use crate::windows::{Asked, Live};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chassis::{Description, Output};
use futures_util::stream;
use runtime::{Problem, Stop};
use schemars::SchemaGenerator;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};

/// Windows that a listener is told of: the newest.
const WINDOWS_MAX: usize = 120;
/// How often it is looked for news.
const LOOK: Duration = Duration::from_millis(250);
/// After so long without news a comment is sent, so that nobody on the way takes the connection for a dead one.
const SILENT_MAX: Duration = Duration::from_secs(15);
const EVENT_STREAM: &str = "text/event-stream";

/// Does the caller want to listen?
pub(super) fn is_asked(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with(EVENT_STREAM))
}

/// An answer that goes on until the caller or the function ends.
#[derive(Debug)]
pub(crate) struct Events(Body);

struct Listener {
    app: Arc<App>,
    asked: Asked,
    stop: Stop,
    live: Live,
    told: Instant,
    _place: OwnedSemaphorePermit,
}

/// Begins to tell a caller of windows.
pub(super) fn listen(app: Arc<App>, asked: Asked, stop: Stop) -> Result<Events, Problem> {
    let place = Arc::clone(&app.listeners).try_acquire_owned().map_err(|_| {
        let text = format!(
            "{LISTENERS_MAX} callers listen already, which is the limit; ask without live events"
        );
        Problem::new(StatusCode::TOO_MANY_REQUESTS).detail(text)
    })?;
    let asked = Asked { limit: asked.limit.min(WINDOWS_MAX), ..asked };
    let told = Instant::now();
    let listener = Listener { app, asked, stop, live: Live::default(), told, _place: place };
    let news = stream::unfold(listener, |mut listener| async move {
        let news = listener.next().await?;
        Some((Ok::<_, Infallible>(news), listener))
    });
    Ok(Events(Body::from_stream(news)))
}

impl Listener {
    /// What is new, or a comment after a while; nothing when the function ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let news = self.live.news(&self.app.list(&self.asked));
            if !news.is_empty() {
                self.told = Instant::now();
                let text: String =
                    news.iter().map(|json| format!("event: window\ndata: {json}\n\n")).collect();
                return Some(text.into());
            }
            if SILENT_MAX <= self.told.elapsed() {
                self.told = Instant::now();
                return Some(Bytes::from_static(b": nothing new\n\n"));
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = self.stop.draining() => return None,
            }
        }
    }
}

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, self.0).into_response()
    }
}

impl Output for Events {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        operation.answers.insert(EVENT_STREAM.to_owned(), json!({"schema": {"type": "string"}}));
    }
}
