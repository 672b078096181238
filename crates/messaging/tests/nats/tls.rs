//! TLS with nats-server. Roots are the system's, which only the environment of a process changes: each test
//! runs itself again in a process that trusts its authority.

use crate::{messages, read};
use messaging::{Nats, publish, streams};
use std::error::Error as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;
use testkit::nats::Server;
use testkit::tls::{self, Authority, Tls};
use tokio::time::timeout;

/// Set in a process that trusts the authority in this folder.
const TRUSTED: &str = "ORDERFLOW_TEST_TLS";
const NAMES: &[&str] = &["localhost", "127.0.0.1"];
const OTHER: &[&str] = &["nats.example"];

fn trusted() -> Option<PathBuf> {
    std::env::var_os(TRUSTED).map(PathBuf::from)
}

/// In a process that trusts an authority, how servers speak TLS; their clients may as well do without.
pub(crate) fn optional() -> Option<Tls> {
    Some(Tls { is_optional: true, ..tls::of_server(&trusted()?, NAMES) })
}

/// Runs the tests with `filter` in a process that trusts an authority, and says how many passed.
fn run_again(filter: &[&str]) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new("known", dir.path());
    for names in [NAMES, OTHER] {
        authority.server(names);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(filter).env("SSL_CERT_FILE", authority.file()).env(TRUSTED, dir.path());
    let output = command.env_remove("SSL_CERT_DIR").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let passed = said.lines().find_map(|line| line.strip_prefix("test result: ok. "));
    passed.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// The folder of the trusted authority; or the test has run in a process that has one.
fn in_trusting_process(test: &str) -> Option<PathBuf> {
    let trusted = trusted();
    if trusted.is_none() {
        assert_eq!(run_again(&["--exact", test]), 1, "{test}");
    }
    trusted
}

fn url(scheme: &str, host: &str, server: &Server) -> String {
    format!("{scheme}://{host}:{}", server.port())
}

/// Why there is no connection.
async fn refusal(url: &str) -> String {
    let connected = timeout(Duration::from_secs(20), Nats::connect(url, "test", false)).await;
    let error = connected.expect("it is refused at once").map(|_| ()).unwrap_err();
    format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
}

#[tokio::test]
async fn a_server_that_wants_tls_gets_it_and_is_reached_again_after_a_restart() {
    let name = "tls::a_server_that_wants_tls_gets_it_and_is_reached_again_after_a_restart";
    let Some(dir) = in_trusting_process(name) else { return };
    for binary in testkit::nats_servers() {
        let server = Server::with_tls(binary, Some(tls::of_server(&dir, NAMES)));
        for (scheme, host) in [("nats", "localhost"), ("tls", "localhost"), ("tls", "127.0.0.1")] {
            let url = url(scheme, host, &server);
            let nats = Nats::connect(&url, "test", false).await.unwrap();
            streams::setup(&nats, streams::Settings::default()).await;
            let sent = messages(host, 100);
            for result in publish::all(&nats, &sent, None).await {
                result.unwrap();
            }
            let connected = nats.link.connected();
            server.restart();
            timeout(Duration::from_secs(30), connected).await.expect("it is reached again");
            let found = read(&nats, streams::ANALYTICS, &format!("analytics.{host}.>")).await;
            assert!(sent.len() <= found.len(), "{url}: {}", found.len());
            assert_eq!(nats.client.statistics().connects.load(Ordering::Relaxed), 2, "{url}");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_refused_with_what_to_do() {
    let Some(dir) =
        in_trusting_process("tls::a_certificate_that_is_not_good_is_refused_with_what_to_do")
    else {
        return;
    };
    let unknown = tempfile::tempdir().unwrap();
    let of = |name: &str| {
        let dir = unknown.path().join(name);
        std::fs::create_dir(&dir).unwrap();
        Authority::new(name, dir).server(NAMES)
    };
    let no_ca = ["of a CA that is not known here", "SSL_CERT_FILE"];
    for (tls, what) in [
        (tls::of_server(&dir, OTHER), ["its certificate has other names", "nats.example"]),
        (of("unknown"), no_ca),
        // Another one of the same name.
        (of("known"), no_ca),
    ] {
        let server = Server::with_tls(testkit::nats_server_bin(), Some(tls));
        for scheme in ["nats", "tls"] {
            let said = refusal(&url(scheme, "localhost", &server)).await;
            assert!(what.iter().all(|what| said.contains(what)), "{scheme}: {said}");
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_where_the_url_says_tls() {
    let server = Server::start();
    let said = refusal(&url("tls", "me:secret@localhost", &server)).await;
    assert!(said.contains("it answers without TLS") && !said.contains("secret"), "{said}");
    Nats::connect(&url("nats", "localhost", &server), "test", false).await.unwrap();
}

#[test]
fn what_cannot_be_read_stops_nothing_over_tls() {
    assert!(run_again(&["unreadable::"]) > 5);
}
