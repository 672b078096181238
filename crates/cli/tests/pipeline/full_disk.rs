//! The disk under nats-server's store is full, and then it is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::disk::Disk;

use crate::again::{path_with, servers};
use crate::faults::{history, publish_on};
use crate::support::{Up, eventually};

const DISK_BYTES: u64 = 64 << 20;
/// From there being room until orders are confirmed.
const BACK_MAX: Duration = Duration::from_secs(30);

/// Sends an order of one piece: the status that is answered.
fn send(up: &Up, id: &str) -> u16 {
    let order = format!(r#"{{"order_id":"{id}","product_id":"P001","quantity":1,"price":1}}"#);
    up.send("POST", "/function/order-ingest", &order).0
}

/// On each server with a store on a small disk; as root.
fn on_each(test: impl Fn(&mut Up, &Disk, &str)) {
    for server in servers() {
        // Dropped last: nothing uses it any longer.
        let place = tempfile::tempdir().unwrap();
        let store = place.path().join("store");
        let Some(disk) = Disk::for_test(&store, DISK_BYTES) else { return };
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("data/nats")).unwrap();
        symlink(&store, dir.path().join("data/nats/store")).unwrap();
        let path = path_with(dir.path(), server.as_ref());
        test(&mut Up::start_on(dir, &path), &disk, &path);
    }
}

#[test]
fn up_goes_on_by_itself_when_there_is_room_again() {
    on_each(|up, disk, _| goes_on(up, disk));
}

#[test]
fn a_store_that_is_larger_than_what_is_free_takes_orders_after_a_restart() {
    on_each(|up, _, path| {
        // Nobody reads it: dead letters would fill the rest.
        let messages = vec![json!({"text": "x".repeat(512 << 10)}); 70];
        publish_on(up, "analytics.fill", &messages);
        up.end("-TERM");
        up.again_on(path);
        assert!(send(up, "AFTER") < 300);
    });
}

fn goes_on(up: &Up, disk: &Disk) {
    assert!(send(up, "BEFORE") < 300);
    let pid = up.pid_of("nats-server");
    disk.fill().unwrap();
    let (mut sent, mut taken) = (0, 1_u64);
    eventually("an order is refused", || {
        sent += 1;
        let status = send(up, &format!("FULL-{sent}"));
        taken += u64::from(status < 300);
        status == 503
    });
    eventually("it is said", || up.notes().contains("the disk of nats-server is full: "));
    assert_eq!(up.pid_of("nats-server"), pid, "without room a restart is of no use");

    disk.empty().unwrap();
    let room = Instant::now();
    eventually("orders are taken again", || send(up, "AFTER") < 300);
    let counts = up.json(&["wait", "--timeout", "60s"]);
    let took = room.elapsed();
    assert_eq!(up.json(&["orders", "get", "AFTER"])["status"], "confirmed");
    assert!(took < BACK_MAX, "{took:?}");
    let notes = up.notes();
    assert_eq!(notes.matches("starting nats-server again").count(), 1, "{notes}");
    assert!(taken < counts["placed"].as_u64().unwrap(), "{counts}");
    let verify = up.orderflow(&["journal", "verify"]);
    assert!(verify.status.success(), "{verify:?}");
    history(up);
}
