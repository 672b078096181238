//! The journal on a real nats-server.
#![cfg(test)]

mod invoices;
mod journal;
mod journal_ages;
mod journal_operations;
mod journal_race;
mod journal_snapshots;

use messaging::streams::{self, Done};
use messaging::{Nats, tail};
use testkit::nats::Server;

async fn start() -> (Server, Nats) {
    let server = Server::start();
    let nats = connect(&server).await;
    for step in streams::setup(&nats, streams::Settings::default()).await {
        assert_eq!(step.outcome, Ok(Done::Made), "{}", step.name);
    }
    (server, nats)
}

async fn connect(server: &Server) -> Nats {
    Nats::connect(&server.url(), "test", false).await.unwrap()
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
