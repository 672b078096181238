//! A journal that was restored from an older copy than the invoices.

use crate::support::{World, order, send, this_year};
use messaging::stored;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The folder of a stream in a server's store.
fn find(folder: &Path, stream: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).find_map(|path| match path.file_name()? == stream {
        true => Some(path),
        false => find(&path, stream),
    })
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Stops the server, does this to its files, and starts it again.
async fn restart(world: &World, meanwhile: impl FnOnce()) {
    let before = world.nats.client.server_info().server_id;
    world.server.stop();
    meanwhile();
    world.server.restart();
    let is_there = async || {
        world.nats.client.server_info().server_id != before
            && stored::at(&world.nats, "JOURNAL", 1).await.is_ok()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_there().await {
        assert!(Instant::now() < deadline, "the server does not answer");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_journal_older_than_the_invoices_gives_no_number_again() {
    let mut world = World::start().await;
    for number in 1..=2 {
        world.confirm(&order(&format!("A{number}"), 1, "12")).await;
    }
    world.bill().await;
    let journal = find(world.server.dir(), "JOURNAL").unwrap();
    let saved = world.folder.path().join("saved");
    restart(&world, || copy(&journal, &saved)).await;
    for number in 3..=5 {
        world.confirm(&order(&format!("A{number}"), 1, "12")).await;
    }
    world.bill().await;
    assert_eq!(world.numbers().await.len(), 5);
    restart(&world, || {
        fs::remove_dir_all(&journal).unwrap();
        copy(&saved, &journal);
    })
    .await;
    world.start_again().await;

    // What was invoiced is known by its facts. The next order would get a number of these.
    let sale = order("A6", 1, "12");
    world.confirm(&sale).await;
    for _ in 0..2 {
        let (status, body) = send(&world.router, world.batch(0).await).await;
        let detail = body["detail"].as_str().unwrap_or_default();
        let text = "A-main-2026-000003 is in the stream INVOICES, and the journal would give that number now: JOURNAL is an \
                    older copy than INVOICES.";
        assert!(status == 503 && detail.starts_with(text), "{status} {body}");
    }
    let command = serde_json::json!({"number": "A-main-2026-000001", "reason": "x"});
    assert_eq!(world.post("/invoices/credit", "k", command).await.0, 503);
    assert_eq!(world.numbers().await.len(), 5);

    // Without a newer copy, other numbers are the way on.
    world.configure("series-prefix: A", "series-prefix: B");
    world.start_again().await;
    world.bill().await;
    let balance = world.balance(&sale).await;
    assert_eq!(balance.invoice, Some(this_year("B-main-2026-000001")));
    assert_eq!(world.numbers().await.len(), 6);
    let chains = invoices::verify_chains(&world.nats, "invoices.issued.>").await.unwrap();
    assert_eq!(chains.problems, <[String; 0]>::default());
}
