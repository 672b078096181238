//! The connector as a process.
#![cfg(test)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const START_MAX: Duration = Duration::from_secs(30);

fn connector() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_connector"));
    command.env_clear().stdout(Stdio::null());
    command
}

#[test]
fn wrong_settings_are_all_named_and_end_it_with_64() {
    let output = connector()
        .env("ORDERFLOW_GATEWAY_URL", "gateway:8080")
        .env("ORDERFLOW_SECRETS_DIR", "/nonexistent")
        .env("ORDERFLOW_PORT", "http")
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    for name in
        ["ORDERFLOW_NATS_URL", "ORDERFLOW_GATEWAY_URL", "secret connector-token", "ORDERFLOW_PORT"]
    {
        assert!(said.contains(&format!("\n{name}: ")), "{name} not in {said}");
    }
}

#[test]
fn it_makes_the_streams_when_it_is_asked_to() {
    let server = testkit::nats::Server::start();
    let setup = |replicas: &str| {
        let mut command = connector();
        command.arg("setup").env("ORDERFLOW_NATS_URL", server.url());
        command.env("ORDERFLOW_WAIT_SECONDS", "0").env("ORDERFLOW_REPLICAS", replicas);
        command.output().unwrap().status.code()
    };
    assert_eq!(setup("2"), Some(64), "there is no majority of two");
    // One server cannot keep three copies.
    assert_eq!(setup("3"), Some(69));
    assert_eq!(setup("1"), Some(0));
    assert_eq!(setup("1"), Some(0), "it may run again");
    let names = async {
        let nats = messaging::Nats::connect(&server.url(), "test", false).await.unwrap();
        nats.js.get_stream(messaging::streams::ORDERS).await.is_ok()
    };
    assert!(tokio::runtime::Runtime::new().unwrap().block_on(names));
    let unknown = connector().arg("set-up").stderr(Stdio::null()).status().unwrap();
    assert_eq!(unknown.code(), Some(2));
}

#[test]
fn setting_up_waits_for_a_nats_that_begins_later() {
    let server = testkit::nats::Server::start();
    server.kill();
    let mut command = connector();
    command.arg("setup").env("ORDERFLOW_NATS_URL", server.url()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let waits = |line: String| line.contains("not yet; trying again");
    assert!(log.by_ref().map(Result::unwrap).any(waits), "it gave up");
    server.restart();
    let rest: Vec<String> = log.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:#?}");
}

#[test]
fn setting_up_does_not_wait_where_it_is_refused() {
    let server = testkit::nats::Server::start();
    let setup = |url: &str, limits: &str| {
        let mut command = connector();
        command.arg("setup").env("ORDERFLOW_NATS_URL", url).env("ORDERFLOW_WAIT_SECONDS", "600");
        command.env("ORDERFLOW_LIMITS", limits).env("ORDERFLOW_REPLICAS", "1");
        let started = Instant::now();
        let output = command.stdout(Stdio::piped()).output().unwrap();
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(69), "{log}");
        assert!(started.elapsed() < START_MAX, "{log}");
        log
    };
    // All together exceed any disk; a server may still accept the first of them.
    let limits = ["FILES", "ORDERS", "INVOICES"].map(|name| format!("{name}:bytes=1000000GiB"));
    let log = setup(&server.url(), &limits.join(" "));
    for stream in ["ORDERS", "INVOICES"] {
        assert!(log.contains(&format!("✗ {stream}: ")), "{log}");
    }
    let path = server.dir().join("nats-server.conf");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config + "authorization { user: me, password: right }\n").unwrap();
    let reload = Command::new("kill").args(["-HUP", &server.pid().to_string()]).status();
    assert!(reload.unwrap().success());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let deadline = Instant::now() + START_MAX;
    while runtime.block_on(messaging::Nats::connect(&server.url(), "test", false)).is_ok() {
        assert!(Instant::now() < deadline, "it still lets everybody in");
    }
    let log = setup(&server.url().replace("nats://", "nats://me:wrong@"), "");
    assert!(log.contains("authorization violation"), "{log}");
}

#[test]
fn it_serves_health_and_metrics_and_ends_in_good_order_when_asked() {
    let server = testkit::nats::Server::start();
    let dir = tempfile::tempdir().unwrap();
    let listen = dir.path().join("listen.json");
    std::fs::write(dir.path().join("connector-token"), "secret").unwrap();
    let mut child = connector()
        .env("ORDERFLOW_NATS_URL", server.url())
        .env("ORDERFLOW_GATEWAY_URL", "http://127.0.0.1:1")
        .env("ORDERFLOW_SECRETS_DIR", dir.path())
        .env("ORDERFLOW_BIND", "127.0.0.1")
        .env("ORDERFLOW_PORT", "0")
        .env("ORDERFLOW_METRICS_PORT", "0")
        .env("ORDERFLOW_LISTEN_FILE", &listen)
        .spawn()
        .unwrap();
    let addresses = written(&listen);
    assert!(get(&addresses["traffic"], "/_/health").starts_with("HTTP/1.1 200"));
    // NATS connects after the server began to listen.
    let started = Instant::now();
    let ready = loop {
        let ready = get(&addresses["traffic"], "/_/ready");
        if !ready.contains("NATS is pending") || START_MAX < started.elapsed() {
            break ready;
        }
    };
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains("the gateway has not listed its functions"), "{ready}");
    assert!(get(&addresses["metrics"], "/metrics").contains("connector_annotation_problems 0"));
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn written(path: &Path) -> serde_json::Value {
    let deadline = Instant::now() + START_MAX;
    loop {
        if let Ok(text) = std::fs::read(path) {
            return serde_json::from_slice(&text).unwrap();
        }
        assert!(Instant::now() < deadline, "no listen file");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn get(address: &serde_json::Value, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address.as_str().unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
