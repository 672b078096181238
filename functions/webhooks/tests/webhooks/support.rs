//! A function at work on a real server, and events as the connector brings them.

use crate::endpoint::Endpoint;
use messaging::{Nats, streams, tail};
use runtime::{Env, Server, ServerSettings};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::served::Answered;

pub(crate) const SECRETS: [(&str, &str); 5] = [
    ("connector-token", "connector"),
    ("api-token-read", "read"),
    ("api-token-admin", "admin"),
    ("api-token-partner-US1", "us1"),
    (webhooks::SECRET, "0123456789abcdef0123456789abcdef"),
];

/// A function at work; dropping it ends it between any two steps.
pub(crate) struct Served(testkit::served::Served);

impl Served {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        (token, kind): (&str, &str),
        body: &str,
    ) -> Answered {
        let kind = format!("content-type: {kind}\r\n");
        self.0.send(method, path, (token, &kind), body).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> Answered {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, (token, "application/json"), &body).await
    }

    /// Makes a subscription of US1.
    pub(crate) async fn subscribe(&self, id: &str, url: &str, types: &[&str]) {
        let body = json!({"partner": "US1", "id": id, "url": url, "types": types});
        let made = self.ask("POST", "/subscriptions", "admin", body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }

    /// Brings events, as the connector does, until all are done.
    pub(crate) async fn bring(&self, events: &[Value]) {
        let until = Instant::now() + Duration::from_secs(60);
        let kind = ("connector", runtime::events::BATCH_JSON);
        loop {
            let answered = self.send("POST", "/", kind, &json!(events).to_string()).await;
            if answered.status == 200 && answered.body["failed"] == json!([]) {
                return;
            }
            assert!(Instant::now() < until, "{answered:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The first delivery of a subscription of US1, when its state is one of these.
    pub(crate) async fn delivery(&self, id: &str, states: &[&str]) -> Value {
        let path = format!("/subscriptions/US1/{id}/deliveries");
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answered = self.ask("GET", &path, "read", Value::Null).await;
            let found = &answered.body["deliveries"][0];
            if states.iter().any(|state| found["state"] == *state) {
                return found.clone();
            }
            assert!(Instant::now() < until, "no {states:?} within 60 s: {answered:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) struct World {
    pub(crate) server: testkit::nats::Server,
    pub(crate) nats: Nats,
    pub(crate) endpoint: Endpoint,
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.server.refusals(), <[&str; 0]>::default(), "rights that are missing");
        }
    }
}

pub(crate) fn pairs(url: &str, endpoint: &Endpoint) -> Vec<(String, String)> {
    let port = endpoint.port.to_string();
    [
        ("ORDERFLOW_NATS_URL", url),
        ("ORDERFLOW_OUTGOING_PORTS", port.as_str()),
        ("ORDERFLOW_OUTGOING_NETWORKS", "127.0.0.1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

pub(crate) async fn serve(pairs: Vec<(String, String)>) -> Served {
    let env = Env::from_pairs(pairs);
    let mut env = SECRETS.iter().fold(env, |env, (name, text)| env.with_secret(name, text));
    let function = webhooks::build(&mut env).await.unwrap();
    let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
    let at = server.traffic_addr();
    let serving = async move { server.serve(std::future::pending()).await.unwrap() };
    Served(testkit::served::Served::start(at, serving))
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = testkit::nats::Server::with_rights(webhooks::NAME, &webhooks::RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        testkit::streams::make(&nats, streams::Settings::copies(1)).await;
        Self { server, nats, endpoint: Endpoint::start().await }
    }

    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        pairs(&self.server.url_of(webhooks::NAME), &self.endpoint)
    }

    pub(crate) async fn webhooks(&self) -> Served {
        serve(self.pairs()).await
    }

    /// What was told under a filter of the stream `WEBHOOKS`.
    pub(crate) async fn told(&self, filter: &str) -> Vec<Value> {
        let mut found = Vec::new();
        tail::read(&self.nats, streams::WEBHOOKS, filter, 1, false, |message| {
            found.push(serde_json::from_slice(&message.payload).unwrap());
        })
        .await
        .unwrap();
        found
    }
}

#[expect(clippy::disallowed_methods, reason = "events of a test are new")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339()
}

/// The event that an order of US1 was confirmed.
pub(crate) fn confirmed(order: &str) -> Value {
    json!({"specversion": "1.0", "id": format!("C:{order}"), "source": "/functions/order-processor",
        "type": "orderflow.order.confirmed.v1", "subject": format!("orders.confirmed.main.US1.{order}"),
        "time": now(), "datacontenttype": "application/json",
        "data": {"partner": "US1", "order_id": order, "attempt": 1, "placed": 1}})
}
