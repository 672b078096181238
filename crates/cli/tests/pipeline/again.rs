//! One data folder, started again and again: stopped, killed, on a newer nats-server, from a copy.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::Up;

/// Servers that the store is moved through, oldest first: those that `ORDERFLOW_TEST_NATS_SERVERS` names,
/// separated by colons, behind the installed one.
pub(crate) fn servers() -> Vec<Option<PathBuf>> {
    let more = std::env::var_os("ORDERFLOW_TEST_NATS_SERVERS").unwrap_or_default();
    let more = std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty());
    [None].into_iter().chain(more.map(Some)).collect()
}

/// The PATH on which `server` is `nats-server`.
pub(crate) fn path_with(dir: &Path, server: Option<&PathBuf>) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default().into_string().unwrap();
    let Some(server) = server else { return path };
    let bin = dir.join("bin").join(server.to_string_lossy().replace('/', "_"));
    fs::create_dir_all(&bin).unwrap();
    // It is there from an earlier round.
    drop(symlink(server, bin.join("nats-server")));
    format!("{}:{path}", bin.display())
}

/// Places an order of one piece and waits until it is decided. What is available then.
fn decide(up: &Up, round: usize) -> i64 {
    let order = format!(r#"{{"order_id":"R{round}","product_id":"P001","quantity":1,"price":1}}"#);
    let (status, said) = up.send("POST", "/function/order-ingest", &order);
    assert!(status < 300, "{status} {said}");
    let counts = up.json(&["wait", "--timeout", "60s"]);
    assert_eq!(counts["pending"], 0, "{counts}");
    assert_eq!(up.json(&["orders", "get", &format!("R{round}")])["status"], "confirmed");
    available(up)
}

fn available(up: &Up) -> i64 {
    let stock: Value = up.json(&["stock", "get", "P001"]);
    stock["products"]["P001"]["available"].as_i64().unwrap()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn ten_starts_on_one_folder_each_decide_and_nothing_is_decided_twice() {
    let mut up = Up::start(&[]);
    let first = decide(&up, 0);
    let dir = up.dir.path().to_owned();
    let (store, saved) = (dir.join("data/nats/store"), dir.join("saved"));
    let servers = servers();
    let mut copied_at = 0;
    for round in 1..=10 {
        // Every third time without a word to anybody.
        up.end(if round % 3 == 0 { "-KILL" } else { "-TERM" });
        if round == 5 {
            copied_at = decided(&mut up, &dir, &servers, round, first);
            up.end("-TERM");
            copy(&store, &saved);
        }
        decided(&mut up, &dir, &servers, round, first);
        let verify = up.orderflow(&["stock", "verify"]);
        assert!(verify.status.success(), "{round}: {verify:?}");
    }
    // The copy is older than what came after it, and goes on where it was.
    up.end("-TERM");
    fs::remove_dir_all(&store).unwrap();
    copy(&saved, &store);
    up.again_on(&path_with(&dir, servers.last().unwrap().as_ref()));
    assert_eq!(available(&up), copied_at);
    assert_eq!(decide(&up, 99), copied_at - 1);
}

/// Starts on the server whose turn it is, and places one more order: what is available afterwards.
fn decided(up: &mut Up, dir: &Path, servers: &[Option<PathBuf>], round: usize, first: i64) -> i64 {
    // Never back to an older one.
    let turn = (round - 1) * servers.len() / 10;
    up.again_on(&path_with(dir, servers.get(turn).and_then(Option::as_ref)));
    // An order that is sent again changes nothing.
    let available = decide(up, round);
    assert_eq!(available, first - i64::try_from(round).unwrap(), "round {round}");
    available
}

/// Six orders of one piece of P001 were confirmed; three more were placed on the third start, on which
/// that version took its own stream for another one and decided nothing. Nothing in it expires.
#[test]
fn a_store_of_version_0_1_0_goes_on_where_that_version_stood_still() {
    let mut up = Up::start(&[]);
    up.end("-TERM");
    let nats = up.dir.path().join("data/nats");
    fs::remove_dir_all(nats.join("store")).unwrap();
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pipeline/stores/0.1.0.tar.gz");
    let unpacked = Command::new("tar").arg("-xzf").arg(old).arg("-C").arg(&nats).status();
    assert!(unpacked.unwrap().success());
    for left in [41, 40] {
        up.again(&[]);
        let counts = up.json(&["wait", "--timeout", "60s"]);
        assert_eq!((&counts["pending"], &counts["confirmed"]), (&0.into(), &(50 - left).into()));
        assert_eq!(up.json(&["orders", "get", "O3-3"])["status"], "confirmed");
        assert_eq!(available(&up), left);
        for verify in [["stock", "verify"], ["journal", "verify"]] {
            let said = up.orderflow(&verify);
            assert!(said.status.success(), "{said:?}");
        }
        assert_eq!(decide(&up, 1), 40, "the same order again moves nothing");
        up.end("-TERM");
    }
}
