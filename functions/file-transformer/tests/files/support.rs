//! Servers, partners, the function, and what it left behind.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use domain::PartnerId;
use http_body_util::BodyExt as _;
use intake::arrival;
use intake::ledger::{Ledger, Record};
use messaging::{Nats, streams, tail};
use runtime::Env;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tower::ServiceExt as _;

/// When every file of the tests was last changed.
pub(crate) const MTIME: u64 = 1_767_340_000;
/// When every file of the tests arrived.
pub(crate) const TIME: &str = "2026-01-02T08:00:00Z";
pub(crate) const PARTNERS: [&str; 3] = ["US1", "US2", "US3"];

pub(crate) struct World {
    pub(crate) nats: testkit::nats::Server,
    pub(crate) sshd: testkit::sshd::Server,
    pub(crate) client: Nats,
    pub(crate) ledger: Ledger,
    pub(crate) router: Router,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with("", "").await
    }

    /// With one text of the sample configuration replaced.
    pub(crate) async fn with(from: &str, to: &str) -> Self {
        Self::with_tables(from, to, &[]).await
    }

    /// The same, with files beside the configuration.
    pub(crate) async fn with_tables(from: &str, to: &str, tables: &[(&str, &str)]) -> Self {
        let nats =
            testkit::nats::Server::with_rights(file_transformer::NAME, &file_transformer::RIGHTS);
        let sshd = testkit::sshd::Server::start(&PARTNERS);
        let client = Nats::connect(&nats.url(), "test", false).await.unwrap();
        for step in streams::setup(&client, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let mut yaml = std::fs::read_to_string(repository().join("partners.yml")).unwrap();
        assert!(yaml.contains(from));
        yaml = yaml.replacen(from, to, usize::from(!from.is_empty()));
        for name in PARTNERS {
            let section = format!(
                "  {name}:\n    sftp: {{host: 127.0.0.1, port: {}, user: {}, host-key: {}, \
                 private-key-secret: {name}-key}}\n",
                sshd.port(),
                sshd.user(),
                sshd.host_key()
            );
            yaml = yaml.replace(&format!("  {name}:\n"), &section);
        }
        std::fs::write(sshd.dir().join("partners.yml"), yaml).unwrap();
        let secrets = sshd.dir().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        for (name, table) in tables {
            std::fs::write(sshd.dir().join(name), table).unwrap();
        }
        std::fs::write(secrets.join("connector-token"), "connector").unwrap();
        for name in PARTNERS {
            std::fs::write(secrets.join(format!("{name}-key")), sshd.private_key(name)).unwrap();
        }
        let mut env = Env::from_pairs(settings(&nats, &sshd));
        let router = file_transformer::build(&mut env).await.unwrap().into_router();
        let ledger = Ledger::new(&client);
        Self { nats, sshd, client, ledger, router }
    }

    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        settings(&self.nats, &self.sshd)
    }

    /// Puts a file into the inbox; the event that says so.
    pub(crate) fn put(&self, partner: &str, name: &str, content: &[u8]) -> Value {
        self.write(partner, &format!("inbox/{name}"), content);
        arrived(partner, name, content.len())
    }

    /// Writes a file that was last changed at [`MTIME`].
    pub(crate) fn write(&self, partner: &str, path: &str, content: &[u8]) {
        let path = self.sshd.root(partner).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(MTIME);
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_times(std::fs::FileTimes::new().set_modified(time)).unwrap();
    }

    /// Files that are not done after one call: `name: reason`, `(again)` or `(wait)` before it.
    pub(crate) async fn call(&self, events: &[Value]) -> Vec<String> {
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .header(header::AUTHORIZATION, "Bearer connector")
            .body(Body::from(Value::from(events).to_string()));
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let line = |failed: &Value| {
            let how = match (failed["retry"].as_bool(), failed.get("progress")) {
                (Some(true), Some(_)) => "(wait) ",
                (Some(true), None) => "(again) ",
                _ => "",
            };
            format!("{how}{}", failed["reason"].as_str().unwrap())
        };
        body["failed"].as_array().unwrap().iter().map(line).collect()
    }

    pub(crate) async fn done(&self, event: &Value) -> Record {
        assert_eq!(self.call(std::slice::from_ref(event)).await, [""; 0]);
        self.record(event).await
    }

    pub(crate) async fn record(&self, event: &Value) -> Record {
        let partner = PartnerId::parse(event["data"]["partner"].as_str().unwrap()).unwrap();
        let arrival = event["data"]["arrival"].as_str().unwrap();
        self.ledger.get(&partner, arrival).await.unwrap().unwrap()
    }

    /// Everything in the partner's folders but half-written files, by path.
    pub(crate) fn files(&self, partner: &str) -> BTreeMap<String, Vec<u8>> {
        let root = self.sshd.root(partner);
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                if path.is_dir() {
                    folders.push(path);
                } else if !name.contains("/.") && !name.starts_with('.') {
                    files.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        files
    }

    pub(crate) fn names(&self, partner: &str) -> Vec<String> {
        self.files(partner).into_keys().collect()
    }

    pub(crate) fn text(&self, partner: &str, path: Option<&String>) -> String {
        let path = self.sshd.root(partner).join(path.unwrap());
        std::fs::read_to_string(path).unwrap()
    }

    pub(crate) fn receipt(&self, partner: &str, record: &Record) -> Value {
        serde_json::from_str(&self.text(partner, record.results.receipt.as_ref())).unwrap()
    }

    pub(crate) async fn messages(&self, stream: &str, filter: &str) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event = serde_json::from_slice(&message.payload).unwrap();
            found.push((message.subject.to_string(), event));
        };
        tail::read(&self.client, stream, filter, 1, false, each).await.unwrap();
        found
    }

    /// Orders that were published, each of the same content however often.
    pub(crate) async fn orders(&self) -> BTreeMap<String, String> {
        let mut orders = BTreeMap::new();
        for (_, event) in self.messages(streams::INTAKE, "orders").await {
            let (id, text) = (event["id"].as_str().unwrap().to_owned(), event.to_string());
            let before = orders.insert(id, text.clone());
            assert!(before.is_none_or(|before| before == text), "{text}");
        }
        orders
    }

    /// Subjects of the events about files.
    pub(crate) async fn told(&self) -> BTreeSet<String> {
        let all = self.messages(streams::FILES, "files.transformed.>").await.into_iter();
        let all = all.chain(self.messages(streams::FILES, "files.failed.>").await);
        all.map(|(subject, _)| subject).collect()
    }
}

