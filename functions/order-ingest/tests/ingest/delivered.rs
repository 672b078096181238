//! The function behind a connector, which keeps what is no order.

use crate::support::{Message, World};
use axum::Router;
use axum::http::HeaderValue;
use axum::response::Response;
use axum::routing::get;
use messaging::{Nats, streams};
use runtime::Env;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What the connector keeps of a message that is no order.
pub(crate) struct Letter(Message);

impl Letter {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.0.header(&format!("Orderflow-Dead-{name}")).unwrap()
    }

    /// Of the message that it was.
    pub(crate) fn sequence(&self) -> u64 {
        self.header("Sequence").parse().unwrap()
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.0.payload
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
    pub(crate) async fn publish(&self, body: &[u8]) {
        self.nats.js.publish("orders", body.to_vec().into()).await.unwrap().await.unwrap();
    }

    pub(crate) async fn letters(&self) -> Vec<Letter> {
        let letters = self.messages(streams::ERRORS, "errors.dead.order-ingest").await;
        letters.into_iter().map(Letter).collect()
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
