//! `orderflow up` with everything that it starts, and the commands that look into it.

use std::fs;

use serde_json::Value;
use stack::catalogue::NAMES;

use crate::support::{Up, command, eventually, group_of, is_gone, kill};

#[test]
fn everything_starts_answers_and_ends_on_sigterm() {
    let mut up = Up::start(&[]);
    let (status, list) = up.get("/system/functions");
    let list: Vec<Value> = serde_json::from_str(&list).unwrap();
    let names: Vec<&str> = list.iter().map(|function| function["name"].as_str().unwrap()).collect();
    assert_eq!((status, names.as_slice()), (200, NAMES.as_slice()));
    assert!(list.iter().all(|function| function["availableReplicas"] == 1));
    for name in NAMES {
        assert_eq!(up.get(&format!("/function/{name}/_/health")).0, 200, "{name}");
    }
    let second = up.orderflow(&["up", "--port", "0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("runs already"));

    let mut pids = up.pids();
    pids.retain(|pid| *pid != i64::from(up.child.id()));
    assert_eq!(pids.len(), 2, "nats-server and sshd are the only children");
    let alone = pids.iter().all(|pid| group_of(*pid) == *pid);
    assert!(alone, "Ctrl-C reaches only up, which ends them in order");
    up.end("-TERM");
    assert!(up.child.wait().unwrap().success());
    assert!(pids.into_iter().all(is_gone));
    assert!(!up.dir.path().join("data/run.json").exists());
}

#[test]
fn orders_are_decided_and_can_be_looked_at() {
    let up = Up::start(&[]);
    let sent = up.json(&["simulate", "--yes", "--orders", "40", "--rate", "1000", "--seed", "1"]);
    assert_eq!(sent["orders"], 40);
    let counts = up.json(&["wait", "--timeout", "60s"]);
    assert_eq!((counts["placed"].as_u64(), counts["pending"].as_u64()), (Some(40), Some(0)));
    assert_eq!(up.json(&["orders", "count"])["sales"], 40);
    let order = up.json(&["orders", "get", "ORD-1-1"]);
    assert_eq!(order["order"]["order_id"], "ORD-1-1");
    assert_ne!(order["status"], "pending");
    assert_eq!(
        up.json(&["orders", "list", "--since", "2100-01-01T00:00:00Z"])["orders"],
        serde_json::json!([])
    );
    let page = up.json(&["orders", "list", "--limit", "30", "--since", "2h"]);
    assert_eq!(page["orders"].as_array().unwrap().len(), 30);
    let next = page["next"].to_string();
    let page = up.json(&["orders", "list", "--limit", "30", "--cursor", &next]);
    assert_eq!((page["orders"].as_array().unwrap().len(), &page["next"]), (10, &Value::Null));

    up.json(&["stock", "set", "P001", "77"]);
    assert_eq!(up.json(&["stock", "get", "P001"])["products"]["P001"]["available"], 77);
    for missing in [["orders", "get", "nope"], ["stock", "get", "nope"], ["files", "show", "nope"]]
    {
        assert_eq!(up.orderflow(&missing).status.code(), Some(4), "{missing:?}");
    }
}

#[test]
fn a_file_that_is_sent_is_found_and_becomes_orders() {
    let up = Up::start(&[]);
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US3/orders.csv");
    up.json(&["send", sample, "--partner", "US3", "--name", "a.csv"]);
    let waited = up.orderflow(&["wait", "--timeout", "0s"]);
    assert_eq!(waited.status.code(), Some(3), "nobody has looked into the inbox yet");
    assert!(String::from_utf8_lossy(&waited.stderr).contains("US3/a.csv (in the inbox)"));
    let check = up.json(&["check"]);
    let us3 = check["partners"].as_array().unwrap().iter().find(|p| p["partner"] == "US3");
    assert_eq!(us3.unwrap()["found"][0]["name"], "a.csv");
    let counts = up.json(&["wait", "--timeout", "60s"]);
    assert!(counts["placed"].as_u64().unwrap() > 0, "{counts}");
    let files = up.json(&["files", "show", "a.csv"]);
    assert_eq!(files["files"][0]["state"], "done", "{files}");
    assert_eq!(up.orderflow(&["send", sample, "--partner", "US9"]).status.code(), Some(4));
}

#[test]
fn a_partner_that_is_added_while_it_runs_can_send_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    let sample = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../partners.yml"));
    let (before, us3) = sample.as_deref().unwrap().split_once("  US3:\n").unwrap();
    fs::write(&path, before).unwrap();
    let up = Up::start(&["--partners", path.to_str().unwrap()]);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US3/orders.csv");
    let send = || up.orderflow(&["send", file, "--partner", "US4", "--name", "a.csv"]).status;
    assert_eq!(send().code(), Some(4));
    // What is wrong is not taken over, and the file may be mended.
    fs::write(&path, format!("{before}  US4:\n    currency: dollars\n")).unwrap();
    let reload = ["partners", "reload", "--partners", path.to_str().unwrap()];
    let wrong = up.orderflow(&reload);
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(said.contains("has 1 problem:") && said.contains("US4.currency"), "{said}");
    eventually("up says so", || up.notes().contains("is not taken over"));
    let doctor = up.orderflow(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let line = before.lines().count() + 2;
    let expected = [
        format!("✗ partners of {}: not taken over", path.display()),
        "partners.US4.currency: ".to_owned(),
        format!("(line {line}) → correct it; then: orderflow partners reload --partners "),
    ];
    assert!(expected.iter().all(|expected| doctor.contains(expected)), "{doctor}");
    // The last word is not the complaint.
    fs::write(&path, before).unwrap();
    eventually("up takes it back", || up.notes().contains("is valid again"));
    let new = dir.path().join("us4.yml");
    fs::write(&new, format!("partners:\n  US4:\n{us3}")).unwrap();
    let added = ["partners", "add", new.to_str().unwrap(), "--partners", path.to_str().unwrap()];
    assert!(up.orderflow(&added).status.success());
    let reloaded = up.json(&reload);
    assert_eq!(reloaded["partners"], 3);
    let follow = [
        "billing",
        "daily-checker",
        "file-transformer",
        "inventory",
        "notifier",
        "order-ingest",
        "order-processor",
        "status-checker",
    ];
    assert_eq!(reloaded["functions"], serde_json::json!(follow));
    // Of a file that nobody follows, nothing is taken over.
    let other = ["partners", "reload", "--partners", new.to_str().unwrap(), "--timeout", "1s"];
    let other = up.orderflow(&other);
    assert_eq!(other.status.code(), Some(3), "{other:?}");
    assert!(send().success());
    let partners = up.json(&["check"])["partners"].clone();
    let found =
        |partner: &Value| partner["partner"] == "US4" && partner["found"][0]["name"] == "a.csv";
    assert!(partners.as_array().unwrap().iter().any(found), "{partners}");
    assert!(up.json(&["wait", "--timeout", "60s"])["placed"].as_u64().unwrap() > 0);
    let log = fs::read_to_string(up.dir.path().join("data/partners.yml")).unwrap();
    assert!(log.contains("sftp-key-us4"), "{log}");
}

#[test]
fn a_part_that_is_killed_comes_back_and_nothing_outlives_a_killed_up() {
    let mut up = Up::start(&["--processes"]);
    assert_eq!(up.pids().len(), NAMES.len() + 3);
    up.json(&["simulate", "--yes", "--orders", "20", "--rate", "1000", "--seed", "1"]);
    for name in ["order-ingest", "order-processor", "connector", "nats-server", "sshd"] {
        let pid = up.pid_of(name);
        kill("-KILL", pid);
        eventually(name, || up.pid_of(name) != pid);
        assert_eq!(up.run_file()["processes"][name]["restarts"], 1, "{name}");
    }
    up.json(&["simulate", "--yes", "--orders", "20", "--rate", "1000", "--seed", "2"]);
    // What the killed connector held is given out again when the server's wait for it has ended.
    assert_eq!(up.json(&["wait", "--timeout", "150s"])["placed"], 40);

    let pids = up.pids();
    up.end("-KILL");
    eventually("all children end", || pids.iter().all(|pid| is_gone(*pid)));
    assert_eq!(up.orderflow(&["orders", "count"]).status.code(), Some(5));
}

#[test]
fn what_cannot_start_says_why() {
    let temp = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = command(temp.path()).arg("up").args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    fs::write(temp.path().join("s.yml"), "functions: {nope: {}}").unwrap();
    let misspelt = stack::BUILT_IN.replacen("    annotations:", "    anotations:", 1);
    assert_ne!(misspelt, stack::BUILT_IN);
    fs::write(temp.path().join("m.yml"), misspelt).unwrap();
    fs::write(temp.path().join("p.yml"), "partners: {A: {}}").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let file = |name: &str| temp.path().join(name).display().to_string();
    for (args, expected) in [
        (["--stack", &file("s.yml")], "\"nope\" is not in this program"),
        (["--stack", &file("none.yml")], "cannot read"),
        (["--stack", &file("m.yml")], "error key-unknown: functions.daily-checker.anotations: "),
        (["--partners", &file("p.yml")], "partners.A.currency"),
        (["--port", &port], "--port 0 takes a free port"),
    ] {
        let (code, stderr) = run(&args);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn an_unknown_function_is_not_found() {
    let temp = tempfile::tempdir().unwrap();
    let output = command(temp.path()).args(["function", "nope"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("order-processor"));
}
