//! Servers, a running function, and a small HTTP client.

use domain::PartnerId;
use messaging::{Nats, streams};
use runtime::{Env, Server, ServerSettings};
use serde_json::Value;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const READ: &str = "reader";
pub(crate) const ADMIN: &str = "let-me-in";

pub(crate) struct World {
    pub(crate) nats: testkit::nats::Server,
    pub(crate) sshd: testkit::sshd::Server,
    pub(crate) client: Nats,
}

/// A partner's configuration, with differences from a good one.
#[derive(Clone)]
pub(crate) struct Partner {
    pub(crate) name: &'static str,
    pub(crate) host_key: String,
    pub(crate) key: String,
    pub(crate) port: u16,
    pub(crate) inbox: &'static str,
    /// Another setting.
    pub(crate) more: &'static str,
}

impl World {
    pub(crate) async fn start(partners: &[&str]) -> Self {
        let nats = testkit::nats::Server::with_rights(daily_checker::NAME, &daily_checker::RIGHTS);
        let sshd = testkit::sshd::Server::start(partners);
        let client = Nats::connect(&nats.url(), "test", false).await.unwrap();
        for step in streams::setup(&client, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        Self { nats, sshd, client }
    }

    pub(crate) fn partner(&self, name: &'static str) -> Partner {
        Partner {
            name,
            host_key: self.sshd.host_key(),
            key: self.sshd.private_key(name),
            port: self.sshd.port(),
            inbox: "{min-age-seconds: 1}",
            more: "stock: enforce",
        }
    }

    pub(crate) fn inbox(&self, partner: &str) -> PathBuf {
        self.sshd.root(partner).join("inbox")
    }

    /// Serves the function until the test ends.
    pub(crate) async fn serve(&self, partners: &[Partner]) -> SocketAddr {
        let mut yaml = "partners:\n  LATER: {currency: EUR}\n".to_owned();
        for Partner { name, host_key, port, inbox, more, .. } in partners {
            let user = self.sshd.user();
            writeln!(
                yaml,
                "  {name}:\n    currency: EUR\n    {more}\n    inbox: {inbox}\n    sftp: {{host: 127.0.0.1, \
                 port: {port}, user: {user}, host-key: {host_key}, private-key-secret: {name}-key}}\n    \
                 file: {{columns: {{order-id: A, product-id: B, quantity: C, unit-price: D, \
                 ordered-at: E}}}}"
            )
            .unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), yaml).unwrap();
        let mut env = Env::from_pairs([
            ("ORDERFLOW_NATS_URL", self.nats.url_of(daily_checker::NAME)),
            ("ORDERFLOW_PARTNERS", file.path().display().to_string()),
        ])
        .with_secret("api-token-read", READ)
        .with_secret("api-token-admin", ADMIN);
        for Partner { name, key, .. } in partners {
            env = env.with_secret(&format!("{name}-key"), key);
        }
        let function = daily_checker::build(&mut env).await.unwrap();
        let server = Server::bind(function, ServerSettings::ephemeral()).await.unwrap();
        let address = server.traffic_addr();
        tokio::spawn(server.serve(std::future::pending()));
        address
    }

    /// The events that are stored in the stream.
    pub(crate) async fn events(&self) -> Vec<Value> {
        let mut events = Vec::new();
        let read = messaging::tail::read(&self.client, "FILES", "files.arrived.>", 1, false, |m| {
            events.push(serde_json::from_slice(&m.payload).unwrap());
        });
        read.await.unwrap();
        events
    }
}

/// Writes a file whose modification time is a minute ago.
pub(crate) fn old_file(path: PathBuf, content: &str) {
    std::fs::write(&path, content).unwrap();
    let minute = std::time::Duration::from_secs(60);
    let then = std::time::SystemTime::now() - minute;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_times(std::fs::FileTimes::new().set_modified(then)).unwrap();
}

pub(crate) async fn request(address: SocketAddr, line: &str, token: Option<&str>) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

/// Runs a check that begins now.
pub(crate) async fn check(address: SocketAddr) -> Value {
    let (status, body) = request(address, "POST /", Some(ADMIN)).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// `US1 a.csv new; US1 b.tmp: reason; US2: error` and so on.
pub(crate) fn summary(body: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut lines = Vec::new();
    for partner in body["partners"].as_array().unwrap() {
        let name = text(&partner["partner"]);
        PartnerId::parse(&name).unwrap();
        for found in partner["found"].as_array().unwrap() {
            lines.push(format!("{name} {} {}", text(&found["name"]), text(&found["state"])));
        }
        for skipped in partner["skipped"].as_array().unwrap() {
            lines.push(format!("{name} {}: {}", text(&skipped["name"]), text(&skipped["reason"])));
        }
        if let Some(error) = partner["error"].as_str() {
            lines.push(format!("{name}: {error}"));
        }
    }
    lines
}
