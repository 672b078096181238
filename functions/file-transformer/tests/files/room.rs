//! No room: on the partner's server, by its limits, and where the function keeps what it reads.

use crate::support::{US3_HEADER, World, eventually, us3};
use intake::ledger::State;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use testkit::disk::Disk;

const DISK_BYTES: u64 = 32 << 20;

/// A disk at `path`; only root can have one.
fn disk(path: &Path) -> Option<Disk> {
    let disk = Disk::mount(path, DISK_BYTES);
    disk.inspect_err(|error| eprintln!("not tested here: {error:#}")).ok()
}

/// Much more than fits where there is no room.
fn content() -> Vec<u8> {
    let orders = (0..20_000).map(|order| us3(&format!("o-{order}"), 1));
    (US3_HEADER.to_owned() + &orders.collect::<String>()).into_bytes()
}

/// The file waits with this reason and nothing of it is seen; with room again it is done.
async fn waits(world: &World, event: &Value, reason: &str, room: impl FnOnce()) {
    let said = world.call(std::slice::from_ref(event)).await;
    assert!(said[0].starts_with("(wait) ") && said[0].contains(reason), "{said:?}");
    assert_eq!(world.names("US3"), ["inbox/a.csv"], "nothing half-written is seen");
    assert!(world.orders().await.is_empty());
    room();
    eventually(async || world.call(std::slice::from_ref(event)).await.is_empty().then_some(()))
        .await;
    assert_eq!(world.record(event).await.state, State::Done);
    assert_eq!(world.orders().await.len(), 20_000);
    assert_eq!(world.names("US3").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_partners_server_is_waited_for() {
    let world = World::start().await;
    let root = world.sshd.root("US3");
    let Some(disk) = disk(&root) else { return };
    for folder in ["inbox", "depot", "archive", "quarantine"] {
        std::fs::create_dir(root.join(folder)).unwrap();
    }
    let event = world.put("US3", "a.csv", &content());
    disk.fill().unwrap();
    waits(&world, &event, "no space left on the server", || disk.empty().unwrap()).await;
    let depot = std::fs::read_dir(root.join("depot")).unwrap();
    assert_eq!(depot.count(), 3, "no leftovers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_partners_server_is_waited_for() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", &content());
    let server = world.sshd.pid().to_string();
    // Holds for the sessions that it starts from now on.
    let limit = |bytes: &str| {
        let fsize = format!("--fsize={bytes}:unlimited");
        assert!(
            Command::new("prlimit").args(["--pid", &server, &fsize]).status().unwrap().success()
        );
    };
    limit("100000");
    waits(&world, &event, "write depot/a.", || limit("unlimited")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_scratch_disk_is_waited_for() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(disk) = disk(scratch.path()) else { return };
    let mut world = World::start().await;
    let mut settings = world.settings();
    settings.push(("ORDERFLOW_SCRATCH_DIR", scratch.path().display().to_string()));
    world.router = file_transformer::build(&mut runtime::Env::from_pairs(settings))
        .await
        .unwrap()
        .into_router();
    let event = world.put("US3", "a.csv", &content());
    disk.fill().unwrap();
    waits(&world, &event, "temporary files cannot be written: ", || disk.empty().unwrap()).await;
    drop(world);
}
