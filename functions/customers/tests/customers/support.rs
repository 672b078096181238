//! A server with order-ingest and customers on it, and how they are asked.

use messaging::{Nats, streams, tail};
use runtime::{Env, Function, Server, ServerSettings};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use testkit::served::Answered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PARTNERS: &str = "partners:\n  US1: {currency: GBP, rules: {customer-required: false}}\n  US2: {currency: EUR}\n";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A function at work; dropping it ends it between any two steps.
pub(crate) struct Served(testkit::served::Served);

pub(crate) struct World {
    pub(crate) server: testkit::nats::Server,
    pub(crate) nats: Nats,
    pub(crate) ingest: Served,
    pub(crate) customers: Served,
    partners: NamedTempFile,
}

fn env(url: &str) -> Env {
    Env::from_pairs([("ORDERFLOW_NATS_URL", url.to_owned())])
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin")
        .with_secret("api-token-partner-US1", "us1")
        .with_secret("api-token-partner-US2", "us2")
}

async fn serve(function: Function) -> Served {
    let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
    let at = server.traffic_addr();
    let serving = async move { server.serve(std::future::pending()).await.unwrap() };
    Served(testkit::served::Served::start(at, serving))
}

impl Served {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        with: (&str, &str),
        body: impl ToString,
    ) -> Answered {
        self.0.send(method, path, with, &body.to_string()).await
    }

    /// Sends a request whose answer may never come.
    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> std::io::Result<()> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.0.at()).await?;
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\n");
        let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).await?;
        stream.read_u8().await.map(drop)
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send("GET", path, ("admin", ""), "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answered {
        self.send("POST", path, ("admin", ""), body).await
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = testkit::nats::Server::with_rights(customers::NAME, &customers::RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let partners = NamedTempFile::new().unwrap();
        std::fs::write(partners.path(), PARTNERS).unwrap();
        let ingest = ingest(&server.url(), &partners).await;
        let customers = customers(&server.url_of(customers::NAME)).await;
        Self { server, nats, ingest, customers, partners }
    }

    /// One more of order-ingest, or one that begins again.
    pub(crate) async fn ingest(&self) -> Served {
        ingest(&self.server.url(), &self.partners).await
    }

    pub(crate) async fn customers(&self) -> Served {
        customers(&self.server.url_of(customers::NAME)).await
    }

    /// Places an order of US1.
    pub(crate) async fn place(&self, id: &str, ordered: &str, customer: &Value) -> Answered {
        let order = order(id, ordered, customer);
        self.ingest.post("/", &order).await
    }

    /// The same as a message of the subject `orders`, which comes once more under its id.
    pub(crate) async fn deliver(&self, event: &str, order: &Value) -> Answered {
        let batch = json!([{"specversion": "1.0", "id": event, "source": "/test", "sequence": "1",
            "subject": "orders", "type": "orderflow.order.received.v1", "time": "2026-01-02T03:04:05Z",
            "data": order}]);
        let kind = ("connector", "content-type: application/cloudevents-batch+json\r\n");
        self.ingest.send("POST", "/", kind, batch).await
    }

    /// What a customer's card becomes, once `is` holds.
    pub(crate) async fn card(&self, id: &str, is: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/customers/US1/{id}");
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let answered = self.customers.get(&path).await;
            if answered.status == 200 && is(&answered.body) {
                return answered.body;
            }
            assert!(Instant::now() < until, "{answered:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All that a stream holds under a filter: subject, headers and payload as text.
    pub(crate) async fn texts(&self, stream: &str, filter: &str) -> Vec<String> {
        let mut found = Vec::new();
        tail::read(&self.nats, stream, filter, 1, false, |message| {
            let payload = String::from_utf8_lossy(&message.payload);
            found.push(format!("{} {:?} {payload}", message.subject, message.headers));
        })
        .await
        .unwrap();
        found
    }

    /// The entries of orders in PERSONS, without marks.
    pub(crate) async fn said(&self) -> Vec<String> {
        let all = self.texts("KV_PERSONS", "$KV.PERSONS.order.>").await;
        all.into_iter().filter(|text| !text.contains("KV-Operation")).collect()
    }
}

pub(crate) fn order(id: &str, ordered: &str, customer: &Value) -> Value {
    json!({"order_id": id, "partner": "US1", "timestamp": ordered, "customer": customer,
        "product": "P001", "quantity": 2, "price": 5})
}

async fn ingest(url: &str, partners: &NamedTempFile) -> Served {
    let mut env = Env::from_pairs([
        ("ORDERFLOW_NATS_URL", url.to_owned()),
        ("ORDERFLOW_PARTNERS", partners.path().display().to_string()),
    ])
    .with_secret("connector-token", "connector")
    .with_secret("api-token-admin", "admin")
    .with_secret(messaging::persons::SECRET, KEY);
    serve(order_ingest::build(&mut env).await.unwrap()).await
}

async fn customers(url: &str) -> Served {
    serve(customers::build(&mut env(url)).await.unwrap()).await
}
