//! A small gateway whose functions are closures.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::{Instant, sleep};

pub(crate) const TOKEN: &str = "connector-secret";

/// A call as a function sees it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) events: Vec<Value>,
    /// Calls of the function in progress, this one included.
    pub(crate) at_once: usize,
    pub(crate) began: Instant,
}

impl Call {
    pub(crate) fn has(&self, text: &str) -> bool {
        Value::from(self.events.clone()).to_string().contains(text)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What a function answers.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) retry_after: Option<u32>,
}

impl From<(u16, String)> for Answer {
    fn from((status, body): (u16, String)) -> Self {
        Self { status, body, retry_after: None }
    }
}

type Handler = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;

#[derive(Default)]
struct Functions {
    annotations: BTreeMap<String, BTreeMap<String, String>>,
    handlers: BTreeMap<String, (Handler, Duration)>,
    calls: Vec<(String, Call)>,
    listing_fails: bool,
    direct: usize,
    lists: usize,
    in_progress: BTreeMap<String, usize>,
}

/// A gateway with functions that are closures.
#[derive(Clone, Default)]
pub(crate) struct Gateway(Arc<Mutex<Functions>>);

impl Gateway {
    fn lock(&self) -> MutexGuard<'_, Functions> {
        self.0.lock().unwrap()
    }

    pub(crate) fn annotate(&self, name: &str, annotations: &[(&str, &str)]) {
        let pairs = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        self.lock().annotations.insert(name.to_owned(), pairs.collect());
    }

    pub(crate) fn unlist(&self, name: &str) {
        self.lock().annotations.remove(name);
    }

    pub(crate) fn listing_fails(&self) {
        self.lock().listing_fails = true;
    }

    /// Deploys a function that answers with status and body from `handler`.
    pub(crate) fn deploy<A: Into<Answer>>(
        &self,
        name: &str,
        handler: impl Fn(&Call) -> A + Send + Sync + 'static,
    ) {
        self.deploy_slow(name, Duration::ZERO, handler);
    }

    /// Deploys a function whose answers take `delay`, or never come when the handler says `0`.
    pub(crate) fn deploy_slow<A: Into<Answer>>(
        &self,
        name: &str,
        delay: Duration,
        handler: impl Fn(&Call) -> A + Send + Sync + 'static,
    ) {
        let handler: Handler = Arc::new(move |call| handler(call).into());
        self.lock().handlers.insert(name.to_owned(), (handler, delay));
    }

    pub(crate) fn remove(&self, name: &str) {
        self.lock().handlers.remove(name);
    }

    /// The calls that reached the function.
    pub(crate) fn calls(&self, name: &str) -> Vec<Call> {
        let functions = self.lock();
        let calls = functions.calls.iter().filter(|(function, _)| function == name);
        calls.map(|(_, call)| call.clone()).collect()
    }

    /// The events that the function was called with, in order.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        self.calls(name).into_iter().flat_map(|call| call.events).collect()
    }

    /// How often the functions were listed.
    pub(crate) fn lists(&self) -> usize {
        self.lock().lists
    }

    /// How many calls came directly.
    pub(crate) fn direct_calls(&self) -> usize {
        self.lock().direct
    }

    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/system/functions", get(list))
            .route("/function/{name}", post(invoke))
            // The functions themselves, for direct calls.
            .route("/direct/{name}/", post(directly))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }
}

async fn list(State(gateway): State<Gateway>) -> Response {
    let mut functions = gateway.lock();
    functions.lists += 1;
    if functions.listing_fails {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let list = functions.annotations.iter();
    let list: Vec<Value> =
        list.map(|(name, annotations)| json!({"name": name, "annotations": annotations})).collect();
    Value::from(list).to_string().into_response()
}

async fn directly(
    State(gateway): State<Gateway>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    gateway.lock().direct += 1;
    invoke(State(gateway), Path(name), headers, body).await
}

async fn invoke(
    State(gateway): State<Gateway>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let handler = gateway.lock().handlers.get(&name).cloned();
    let Some((handler, delay)) = handler else { return StatusCode::NOT_FOUND.into_response() };
    let signature = [("x-duration-seconds", "0.001")];
    if headers["authorization"] != format!("Bearer {TOKEN}") {
        return (StatusCode::UNAUTHORIZED, signature).into_response();
    }
    assert_eq!(headers["content-type"], "application/cloudevents-batch+json");
    assert!(!headers["x-call-id"].is_empty());
    let events = serde_json::from_slice(&body).unwrap();
    let in_progress = InProgress::of(&gateway, &name);
    let call = Call { headers, events, at_once: in_progress.at_once, began: Instant::now() };
    let Answer { status, body, retry_after } = handler(&call);
    gateway.lock().calls.push((name, call));
    sleep(delay).await;
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let mut response = (StatusCode::from_u16(status).unwrap(), signature, body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

/// Counts a call until it is answered or cancelled.
struct InProgress {
    gateway: Gateway,
    name: String,
    at_once: usize,
}

impl InProgress {
    fn of(gateway: &Gateway, name: &str) -> Self {
        let mut functions = gateway.lock();
        let count = functions.in_progress.entry(name.to_owned()).or_default();
        *count += 1;
        Self { gateway: gateway.clone(), name: name.to_owned(), at_once: *count }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        *self.gateway.lock().in_progress.get_mut(&self.name).unwrap() -= 1;
    }
}

/// Answers that everything is done.
pub(crate) fn done(_: &Call) -> (u16, String) {
    (200, String::new())
}
