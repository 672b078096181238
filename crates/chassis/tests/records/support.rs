//! A shop with two kinds of records, and how it is asked.

use chassis::{Api, Kept, Resource, Role, Setup, Wrong};
use messaging::rights::Rights;
use messaging::{Nats, streams};
use runtime::{Env, Function, Memory, Server, ServerSettings, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::record::{Record, Unique};
use state::wire::{Message, Wire};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) cents: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

impl Record for Product {
    // Any bucket and stream that `setup` makes.
    const BUCKET: &'static str = streams::FILES_LEDGER;
    const EVENT: &'static str = "orderflow.product.changed.v1";
    const SUBJECT: &'static str = "analytics.products";
    const STREAM: &'static str = streams::ANALYTICS;
    const SOURCE: &'static str = "/functions/shop";

    fn unique(&self) -> Vec<Unique> {
        Unique::new("name", [self.name.to_lowercase()]).into_iter().collect()
    }
}

impl Resource for Product {
    const PATH: &'static str = "/products/{id}";
    const NAME: &'static str = "product";
    const READ: Role = Role::ProductsRead;
    const WRITE: Role = Role::Products;

    fn check(&self, wrong: &mut Wrong) {
        wrong.text("name", &self.name, 40);
        wrong.unless(self.cents < 1_000_000, "cents", "is a million or more");
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    pub(crate) partner: String,
    pub(crate) id: String,
    pub(crate) email: String,
}

impl Record for Card {
    const BUCKET: &'static str = streams::FILES_CONTENT;
    const EVENT: &'static str = "orderflow.customer.changed.v1";
    const SUBJECT: &'static str = "analytics.cards";
    const STREAM: &'static str = streams::ANALYTICS;
    const SOURCE: &'static str = "/functions/shop";

    // Over all partners, so that one meets the other's.
    fn unique(&self) -> Vec<Unique> {
        Unique::new("email", [&self.email]).into_iter().collect()
    }
}

impl Resource for Card {
    const PATH: &'static str = "/cards/{partner}/{id}";
    const NAME: &'static str = "card";
    const READ: Role = Role::CustomersRead;
    const WRITE: Role = Role::Customers;
}

#[derive(Clone)]
pub(crate) struct App<W = Nats> {
    products: Kept<Product, W>,
    cards: Kept<Card, W>,
}

pub(crate) fn api<W: Wire>() -> Api<Arc<App<W>>> {
    Api::default()
        .records(|app: &Arc<App<W>>| &app.products)
        .records(|app: &Arc<App<W>>| &app.cards)
}

pub(crate) async fn setup(nats: &Nats, replicas: usize) {
    testkit::streams::make(nats, streams::Settings::copies(replicas)).await;
}

fn env(url: String) -> Env {
    Env::from_pairs([("ORDERFLOW_NATS_URL", url)])
        .with_secret("api-token-read", "read")
        .with_secret("api-token-admin", "admin")
        .with_secret("api-token-partner-US1", "us1")
        .with_secret("api-token-partner-US2", "us2")
}

/// A replica of the shop, as it is served: with its shell, on a port of its own.
pub(crate) async fn replica(url: String) -> Shop {
    let mut env = env(url);
    let setup = Setup::new(&mut env, "shop");
    let tokens = Tokens::from_env(setup.env, &api::<Nats>().doors());
    let (mut chassis, ()) = setup.connect(tokens, &[], || Some(())).await.unwrap();
    let app = App { products: chassis.records(), cards: chassis.records() };
    serve(chassis.serve(api(), Arc::new(app), Memory::default())).await
}

/// One that reaches the server through `wire`, and settles nothing by itself.
pub(crate) async fn replica_on<W: Wire>(wire: &W) -> Shop {
    let tokens = Tokens::from_env(&mut env(String::new()), &api::<W>().doors());
    let app = App { products: Kept::new(wire.clone()), cards: Kept::new(wire.clone()) };
    serve(Function::new("shop", api().into_routes(tokens, Arc::new(app)))).await
}

async fn serve(function: Function) -> Shop {
    let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
    let at = server.traffic_addr();
    tokio::spawn(server.serve(std::future::pending()));
    Shop { at, token: "admin" }
}

/// Where a replica answers, and with which token it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Shop {
    at: SocketAddr,
    token: &'static str,
}

#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn etag(&self) -> &str {
        &self.headers["etag"]
    }
}

impl Shop {
    pub(crate) fn with(self, token: &'static str) -> Self {
        Self { token, ..self }
    }

    /// Sends one request over a connection of its own.
    pub(crate) async fn send(
        self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl ToString,
    ) -> Answered {
        let body = body.to_string();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
             content-length: {}\r\n",
            self.token,
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let (first, rest) = head.split_once("\r\n").unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Answered {
            status: first.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: rest.split("\r\n").map(header).collect(),
            body: serde_json::from_str(body).unwrap_or_default(),
        }
    }

    pub(crate) async fn get(self, path: &str) -> Answered {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(self, path: &str, body: &Value) -> Answered {
        self.send("POST", path, &[], body).await
    }
}

/// The events about changes of records, in their order. Asks again while a leader is chosen.
pub(crate) async fn told(nats: &Nats, filter: &str) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut told = Vec::new();
        let mut each = |message: Message| {
            let event: Value = serde_json::from_slice(&message.payload).unwrap();
            told.push(event["data"].clone());
        };
        let Err(unclear) = nats.read(streams::ANALYTICS, filter, 1, true, &mut each).await else {
            return told;
        };
        assert!(Instant::now() < deadline, "{unclear:?}");
    }
}

/// What the shop may do at NATS.
const RIGHTS: Rights = Rights {
    about: "Keeps products and cards.",
    publishes: &["analytics.products.>", "analytics.cards.>"],
    asks: &[streams::ANALYTICS],
    writes_buckets: &[streams::FILES_LEDGER, streams::FILES_CONTENT, streams::REQUESTS],
    purges: &["KV_FILES_LEDGER", "KV_FILES_CONTENT"],
    ..Rights::NONE
};

/// A server, and replicas of the shop on it.
pub(crate) struct World {
    pub(crate) nats: Nats,
    pub(crate) shops: Vec<Shop>,
    _server: testkit::nats::Server,
}

impl World {
    pub(crate) async fn start(replicas: usize) -> Self {
        let server = testkit::nats::Server::with_rights("shop", &RIGHTS);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        setup(&nats, 1).await;
        let mut shops = Vec::new();
        for _ in 0..replicas {
            shops.push(replica(server.url_of("shop")).await);
        }
        Self { nats, shops, _server: server }
    }
}
