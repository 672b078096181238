//! A server, the function on it, and how it is asked.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use domain::inventory::SEED;
use http_body_util::BodyExt as _;
use messaging::{Nats, streams};
use order_processor::{NAME, RIGHTS};
use runtime::Env;
use serde_json::Value;
use std::collections::BTreeMap;
use testkit::cluster::Cluster;
use testkit::nats::Server;
use tower::ServiceExt as _;

pub(crate) const FILTER: &str = "orders.placed.main.>";

pub(crate) struct World<S = Server> {
    pub(crate) server: S,
    pub(crate) nats: Nats,
    pub(crate) router: Router,
}

pub(crate) async fn build(server: &Server) -> Router {
    build_with(server, []).await
}

pub(crate) async fn build_at(
    url: String,
    more: impl IntoIterator<Item = (&'static str, String)>,
) -> Router {
    let pairs = [("ORDERFLOW_NATS_URL", url)].into_iter().chain(more);
    let mut env = Env::from_pairs(pairs)
        .with_secret("connector-token", "connector")
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin");
    order_processor::build(&mut env).await.unwrap().into_router()
}

/// The function with further settings.
pub(crate) async fn build_with(
    server: &Server,
    more: impl IntoIterator<Item = (&'static str, String)>,
) -> Router {
    build_at(server.url_of(NAME), more).await
}

pub(crate) async fn setup(nats: &Nats) {
    testkit::streams::make(nats, streams::Settings::default()).await;
}

/// Status and body of the answer, null if that is no JSON.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> (u16, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

impl World {
    /// With the stock of the sample products, which is the first entry of the journal.
    pub(crate) async fn start() -> Self {
        Self::bare().await.stocked().await
    }

    /// With nothing.
    pub(crate) async fn bare() -> Self {
        let server = Server::with_rights(NAME, &RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        setup(&nats).await;
        let router = build(&server).await;
        Self { server, nats, router }
    }
}

impl World<Cluster> {
    /// On three servers, with the stock of the sample products.
    pub(crate) async fn of_three() -> Self {
        let server = Cluster::with_rights(NAME, &RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        let settings = streams::Settings { replicas: Some(3), ..Default::default() };
        testkit::streams::make(&nats, settings).await;
        let router = build_at(server.url_of(NAME), []).await;
        Self { server, nats, router }.stocked().await
    }
}

impl<S> World<S> {
    async fn stocked(self) -> Self {
        let request = Request::put("/stock")
            .header(header::AUTHORIZATION, "Bearer admin")
            .header("idempotency-key", "sample products");
        let body = serde_json::json!({"available": BTreeMap::from(SEED)});
        let (status, body) =
            send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await;
        assert_eq!(status, 200, "{body}");
        self
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).header(header::AUTHORIZATION, "Bearer read");
        send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn available(&self, product: &str) -> i64 {
        let (status, body) = self.get("/stock").await;
        assert_eq!(status, 200, "{body}");
        body["products"][product]["available"].as_i64().unwrap()
    }
}
