//! The function on a real nats-server, with a connector on request.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, header};
use axum::response::Response;
use axum::routing::get;
use http_body_util::BodyExt as _;
use messaging::{Nats, streams, tail};
use runtime::Env;
use serde_json::{Value, json};
use testkit::nats::Server;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

const PARTNERS: &str = "partners:\n  US1: {currency: GBP}\n  US2: {currency: EUR}\n";

pub(crate) struct World {
    nats: Nats,
    router: Router,
    server: Server,
}

/// What the connector keeps of a message that is no order.
pub(crate) struct Letter {
    pub(crate) payload: Vec<u8>,
    /// Of the message that it was.
    pub(crate) sequence: u64,
    headers: async_nats::HeaderMap,
}

impl Letter {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(format!("Orderflow-Dead-{name}").as_str()).unwrap().as_str()
    }
}

/// A running connector.
pub(crate) struct Connector {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), runtime::ServeError>>,
}

impl Connector {
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let partners = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(partners.path(), PARTNERS).unwrap();
        let mut env = Env::from_pairs([
            ("ORDERFLOW_NATS_URL", server.url()),
            ("ORDERFLOW_PARTNERS", partners.path().display().to_string()),
            ("ORDERFLOW_OPEN_INGEST", "true".to_owned()),
        ])
        .with_secret("connector-token", "connector")
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin");
        let router = order_ingest::build(&mut env).await.unwrap().into_router();
        Self { nats, router, server }
    }

    /// Status, content type and body of the answer to one order.
    pub(crate) async fn post(
        &self,
        headers: &[(HeaderName, &str)],
        body: Vec<u8>,
    ) -> (u16, String, Value) {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// The answer to a batch of events.
    pub(crate) async fn batch(&self, events: &[Value]) -> Value {
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .header(header::AUTHORIZATION, "Bearer connector");
        let request = request.body(Body::from(Value::from(events).to_string())).unwrap();
        self.send(request).await.2
    }

    async fn send(&self, request: Request<Body>) -> (u16, String, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn publish(&self, body: &[u8]) {
        self.nats.js.publish("orders", body.to_vec().into()).await.unwrap().await.unwrap();
    }

    pub(crate) async fn placed(&self) -> Vec<String> {
        let mut subjects = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            subjects.push(message.subject.to_string());
        };
        tail::read(&self.nats, streams::ORDERS, "orders.placed.>", 1, true, each).await.unwrap();
        subjects
    }

    pub(crate) async fn letters(&self) -> Vec<Letter> {
        let mut letters = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let headers = message.headers.clone().unwrap();
            let sequence = headers.get("Orderflow-Dead-Sequence").unwrap().as_str();
            let sequence = sequence.parse().unwrap();
            letters.push(Letter { payload: message.payload.to_vec(), sequence, headers });
        };
        let filter = "errors.dead.order-ingest";
        tail::read(&self.nats, streams::ERRORS, filter, 1, false, each).await.unwrap();
        letters
    }

    /// A connector that reaches the function through a small gateway.
    pub(crate) async fn connect(&self) -> Connector {
        let list = json!([{"name": "order-ingest",
            "annotations": {"topic": "orders", "orderflow.batch": "500"}}]);
        // The shell of a function says how long it took; here there is only its router.
        let function = self.router.clone().layer(axum::middleware::map_response(
            async |mut response: Response| {
                let seconds = HeaderValue::from_static("0.001");
                response.headers_mut().insert("x-duration-seconds", seconds);
                response
            },
        ));
        let gateway = Router::new()
            .route("/system/functions", get(async move || list.to_string()))
            .nest_service("/function/order-ingest", function);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, gateway).await.unwrap() });
        let mut env = Env::from_pairs([
            ("ORDERFLOW_NATS_URL", self.server.url()),
            ("ORDERFLOW_GATEWAY_URL", url),
            ("ORDERFLOW_BIND", "127.0.0.1".to_owned()),
            ("ORDERFLOW_PORT", "0".to_owned()),
            ("ORDERFLOW_METRICS_PORT", "0".to_owned()),
        ])
        .with_secret("connector-token", "connector");
        let settings = connector::Settings::from_env(&mut env).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let nats = Nats::connect(&self.server.url(), "connector", false).await.unwrap();
        let task = tokio::spawn(connector::run(settings, nats, async {
            stopped.await.unwrap();
        }));
        Connector { stop, task }
    }
}
