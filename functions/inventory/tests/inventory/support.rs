//! A server, the function on it, and how it is asked.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use inventory::{NAME, RIGHTS};
use messaging::{Nats, streams};
use runtime::Env;
use serde_json::Value;
use state::wire::{Message, Wire as _};
use testkit::nats::Server;
use tower::ServiceExt as _;

pub(crate) struct World {
    pub(crate) nats: Nats,
    pub(crate) server: Server,
    pub(crate) router: Router,
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The fields that are wrong, each with its reason.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let shown = |error: &Value| {
            format!("{}: {}", error["field"].as_str().unwrap(), error["reason"].as_str().unwrap())
        };
        errors.iter().map(shown).collect()
    }
}

/// The function, as it is built in its image.
pub(crate) async fn function(url: String) -> Router {
    let mut env = Env::from_pairs([("ORDERFLOW_NATS_URL", url)])
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin");
    inventory::build(&mut env).await.unwrap().into_router()
}

pub(crate) async fn send(
    router: &Router,
    token: &str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> Answered {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answered { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::with_rights(NAME, &RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let router = function(server.url_of(NAME)).await;
        Self { nats, server, router }
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        send(&self.router, "read", ("GET", path), &[], &Value::Null).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answered {
        send(&self.router, "admin", (method, path), headers, body).await
    }

    pub(crate) async fn post(&self, body: &Value) -> Answered {
        self.send("POST", "/products", &[], body).await
    }

    /// What was told of products, in its order.
    pub(crate) async fn told(&self) -> Vec<Value> {
        let mut told = Vec::new();
        let mut each = |message: Message| {
            let mut event: Value = serde_json::from_slice(&message.payload).unwrap();
            event["at"] = message.subject.to_string().into();
            told.push(event);
        };
        self.nats.read(streams::CATALOGUE, "products.changed.>", 1, true, &mut each).await.unwrap();
        told
    }
}
