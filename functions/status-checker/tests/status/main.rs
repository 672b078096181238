//! What is said about depots and files, on real servers.
#![cfg(test)]

mod orders;
mod returns;
mod shipments;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chrono::DateTime;
use domain::PartnerId;
use http_body_util::BodyExt as _;
use intake::ledger::{Counts, Outcome, Record, Results, State};
use messaging::kv::Bucket;
use messaging::publish::{self, Outgoing};
use messaging::{Nats, streams};
use runtime::{Env, ServerSettings};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::sshd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

struct World {
    nats: Arc<testkit::nats::Server>,
    client: Nats,
    router: Router,
}

impl World {
    /// With one partner on each of `servers`.
    async fn start(servers: &[(&str, &sshd::Server)]) -> Self {
        Self::start_with(servers, &[]).await
    }

    /// The same with further settings.
    async fn start_with(servers: &[(&str, &sshd::Server)], settings: &[(&str, &str)]) -> Self {
        let nats =
            testkit::nats::Server::with_rights(status_checker::NAME, &status_checker::RIGHTS);
        let client = Nats::connect(&nats.url(), "test", false).await.unwrap();
        for step in streams::setup(&client, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let mut yaml = "partners:\n  DROPS_NOTHING: {currency: EUR}\n".to_owned();
        for (name, server) in servers {
            let (port, user, key) = (server.port(), server.user(), server.host_key());
            writeln!(
                yaml,
                "  {name}:\n    currency: EUR\n    sftp: {{host: 127.0.0.1, port: {port}, \
                 user: {user}, host-key: {key}, private-key-secret: {name}-key}}\n    \
                 file: {{columns: {{order-id: A, product-id: B, quantity: C, unit-price: D, \
                 ordered-at: E}}}}"
            )
            .unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), yaml).unwrap();
        let own = [
            ("ORDERFLOW_NATS_URL", nats.url_of(status_checker::NAME)),
            ("ORDERFLOW_PARTNERS", file.path().display().to_string()),
        ];
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut env =
            Env::from_pairs(own.into_iter().chain(settings)).with_secret("api-token-read", "read");
        for (name, server) in servers {
            env = env.with_secret(&format!("{name}-key"), &server.private_key(name));
        }
        let router = status_checker::build(&mut env).await.unwrap().into_router();
        Self { nats: Arc::new(nats), client, router }
    }

    /// Another process on the same streams, without partners.
    async fn again(&self) -> Self {
        self.again_with(&[]).await
    }

    /// The same with further settings.
    async fn again_with(&self, settings: &[(&str, &str)]) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "partners: {}\n").unwrap();
        let own = [
            ("ORDERFLOW_NATS_URL", self.nats.url_of(status_checker::NAME)),
            ("ORDERFLOW_PARTNERS", file.path().display().to_string()),
        ];
        let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut env =
            Env::from_pairs(own.into_iter().chain(settings)).with_secret("api-token-read", "read");
        let router = status_checker::build(&mut env).await.unwrap().into_router();
        Self { nats: Arc::clone(&self.nats), client: self.client.clone(), router }
    }

    async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn status(&self, path: &str) -> Value {
        let (status, body) = self.get(path, "read").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn write_down(&self, record: Record) {
        let bucket = Bucket::<Record>::open(&self.client, streams::FILES_LEDGER).await.unwrap();
        let key = format!("{}.{}", record.partner, record.arrival);
        assert!(bucket.create(&key, &record).await.unwrap().is_some());
    }

    async fn publish(&self, subject: &str, file: &str) {
        // As order-ingest marks what it places: other messages there are no orders.
        let message = Outgoing::new(subject.into(), "{}".into())
            .header("Orderflow-File", &sha(file))
            .header(messaging::header::ATTEMPT, "1")
            .header(messaging::header::DECISION_SEQUENCE, "1");
        publish::one(&self.client, &message, None).await.unwrap();
    }
}

