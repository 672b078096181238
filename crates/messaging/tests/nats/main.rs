//! Set-up, publishing, buckets and reading on a real nats-server.
#![cfg(test)]

mod buckets;
mod cluster;
mod login;
mod publishing;
mod reading;
mod setup;
mod store;
mod tls;
mod unreadable;

use messaging::publish::Outgoing;
use messaging::streams::{self, Done};
use messaging::{Nats, tail};
use std::path::PathBuf;
use testkit::nats::Server;

async fn start() -> (Server, Nats) {
    start_on(testkit::nats_server_bin()).await
}

/// On the oldest server and on newer ones.
async fn start_each() -> Vec<(Server, Nats)> {
    let mut started = Vec::new();
    for binary in testkit::nats_servers() {
        started.push(start_on(binary).await);
    }
    started
}

async fn start_on(binary: Option<PathBuf>) -> (Server, Nats) {
    let server = Server::with_tls(binary, tls::optional());
    let nats = connect(&server).await;
    for step in streams::setup(&nats, streams::Settings::default()).await {
        assert_eq!(step.outcome, Ok(Done::Made), "{}", step.name);
    }
    (server, nats)
}

/// Over TLS in a process that trusts the servers' certificates.
async fn connect(server: &Server) -> Nats {
    let url = match tls::optional() {
        Some(_) => server.url().replace("nats://", "tls://"),
        None => server.url(),
    };
    Nats::connect(&url, "test", false).await.unwrap()
}

/// `count` messages, each on a subject of its own.
fn messages(name: &str, count: usize) -> Vec<Outgoing> {
    let message = |n: usize| Outgoing::new(format!("analytics.{name}.{n}"), n.to_string().into());
    (0..count).map(message).collect()
}

/// Subjects and payloads under `filter`.
async fn read(nats: &Nats, stream: &str, filter: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let payload = String::from_utf8(message.payload.to_vec()).unwrap();
        found.push((message.subject.to_string(), payload));
    };
    tail::read(nats, stream, filter, 1, false, each).await.unwrap();
    found
}

#[tokio::test]
async fn setup_makes_everything_once() {
    let (_server, nats) = start().await;
    let again = streams::setup(&nats, streams::Settings::default()).await;
    assert_eq!(again.len(), streams::STREAMS.len() + streams::BUCKETS.len());
    for step in again {
        assert_eq!(step.outcome, Ok(Done::Present), "{}", step.name);
    }
}

#[tokio::test]
async fn setup_says_what_could_not_be_made() {
    let server = Server::start();
    let nats = connect(&server).await;
    let other = async_nats::jetstream::stream::Config {
        name: "OTHER".into(),
        subjects: vec!["orders.>".into()],
        ..Default::default()
    };
    nats.js.create_stream(other).await.unwrap();
    let steps = streams::setup(&nats, streams::Settings::default()).await;
    let failed: Vec<_> = steps.iter().filter(|step| step.outcome.is_err()).collect();
    assert_eq!(failed.len(), 1);
    let line = failed[0].to_string();
    assert!(line.starts_with("✗ ORDERS: ") && line.contains("overlap"), "{line}");
}
