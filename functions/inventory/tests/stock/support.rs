//! A server, the two functions that write journals of stock, and how they are asked.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use domain::{ProductId, WarehouseId};
use http_body_util::BodyExt as _;
use messaging::{Nats, streams};
use runtime::Env;
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, PoisonError};
use tempfile::NamedTempFile;
use testkit::cluster::Cluster;
use testkit::history::{History, Options};
use testkit::nats::Server;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// Which function a process is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Inventory,
    Processor,
    Ingest,
    Status,
    Customers,
}

/// No partners but the built-in one.
static PARTNERS: LazyLock<NamedTempFile> = LazyLock::new(|| {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "partners: {}\n").unwrap();
    file
});

/// A process of a function. It can be killed: what it was doing ends where it waits, and the next one knows
/// nothing.
pub(crate) struct Process {
    of: Of,
    url: String,
    now: Mutex<(Router, watch::Sender<()>)>,
}

async fn build(of: Of, url: &str) -> Router {
    let mut pairs = vec![("ORDERFLOW_NATS_URL", url.to_owned())];
    if matches!(of, Of::Ingest | Of::Status) {
        pairs.push(("ORDERFLOW_PARTNERS", PARTNERS.path().display().to_string()));
    }
    let mut env = Env::from_pairs(pairs)
        .with_secret("connector-token", "connector")
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin")
        .with_secret(messaging::persons::SECRET, "0123456789abcdef0123456789abcdef");
    let built = match of {
        Of::Inventory => inventory::build(&mut env).await,
        Of::Processor => order_processor::build(&mut env).await,
        Of::Ingest => order_ingest::build(&mut env).await,
        Of::Status => status_checker::build(&mut env).await,
        Of::Customers => customers::build(&mut env).await,
    };
    built.unwrap().into_router()
}

impl Process {
    pub(crate) async fn start(of: Of, url: &str) -> Self {
        let now = Mutex::new((build(of, url).await, watch::Sender::new(())));
        Self { of, url: url.to_owned(), now }
    }

    fn now(&self) -> (Router, watch::Receiver<()>) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.0.clone(), now.1.subscribe())
    }

    pub(crate) async fn kill(&self) {
        let next = (build(self.of, &self.url).await, watch::Sender::new(()));
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// Status and body of the answer, null if that is no JSON; nothing if it was killed meanwhile.
    pub(crate) async fn send(&self, request: Request<Body>) -> Option<(u16, Value)> {
        let (router, mut killed) = self.now();
        let answer = async {
            let response = router.oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
        };
        tokio::select! {
            answer = answer => Some(answer),
            _ = killed.changed() => None,
        }
    }
}

/// A command as a person sends it.
pub(crate) fn command(path: &str, key: &str, body: &Value) -> Request<Body> {
    let method = if path == "/stock" { Method::PUT } else { Method::POST };
    let request = Request::builder().method(method).uri(path);
    let request = request.header(header::AUTHORIZATION, "Bearer admin");
    let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
    request.body(Body::from(body.to_string())).unwrap()
}

pub(crate) struct World<S = Server> {
    pub(crate) server: S,
    pub(crate) nats: Nats,
    pub(crate) inventory: Process,
    pub(crate) processor: Process,
}

impl World {
    pub(crate) async fn start() -> Self {
        let server = Server::start();
        let url = server.url();
        World::on(server, &url, 1).await
    }

    /// Journals, facts and movements agree, by a checker that shares no code with what wrote them.
    pub(crate) async fn check(&self) {
        let history = History::read(&self.server.url()).await.unwrap();
        history.check(Options { sent: false }).assert_clean();
    }
}

impl World<Cluster> {
    pub(crate) async fn of_three() -> Self {
        let server = Cluster::start();
        let url = server.url();
        World::on(server, &url, 3).await
    }
}

impl<S> World<S> {
    /// With a warehouse `west` beside `main`, each with a journal.
    async fn on(server: S, url: &str, replicas: usize) -> Self {
        let nats = Nats::connect(url, "test", false).await.unwrap();
        let settings = streams::Settings { replicas: Some(replicas), ..Default::default() };
        testkit::streams::make(&nats, settings).await;
        let west = WarehouseId::parse("west").unwrap();
        let journal = stock::journal(&nats, &west);
        let key = state::journal::BoundKey::new("begin", &());
        let begun = journal.command(&key, |view| {
            let available = [(product("Z"), 0)].into();
            let body = domain::inventory::Body::Set { key: None, available };
            Ok::<_, ()>(state::journal::Command::decision(view.state.entry(body)))
        });
        begun.await.unwrap().unwrap();
        let inventory = Process::start(Of::Inventory, url).await;
        let processor = Process::start(Of::Processor, url).await;
        Self { server, nats, inventory, processor }
    }

    pub(crate) async fn ask(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        self.inventory.send(command(path, key, &body)).await.unwrap()
    }

    /// Does it, for the first time under this key.
    pub(crate) async fn does(&self, path: &str, key: &str, body: Value) -> Value {
        let (status, body) = self.ask(path, key, body).await;
        assert_eq!((status, &body["applied"]), (200, &json!(true)), "{path} {body}");
        body
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).header(header::AUTHORIZATION, "Bearer read");
        self.inventory.send(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    pub(crate) async fn available(&self, warehouse: &str, product: &str) -> i64 {
        let path = format!("/stock?warehouse={warehouse}&product={product}");
        let (status, body) = self.get(&path).await;
        assert_eq!(status, 200, "{body}");
        body["products"][product]["available"].as_i64().unwrap()
    }
}

pub(crate) fn product(id: &str) -> ProductId {
    ProductId::parse(id).unwrap()
}
