//! A function as a process, with real signals.

#![cfg(test)]

mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use support::{Client, PATIENCE, until};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The example `hello`; cargo builds it together with the tests.
fn hello() -> Command {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(|deps| deps.parent()).unwrap();
    let mut command = Command::new(target.join("examples/hello"));
    command.env_clear().kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Process {
    child: Child,
    addr: SocketAddr,
    _dir: TempDir,
}

impl Process {
    async fn start(pairs: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("api-token-read"), "r-token\n").unwrap();
        std::fs::write(dir.path().join("api-token-admin"), "a-token\n").unwrap();
        let listen: PathBuf = dir.path().join("listen.json");
        let child = hello()
            .env("ORDERFLOW_PORT", "0")
            .env("ORDERFLOW_METRICS_PORT", "0")
            .env("ORDERFLOW_BIND", "127.0.0.1")
            .env("ORDERFLOW_LISTEN_FILE", &listen)
            .env("ORDERFLOW_SECRETS_DIR", dir.path())
            .env("ORDERFLOW_GREETING", "hello")
            .envs(pairs.iter().copied())
            .spawn()
            .expect("the example hello is built by `cargo test`");
        until("the listen file is there", async || listen.exists()).await;
        let text = std::fs::read_to_string(&listen).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["pid"], child.id().unwrap());
        let addr = json["traffic"].as_str().unwrap().parse().unwrap();
        Self { child, addr, _dir: dir }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    async fn get(&self, path: &str) -> support::Reply {
        let text =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer r-token\r\n\r\n");
        support::request(self.addr, &text).await
    }

    async fn ended(self) -> Output {
        timeout(PATIENCE, self.child.wait_with_output()).await.expect("ends in time").unwrap()
    }
}

fn log_lines(output: &Output) -> Vec<serde_json::Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[tokio::test]
async fn sigterm_loses_no_request() {
    let process =
        Process::start(&[("ORDERFLOW_GRACE_SECONDS", "2"), ("ORDERFLOW_WORK_SECONDS", "3")]).await;
    assert_eq!(process.get("/_/health").await.status, 200);
    let mut in_flight = Client::connect(process.addr).await;
    let head = "GET /slow?secret=1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer r-token\r\n";
    in_flight.send(format!("{head}x-call-id: slow-1\r\n\r\n")).await;
    process.signal("TERM");
    until("health says no", async || process.get("/_/health").await.status == 503).await;
    assert_eq!(process.get("/").await.body, "hello", "a late request");
    let reply = in_flight.reply().await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "worked\n"));

    let output = process.ended().await;
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.contains("token") && !text.contains("secret"), "{text}");
    let lines = log_lines(&output);
    let line = lines.iter().find(|line| line["call_id"] == "slow-1").expect("its line");
    assert_eq!((&line["path"], &line["status"]), (&"/slow".into(), &200.into()));
    assert_eq!((&line["method"], &line["function"]), (&"GET".into(), &"hello".into()));
    let own = lines.iter().find(|line| line["message"] == "working").expect("the handler's line");
    assert_eq!(own["span"]["call_id"], "slow-1");
    assert!(line["duration_seconds"].as_f64().unwrap() >= 3.0);
}

#[tokio::test]
async fn readiness_is_logged_only_when_it_changes() {
    let process = Process::start(&[("ORDERFLOW_GRACE_SECONDS", "0")]).await;
    for _ in 0..3 {
        assert_eq!(process.get("/_/ready").await.status, 200);
    }
    process.signal("TERM");
    let lines = log_lines(&process.ended().await);
    let ready = lines.iter().filter(|line| line.to_string().contains("ready"));
    let ready: Vec<_> = ready.map(|line| &line["message"]).collect();
    assert_eq!(ready, ["ready"], "{lines:#?}");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let process = Process::start(&[("ORDERFLOW_GRACE_SECONDS", "600")]).await;
    process.signal("INT");
    until("health says no", async || process.get("/_/health").await.status == 503).await;
    process.signal("INT");
    assert_eq!(process.ended().await.status.code(), Some(130));
}

#[tokio::test]
async fn all_bad_settings_are_named_and_no_port_is_bound() {
    let dir = tempfile::tempdir().unwrap();
    let listen = dir.path().join("listen.json");
    let run = hello()
        .env("ORDERFLOW_PORT", "eighty")
        .env("ORDERFLOW_IN_FLIGHT_MAX", "0")
        .env("ORDERFLOW_GRACE_SECONDS", "-1")
        .env("ORDERFLOW_LOG", "info,=")
        .env("ORDERFLOW_SECRETS_DIR", dir.path())
        .env("ORDERFLOW_LISTEN_FILE", &listen)
        .output();
    let output = timeout(PATIENCE, run).await.expect("ends in time").unwrap();
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    for name in [
        "ORDERFLOW_PORT: \"eighty\": invalid digit found in string\n",
        "ORDERFLOW_IN_FLIGHT_MAX: \"0\": ",
        "ORDERFLOW_GRACE_SECONDS: -1: ",
        "ORDERFLOW_LOG: ",
        "ORDERFLOW_GREETING: not set\n",
        "secret api-token-read: no such file in ",
        "secret api-token-admin: no such file in ",
    ] {
        assert!(text.contains(name), "{name} not in {text}");
    }
    assert!(!listen.exists());
}

/// A generous limit: it only shows that memory did not grow out of proportion.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn an_idle_function_is_small() {
    let process = Process::start(&[("ORDERFLOW_GRACE_SECONDS", "0")]).await;
    assert_eq!(process.get("/").await.status, 200);
    let status = format!("/proc/{}/status", process.child.id().unwrap());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kibibytes <= 12 * 1024, "{kibibytes} KiB resident");
    process.signal("TERM");
    assert_eq!(process.ended().await.status.code(), Some(0));
}
