//! A server, the function on it, and how it is asked.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, Request, header};
use http_body_util::BodyExt as _;
use messaging::rights::Rights;
use messaging::{Nats, streams, tail};
use order_ingest::{NAME, RIGHTS};
use runtime::{Env, Server, ServerSettings};
use serde_json::Value;
use std::net::SocketAddr;
use tempfile::NamedTempFile;
use testkit::cluster::Cluster;
use testkit::nats;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};
use tower::ServiceExt as _;

pub(crate) const PARTNERS: &str = "partners:
  US1: {currency: GBP}
  US2: {currency: EUR}
  WARNS: {currency: EUR, prices: warn}
  REFUSES: {currency: EUR, prices: refuse, price-tolerance: 10}
";

/// Of pseudonyms.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

pub(crate) struct World<S = nats::Server> {
    pub(crate) server: S,
    pub(crate) nats: Nats,
    pub(crate) router: Router,
    /// Where the same function is served, with all that is around its router.
    pub(crate) address: SocketAddr,
    /// Where its metrics are.
    pub(crate) metrics: SocketAddr,
    /// Followed by the function.
    pub(crate) partners: NamedTempFile,
}

/// A stored message.
pub(crate) struct Message {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) headers: async_nats::HeaderMap,
    pub(crate) payload: Vec<u8>,
}

/// Status, content type and body of the answer to a `POST`; null for a body that is no JSON.
pub(crate) async fn post(
    router: &Router,
    path: &str,
    headers: &[(HeaderName, &str)],
    body: impl Into<Body>,
) -> (u16, String, Value) {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(&RIGHTS, false).await
    }

    /// One that takes an order from anybody.
    pub(crate) async fn open() -> Self {
        Self::with(&RIGHTS, true).await
    }

    /// One whose function has these rights at NATS.
    pub(crate) async fn with(rights: &Rights, open: bool) -> Self {
        let server = nats::Server::with_rights(NAME, rights);
        let urls = [server.url(), server.url_of(NAME)];
        Self::on(server, urls, streams::Settings::default(), open).await
    }
}

impl World<Cluster> {
    /// On three servers, with three copies of all.
    pub(crate) async fn of_three() -> Self {
        let cluster = Cluster::with_rights(NAME, &RIGHTS);
        let urls = [cluster.url(), cluster.url_of(NAME)];
        let settings = streams::Settings { replicas: Some(3), ..Default::default() };
        Self::on(cluster, urls, settings, false).await
    }
}

impl<S> World<S> {
    async fn on(
        server: S,
        [url, own]: [String; 2],
        settings: streams::Settings,
        open: bool,
    ) -> Self {
        let nats = Nats::connect(&url, "test", false).await.unwrap();
        testkit::streams::make(&nats, settings).await;
        let partners = NamedTempFile::new().unwrap();
        std::fs::write(partners.path(), PARTNERS).unwrap();
        let mut env = Env::from_pairs([
            ("ORDERFLOW_NATS_URL", own),
            ("ORDERFLOW_PARTNERS", partners.path().display().to_string()),
            ("ORDERFLOW_OPEN_INGEST", open.to_string()),
        ])
        .with_secret("connector-token", "connector")
        .with_secret("api-token-orders", "shop")
        .with_secret("api-token-admin", "admin")
        .with_secret(messaging::persons::SECRET, KEY);
        let router = order_ingest::build(&mut env).await.unwrap().into_router();
        let function = order_ingest::build(&mut env).await.unwrap();
        let served = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
        let (address, metrics) = (served.traffic_addr(), served.metrics_addr());
        tokio::spawn(served.serve(std::future::pending()));
        Self { server, nats, router, address, metrics, partners }
    }

    /// The answer to a batch of events.
    pub(crate) async fn batch(&self, events: &[Value]) -> Value {
        let headers = [
            (header::CONTENT_TYPE, "application/cloudevents-batch+json"),
            (header::AUTHORIZATION, "Bearer connector"),
        ];
        let (status, _, body) =
            post(&self.router, "/", &headers, Value::from(events).to_string()).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Head and body of the answer of the served function to a `POST /` with these headers.
    pub(crate) async fn request(&self, headers: &str, body: &str) -> (String, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
        let text = format!("{head}connection: close\r\n{headers}\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), serde_json::from_str(body).unwrap())
    }

    /// The metrics of the served function, as Prometheus reads them.
    pub(crate) async fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(self.metrics).await.unwrap();
        let head = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn messages(&self, stream: &str, filter: &str) -> Vec<Message> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let mut found = Vec::new();
            let each = |message: &async_nats::jetstream::Message| {
                found.push(Message {
                    sequence: message.info().unwrap().stream_sequence,
                    subject: message.subject.to_string(),
                    headers: message.headers.clone().unwrap_or_default(),
                    payload: message.payload.to_vec(),
                });
            };
            match tail::read(&self.nats, stream, filter, 1, false, each).await {
                Ok(_) => return found,
                // Servers that have just started may have no leader yet.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
    }

    /// Subjects of what is placed.
    pub(crate) async fn placed(&self) -> Vec<String> {
        let placed = self.messages(streams::ORDERS, "orders.placed.>").await;
        placed.into_iter().map(|message| message.subject).collect()
    }
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }
}