fn settings(
    nats: &testkit::nats::Server,
    sshd: &testkit::sshd::Server,
) -> Vec<(&'static str, String)> {
    let path = |name: &str| sshd.dir().join(name).display().to_string();
    vec![
        ("ORDERFLOW_NATS_URL", nats.url_of(file_transformer::NAME)),
        ("ORDERFLOW_PARTNERS", path("partners.yml")),
        ("ORDERFLOW_SECRETS_DIR", path("secrets")),
        ("ORDERFLOW_LEASE_SECONDS", "1".into()),
    ]
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn sample(path: &str) -> Vec<u8> {
    std::fs::read(repository().join("samples").join(path)).unwrap()
}

pub(crate) fn arrived(partner: &str, name: &str, size: usize) -> Value {
    arrived_at(partner, name, u64::try_from(size).unwrap(), MTIME)
}

/// The event of a file that was last changed at `mtime`.
pub(crate) fn arrived_at(partner: &str, name: &str, size: u64, mtime: u64) -> Value {
    let id = PartnerId::parse(partner).unwrap();
    let arrival = arrival::id(&id, &format!("inbox/{name}"), size, mtime);
    json!({"specversion": "1.0", "id": arrival, "source": "/functions/daily-checker",
        "type": arrival::ARRIVED, "subject": format!("files.arrived.{partner}.{arrival}"),
        "time": TIME, "partner": partner, "sequence": "1",
        "data": {"partner": partner, "name": name, "size": size, "mtime": mtime,
            "arrival": arrival}})
}

pub(crate) const US3_HEADER: &str =
    "order_id,product_id,quantity,price,timestamp,customer,region,category\n";

/// A good row of US3.
pub(crate) fn us3(order: &str, quantity: i64) -> String {
    format!("{order},P001,{quantity},1.50,2026-01-01 09:00:00,c1,east,toys\n")
}

/// Asks until `ready` says yes.
pub(crate) async fn eventually<T>(mut ready: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = ready().await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
