//! `journal rebase`, on a stream of orders that is another one, or has lost messages.

use messaging::streams::ORDERS;
use messaging::{Nats, streams::identity::Identity};
use serde_json::Value;

use crate::support::{Up, eventually, kill};

fn nats<T>(up: &Up, work: impl AsyncFnOnce(Nats) -> T) -> T {
    let url = up.run_file()["nats"].as_str().unwrap().to_owned();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { work(Nats::connect(&url, "test", false).await.unwrap()).await })
}

/// Sends an order of one piece.
fn offer(up: &Up, id: &str) -> (u16, String) {
    let order = format!(r#"{{"order_id":"{id}","product_id":"P001","quantity":1,"price":1}}"#);
    up.send("POST", "/function/order-ingest", &order)
}

/// Places an order without waiting for what becomes of it.
fn place(up: &Up, id: &str) {
    let (status, said) = offer(up, id);
    assert!(status < 300, "{status} {said}");
}

fn status(up: &Up, id: &str) -> String {
    up.json(&["orders", "get", id])["status"].as_str().unwrap().to_owned()
}

fn available(up: &Up) -> i64 {
    let stock: Value = up.json(&["stock", "get", "P001"]);
    stock["products"]["P001"]["available"].as_i64().unwrap()
}

fn rebase(up: &Up, more: &[&str]) -> (Option<i32>, String) {
    let done = up.orderflow(&[&["journal", "rebase", "--reason", "restored"], more].concat());
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

fn accounts(up: &Up) {
    for verify in [["stock", "verify"], ["journal", "verify"]] {
        let said = up.orderflow(&verify);
        assert!(said.status.success(), "{said:?}");
    }
}

#[test]
fn a_lane_goes_on_in_another_stream_without_deciding_anything_twice() {
    let up = Up::start(&["--processes"]);
    for id in ["1", "2", "3", "4"] {
        place(&up, id);
    }
    up.json(&["wait", "--timeout", "60s"]);
    let before = available(&up);
    // As if it had been made again with what was in it: the name is another one.
    nats(&up, async |nats| {
        let info = nats.js.get_stream(ORDERS).await.unwrap().cached_info().clone();
        let mut config = info.config;
        let other = Identity { name: "another".into(), also: Vec::new() };
        config.description = Some(other.write(config.description.as_deref().unwrap()));
        nats.js.update_stream(config).await.unwrap();
    });
    // A process that knows the old name refuses the new one, until it is started again.
    for part in ["order-ingest", "connector"] {
        kill("-KILL", up.pid_of(part));
    }
    for id in ["5", "6"] {
        eventually("it is placed", || offer(&up, id).0 < 300);
    }
    let (code, said) = rebase(&up, &["--to", "beginning", "--yes"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("4 messages behind it are decided and would be decided again"), "{said}");
    let (code, said) = rebase(&up, &[]);
    assert_eq!(code, Some(8), "{said}");
    for part in ["2 messages behind it will be decided", "4 are decided and stay as they are"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(status(&up, "5"), "pending");
    assert_eq!(rebase(&up, &["--yes"]).0, Some(0));
    eventually("the lane goes on", || status(&up, "6") == "confirmed");
    assert_eq!(available(&up), before - 2, "1 to 4 are not decided again");
    accounts(&up);
}

#[test]
fn what_a_lane_passes_over_is_refused_and_can_be_tried_again() {
    let up = Up::start(&["--processes"]);
    place(&up, "1");
    up.json(&["wait", "--timeout", "60s"]);
    let before = available(&up);
    kill("-STOP", up.pid_of("connector"));
    for id in ["2", "3", "4"] {
        place(&up, id);
    }
    nats(&up, async |nats| {
        let stream = nats.js.get_stream(ORDERS).await.unwrap();
        stream.purge().filter("orders.placed.main.DIRECT.3").await.unwrap();
    });
    kill("-CONT", up.pid_of("connector"));
    let held = || {
        let logs = std::fs::read_to_string(up.dir.path().join("data/logs/connector.log"));
        logs.unwrap_or_default().contains("orderflow journal rebase --warehouse main")
    };
    eventually("the lane is held, and its log names the command", held);
    let (code, said) = rebase(&up, &["--to", "end", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("before it were never decided and are refused as skipped"), "{said}");
    eventually("the last one is refused", || status(&up, "4") == "refused");
    for id in ["2", "4"] {
        // The first may have been on its way to the connector before the purge.
        if status(&up, id) == "refused" {
            up.json(&["orders", "retry", "DIRECT", id]);
        }
        eventually("it is tried again", || status(&up, id) == "confirmed");
    }
    assert_eq!(status(&up, "1"), "confirmed");
    assert_eq!(available(&up), before - 2);
    accounts(&up);
}
