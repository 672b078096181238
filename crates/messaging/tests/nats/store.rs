//! A store that comes back as another one, or as an older copy, under a process that runs.

use crate::{connect, start};
use messaging::Nats;
use messaging::store::{Fault, Store};
use messaging::streams::{self, FILES};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use testkit::nats::Server;

async fn publish(nats: &Nats, count: usize) {
    for n in 0..count {
        let stored = nats.js.publish(format!("files.arrived.US1.{n}"), "{}".into()).await.unwrap();
        stored.await.unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Kills the server, does this to its files, starts it again, and waits until the client is connected.
async fn restart(server: &Server, nats: &Nats, meanwhile: impl FnOnce(&Path)) {
    let before = nats.client.server_info().server_id;
    server.kill();
    meanwhile(&server.dir().join("store"));
    server.restart();
    while nats.ready().await.is_err() || nats.client.server_info().server_id == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until the server answers.
async fn checked(store: &Store) -> Result<(), Fault> {
    loop {
        match store.check().await {
            Err(Fault::Silent { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            other => return other.map(|_| ()),
        }
    }
}

fn save(dir: &Path) {
    copy(dir, &dir.with_extension("saved"));
}

fn restore(dir: &Path) {
    std::fs::remove_dir_all(dir).unwrap();
    std::fs::rename(dir.with_extension("saved"), dir).unwrap();
}

#[tokio::test]
async fn an_older_copy_is_noticed_also_when_it_has_grown_past_what_was_seen() {
    for grows in [0, 5] {
        let (server, nats) = start().await;
        let store = Store::new(nats.clone(), FILES);
        publish(&nats, 3).await;
        restart(&server, &nats, save).await;
        publish(&nats, 2).await;
        checked(&store).await.unwrap();

        restart(&server, &nats, restore).await;
        publish(&connect(&server).await, grows).await;
        let fault = checked(&store).await.unwrap_err();
        assert!(matches!(fault, Fault::Older { .. }), "{fault}");
        assert!(fault.to_string().contains("restart this process"), "{fault}");
    }
}

#[tokio::test]
async fn what_the_server_has_confirmed_must_be_there() {
    let (server, nats) = start().await;
    let store = Store::new(nats.clone(), FILES);
    restart(&server, &nats, save).await;
    checked(&store).await.unwrap();
    publish(&nats, 1).await;
    store.stored(1);
    restart(&server, &nats, restore).await;
    let fault = checked(&store).await.unwrap_err();
    assert!(matches!(fault, Fault::Older { .. }), "{fault}");
}

#[tokio::test]
async fn another_store_is_noticed_and_the_same_one_is_the_same() {
    let (server, nats) = start().await;
    let store = Store::new(nats.clone(), FILES);
    publish(&nats, 3).await;
    checked(&store).await.unwrap();
    for _ in 0..3 {
        restart(&server, &nats, |_| {}).await;
        checked(&store).await.unwrap();
        streams::setup(&nats, streams::Settings::default()).await;
        checked(&store).await.unwrap();
    }
    restart(&server, &nats, |dir| std::fs::remove_dir_all(dir).unwrap()).await;
    streams::setup(&nats, streams::Settings::default()).await;
    let fault = checked(&store).await.unwrap_err();
    assert!(matches!(fault, Fault::Other { .. }), "{fault}");
}
