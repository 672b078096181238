//! What docs/OPERATIONS.md says of copies of the store, done.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Up;

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
