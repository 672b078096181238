//! What docs/OPERATIONS.md says of copies of the store, done.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use stack::catalogue::NAMES;

use crate::support::{Up, eventually, kill};

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn a_copy_of_the_stopped_servers_store_brings_everything_back() {
    let mut up = Up::start(&[]);
    let sent = up.json(&["simulate", "--yes", "--orders", "60", "--rate", "1000", "--seed", "1"]);
    assert_eq!(sent["orders"], 60);
    up.json(&["wait"]);
    let order = up.json(&["orders", "get", "ORD-1-1"]);
    let stock = up.json(&["stock", "get"]);
    up.end("-TERM");
    let (store, saved) = (up.dir.path().join("data/nats/store"), up.dir.path().join("saved"));
    copy(&store, &saved);

    // Another store: nothing of it is there any more.
    fs::remove_dir_all(&store).unwrap();
    up.again(&[]);
    assert_eq!(up.json(&["orders", "count"])["placed"], 0);
    up.end("-TERM");

    fs::remove_dir_all(&store).unwrap();
    copy(&saved, &store);
    up.again(&[]);
    assert_eq!(up.json(&["orders", "count"])["placed"], 60);
    assert_eq!(up.json(&["orders", "get", "ORD-1-1"]), order);
    assert_eq!(up.json(&["stock", "get"]), stock);
    assert!(up.orderflow(&["journal", "verify"]).status.success());

    // What came after the copy is gone. Whoever sends it again loses nothing, and what was there
    // already is not placed twice.
    up.json(&["simulate", "--yes", "--orders", "90", "--rate", "1000", "--seed", "1"]);
    assert_eq!(up.json(&["wait"])["placed"], 90);
    assert!(up.orderflow(&["stock", "verify"]).status.success());
    let doctor = up.orderflow(&["doctor"]);
    assert!(doctor.status.success(), "{doctor:?}");
}

/// Longer than a part believes what it saw of the store.
const LOOK_HOLDS: Duration = Duration::from_millis(1_500);

/// Stops the server in the middle of nothing, so that its files are whole.
fn while_stopped(up: &Up, work: impl FnOnce()) {
    kill("-STOP", up.pid_of("nats-server"));
    work();
    kill("-CONT", up.pid_of("nats-server"));
}

#[test]
fn an_older_copy_under_running_parts_is_noticed_by_all_of_them() {
    let mut up = Up::start(&["--processes"]);
    let (store, saved) = (up.dir.path().join("data/nats/store"), up.dir.path().join("saved"));
    let order = |id: &str| {
        let order = format!(r#"{{"order_id":"{id}","product":"P001","quantity":1,"price":1}}"#);
        up.send("POST", "/function/order-ingest", &order)
    };
    assert_eq!(order("1").0, 201);
    up.json(&["wait", "--timeout", "60s"]);
    while_stopped(&up, || copy(&store, &saved));
    for id in ["2", "3"] {
        assert_eq!(order(id).0, 201);
    }
    let deleted = up.send_as_admin("DELETE", "/function/inventory/products/P005", "");
    assert_eq!(deleted.0, 204, "{deleted:?}");
    up.json(&["wait", "--timeout", "60s"]);
    // Each part has looked since: a look holds for a second, and each asks for another one.
    let since = Instant::now();
    eventually("all have looked", || {
        let ready = |name: &&str| up.get(&format!("/function/{name}/_/ready")).0 == 200;
        NAMES.iter().all(ready) && since.elapsed() > LOOK_HOLDS
    });

    kill("-STOP", up.pid_of("nats-server"));
    fs::rename(&store, store.with_extension("newer")).unwrap();
    copy(&saved, &store);
    let before = up.pid_of("nats-server");
    kill("-KILL", before);
    eventually("it comes back with the older copy", || up.pid_of("nats-server") != before);
    for name in NAMES {
        let ready = || up.get(&format!("/function/{name}/_/ready"));
        eventually(name, || ready().1.contains("older copy"));
    }
    let (code, said) = order("4");
    assert_eq!(code, 503, "{said}");
    assert!(said.contains("an older copy of the store answers"), "{said}");
    let doctor = up.orderflow(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(1), "{said}");
    assert!(said.contains("✗ function order-ingest") && said.contains("older copy"), "{said}");

    // It is the right one all the same: restarted, they go on from there.
    up.end("-TERM");
    up.again(&["--processes"]);
    up.json(&["wait", "--timeout", "60s"]);
    assert_eq!(up.json(&["orders", "count"])["placed"], 1);
    for args in [["journal", "verify"], ["stock", "verify"]] {
        assert!(up.orderflow(&args).status.success(), "{args:?}");
    }
}

#[test]
fn an_installation_elsewhere_is_operated_from_a_folder_that_names_it() {
    let up = Up::start(&[]);
    up.json(&["simulate", "--yes", "--orders", "5", "--rate", "1000", "--seed", "1"]);
    up.json(&["wait"]);
    let run = up.run_file();
    let elsewhere = tempfile::tempdir().unwrap();
    let site = serde_json::json!({"gateway": run["gateway"], "nats": run["nats"]});
    let dir = elsewhere.path().join("data");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("site.json"), site.to_string()).unwrap();
    copy(&up.dir.path().join("data/secrets"), &dir.join("secrets"));
    for args in [&["orders", "get", "ORD-1-1"][..], &["stock", "get"], &["journal", "verify"]] {
        let output = crate::support::command(elsewhere.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
}