#[tokio::test]
async fn it_starts_before_nats_does() {
    let partners = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(partners.path(), "partners: {}\n").unwrap();
    let partners = partners.path().display().to_string();
    // Nothing listens there.
    let nats = "nats://127.0.0.1:1".to_owned();
    let mut env = Env::from_pairs([("ORDERFLOW_NATS_URL", nats), ("ORDERFLOW_PARTNERS", partners)])
        .with_secret("api-token-read", "read");
    status_checker::build(&mut env).await.unwrap();
}

/// The SHA-256 of a file.
fn sha(name: &str) -> String {
    name.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect()
}

fn record(arrival: &str, partner: &str, state: State, outcome: Option<Outcome>) -> Record {
    let partner = PartnerId::parse(partner).unwrap();
    let name = format!("{arrival}.csv");
    let at = DateTime::from_timestamp(1_000_000, 0).unwrap();
    let counts = Counts { rows: 5, accepted: 4, rejected: 1, orders: 3 };
    let sha256 = Some(sha("sha"));
    let new = Record::new(arrival.into(), partner, name, 10, 20, at);
    Record { state, outcome, counts, sha256, ..new }
}

#[tokio::test(flavor = "multi_thread")]
async fn depots_and_inboxes_are_counted_as_they_are() {
    let server = sshd::Server::start(&["US1", "US2"]);
    let world = World::start(&[("US1", &server), ("US2", &server)]).await;
    let root = server.root("US1");
    for name in ["a.output.csv", "a.receipt.json", ".b.csv.1-2-3.part"] {
        std::fs::write(root.join("depot").join(name), "1234").unwrap();
    }
    std::fs::create_dir(root.join("depot/folder")).unwrap();
    std::fs::write(root.join("inbox/new ü.csv"), "12").unwrap();
    std::fs::remove_dir(server.root("US2").join("depot")).unwrap();
    let body = world.status("/").await;
    assert_eq!((&body["count"], &body["files"]), (&json!(2), &json!([])));
    let depots = body["depots"].as_array().unwrap();
    assert_eq!(depots.len(), 2);
    assert_eq!((&depots[0]["partner"], &depots[0]["count"]), (&json!("US1"), &json!(2)));
    let mut names: Vec<_> =
        depots[0]["files"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    names.sort_by_key(|name| name.as_str());
    assert_eq!(names, ["a.output.csv", "a.receipt.json"]);
    let inbox = &depots[0]["inbox"][0];
    assert_eq!((&inbox["name"], &inbox["size"]), (&json!("new ü.csv"), &json!(2)));
    assert!(DateTime::parse_from_rfc3339(inbox["modified"].as_str().unwrap()).is_ok());
    let empty = json!({"partner": "US2", "count": 0, "files": [], "inbox": [], "error": null});
    assert_eq!(depots[1], empty);
    assert_eq!(world.status("/?partner=US2").await["depots"], json!([empty]));
    assert_eq!(world.status("/?depots=false").await["depots"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_named_and_hides_nobody() {
    let servers = [sshd::Server::start(&["US1"]), sshd::Server::start(&["US2"])];
    let world = World::start(&[("US1", &servers[0]), ("US2", &servers[1])]).await;
    std::fs::write(servers[1].root("US2").join("depot/a.csv"), "1").unwrap();
    servers[0].kill();
    world.write_down(record("a1", "US1", State::Claimed, None)).await;
    let body = world.status("/").await;
    assert_eq!((&body["count"], &body["depots"][1]["count"]), (&json!(1), &json!(1)));
    let error = body["depots"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("cannot reach 127.0.0.1:"), "{error}");
    assert_eq!(body["files"][0]["name"], "a1.csv");
    servers[0].restart();
    assert_eq!(world.status("/").await["depots"][0]["error"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_show_what_became_of_their_orders() {
    let world = World::start(&[]).await;
    let done = Record {
        results: Results { output: Some("depot/x.output.csv".into()), ..Results::default() },
        ..record("a1", "US1", State::Done, Some(Outcome::Accepted))
    };
    world.write_down(done).await;
    let same = Outcome::Duplicate { of: "a1".into() };
    world.write_down(record("a2", "US1", State::Duplicate, Some(same))).await;
    let refused = Outcome::Refused { reason: "no header".into() };
    let refused = record("a3", "US2", State::Refused, Some(refused));
    world.write_down(Record { sha256: None, ..refused }).await;
    for (subject, file) in [
        ("placed.main.US1.1", "sha"),
        ("placed.main.US1.2", "sha"),
        ("placed.main.US1.3", "sha"),
        ("placed.main.US1.4", "other"),
        ("confirmed.main.US1.1", "sha"),
        ("refused.main.US1.2", "sha"),
    ] {
        world.publish(&format!("orders.{subject}"), file).await;
    }
    let numbers = |file: &Value| {
        ["orders", "placed", "confirmed", "refused", "pending"]
            .map(|name| file[name].as_u64().unwrap())
    };
    let body = world.status("/").await;
    let files = body["files"].as_array().unwrap();
    let names: Vec<_> = files.iter().map(|file| (&file["arrival"], &file["state"])).collect();
    assert_eq!(
        names,
        [
            (&json!("a1"), &json!("done")),
            (&json!("a2"), &json!("duplicate")),
            (&json!("a3"), &json!("refused"))
        ]
    );
    assert_eq!(numbers(&files[0]), [3, 3, 1, 1, 1]);
    assert_eq!(
        (&files[0]["results"], &files[0]["rows"]),
        (&json!(["depot/x.output.csv"]), &json!(5))
    );
    assert_eq!(numbers(&files[1]), [3, 0, 0, 0, 0]);
    assert_eq!(files[1]["reason"], "the same content came as a1");
    assert_eq!(files[2]["reason"], "no header");

    // The next call reads on.
    world.publish("orders.confirmed.main.US1.3", "sha").await;
    let body = world.status("/?partner=US1").await;
    let files = body["files"].as_array().unwrap();
    assert_eq!((files.len(), numbers(&files[0])), (2, [3, 3, 2, 1, 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_readers_come_in_and_without_nats_there_is_no_status() {
    let world = World::start(&[]).await;
    assert_eq!(world.get("/", "guess").await.0, 401);
    assert_eq!(world.get("/?partner=a.b", "read").await.0, 400);
    world.publish("orders.placed.main.US1.1", "sha").await;
    world.write_down(record("a1", "US1", State::Done, Some(Outcome::Accepted))).await;
    assert_eq!(world.status("/").await["files"][0]["placed"], 1);
    world.nats.kill();
    let (status, body) = world.get("/", "read").await;
    assert_eq!((status, &body["detail"]), (503, &json!("NATS does not answer")));
    world.nats.restart();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let body = loop {
        let (status, body) = world.get("/", "read").await;
        if status == 200 {
            break body;
        }
        assert!(std::time::Instant::now() < deadline, "{body}");
    };
    assert_eq!(body["files"][0]["placed"], 1);
}

/// What is waited for does not come: the answer comes when the function is asked to end.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_asked_to_end_answers_those_who_wait() {
    let world = World::start(&[]).await;
    world.publish("orders.placed.main.US1.1", "f").await;
    let partners = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(partners.path(), "partners: {}\n").unwrap();
    let partners = partners.path().display().to_string();
    let own = [
        ("ORDERFLOW_NATS_URL", world.nats.url_of(status_checker::NAME)),
        ("ORDERFLOW_PARTNERS", partners),
    ];
    let mut env = Env::from_pairs(own).with_secret("api-token-read", "read");
    let function = status_checker::build(&mut env).await.unwrap();
    let grace = Duration::from_secs(600);
    let settings = ServerSettings { grace, ..ServerSettings::ephemeral() };
    let server = runtime::Server::bind(function, settings).await.unwrap();
    let address = server.traffic_addr();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(ended.await) }));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = "GET /orders/US1/1?wait=60s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer read\r\n\
                   Connection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let began = Instant::now();
    end.send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"pending\""), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    serving.abort();
}
