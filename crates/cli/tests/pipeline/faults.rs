//! What must be right from the start, on real servers: odd uploads and orders sent twice. A history
//! checker reads the streams afterwards.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::Up;
use messaging::publish::{Outgoing, one};
use messaging::{Nats, streams, subject, tail};
use serde_json::{Value, json};
use testkit::history::{History, Options, Report};

const US3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US3/orders.csv");
const WAIT: [&str; 3] = ["wait", "--timeout", "180s"];

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

pub(crate) fn nats_url(up: &Up) -> String {
    up.run_file()["nats"].as_str().unwrap().to_owned()
}

/// Reads the streams and compares everything with everything.
#[track_caller]
pub(crate) fn history(up: &Up) -> Report {
    let report = tokio()
        .block_on(async { History::read(&nats_url(up)).await.unwrap().check(Options::default()) });
    assert!(report.violations.is_empty(), "{report}");
    report
}

/// Publishes raw JSON on the subject `orders`.
pub(crate) fn publish(up: &Up, orders: &[Value]) {
    publish_on(up, subject::ORDERS, orders);
}

pub(crate) fn publish_on(up: &Up, subject: &str, messages: &[Value]) {
    tokio().block_on(async {
        let nats = Nats::connect(&nats_url(up), "test", false).await.unwrap();
        for message in messages {
            let message = Outgoing::new(subject.to_owned(), message.to_string().into());
            one(&nats, &message, None).await.unwrap();
        }
    });
}

pub(crate) fn count(up: &Up, stream: &str, filter: &str) -> usize {
    tokio().block_on(async {
        let nats = Nats::connect(&nats_url(up), "test", false).await.unwrap();
        let mut count = 0;
        tail::read(&nats, stream, filter, 1, true, |_| count += 1).await.unwrap();
        count
    })
}

fn inbox(up: &Up, partner: &str) -> PathBuf {
    up.dir.path().join("data/sftp").join(partner).join("inbox")
}

fn states(up: &Up) -> Vec<(String, String)> {
    let files = up.json(&["files", "list"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = files["files"].as_array().unwrap().iter();
    let mut states: Vec<_> = files.map(|f| (text(&f["name"]), text(&f["state"]))).collect();
    states.sort();
    states
}

#[test]
fn half_a_file_is_not_taken_and_the_whole_one_is() {
    let up = Up::start(&[]);
    let text = fs::read_to_string(US3).unwrap();
    let (half, rest) = text.split_at(text.len() / 2);
    let path = inbox(&up, "US3").join("orders.csv");
    fs::write(&path, half).unwrap();
    let growing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        // The upload goes on: a byte now and then keeps the file young, however slow the check is.
        scope.spawn(|| {
            let mut at = 0;
            while growing.load(Ordering::Relaxed) {
                at = (at + 1).min(rest.len());
                let so_far = rest.get(..at).filter(|_| at < rest.len()).unwrap_or_default();
                fs::write(&path, format!("{half}{so_far}")).unwrap();
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let check = up.json(&["check"]);
        growing.store(false, Ordering::Relaxed);
        assert_eq!((check["found"].as_u64(), check["skipped"].as_u64()), (Some(0), Some(1)));
    });
    fs::write(&path, &text).unwrap();
    assert_eq!(up.json(&["check"])["found"], 1);
    let counts = up.json(&WAIT);
    assert_eq!(counts["placed"], 9);
    assert_eq!(states(&up), [("orders.csv".into(), "done".into())]);
    history(&up);
}

#[test]
fn a_file_is_processed_once_by_its_content_whatever_its_name() {
    let up = Up::start(&[]);
    let send = |path: &str, name: &str| {
        up.json(&["send", path, "--partner", "US3", "--name", name]);
        assert_eq!(up.json(&["check"])["found"], 1, "{name}");
        up.json(&WAIT);
    };
    send(US3, "monday.csv");
    send(US3, "monday.csv");
    send(US3, "tuesday.csv");
    let changed = fs::read_to_string(US3).unwrap().replace("ORD-", "NEW-");
    let path = up.dir.path().join("changed.csv").display().to_string();
    fs::write(&path, changed).unwrap();
    send(&path, "monday.csv");
    let state = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(
        states(&up),
        [
            state("monday.csv", "done"),
            state("monday.csv", "done"),
            state("monday.csv", "duplicate"),
            state("tuesday.csv", "duplicate"),
        ]
    );
    let report = history(&up);
    assert_eq!(report.summary.placed, 18);
    let left: Vec<_> = fs::read_dir(inbox(&up, "US3")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_order_sent_twice_is_placed_once_and_other_content_is_a_conflict() {
    let up = Up::start(&[]);
    let order = |id: &str, quantity: u32| json!({"order_id": id, "product": "P005", "quantity": quantity, "price": 0.99});
    publish(&up, &[order("A", 1), order("A", 1), order("A", 2), order("B", 1)]);
    let counts = up.json(&WAIT);
    assert_eq!((counts["placed"].as_u64(), counts["confirmed"].as_u64()), (Some(2), Some(2)));
    let summary = history(&up).summary;
    assert_eq!((summary.duplicates, summary.conflicts), (1, 1));
    assert_eq!(count(&up, streams::ERRORS, "errors.conflict.DIRECT.A"), 1);
    assert_eq!(up.json(&["stock", "get", "P005"])["products"]["P005"]["available"], 498);
}

#[test]
fn an_order_id_may_be_any_text() {
    let up = Up::start(&[]);
    let ids = ["a.b.c", "two words", "*", ">", "orders.>", "🛒", "=41", "a/b", "Ä", "-", "\"'"];
    let order = |id: &&str| json!({"order_id": id, "product": "P004", "quantity": 1, "price": 1});
    publish(&up, &ids.iter().map(order).collect::<Vec<_>>());
    assert_eq!(up.json(&WAIT)["confirmed"], ids.len());
    for id in ids {
        // Behind `--`, because some of them look like options.
        let output = up.orderflow(&["--json", "orders", "get", "--", id]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&found["status"], &found["order"]["order_id"]),
            (&json!("confirmed"), &json!(id))
        );
    }
    history(&up);
}

#[test]
fn what_is_no_order_is_kept_with_its_reason_and_harms_no_other() {
    let up = Up::start(&[]);
    publish(
        &up,
        &[
            json!({"order_id": "good", "product": "P001", "quantity": 1, "price": 1}),
            json!({"order_id": "bad", "product": "P001", "quantity": 0, "price": "12,50"}),
            json!("not an order"),
            json!({"order_id": "good 2", "product": "P001", "quantity": 1, "price": 1}),
        ],
    );
    assert_eq!(up.json(&WAIT)["confirmed"], 2);
    assert_eq!(history(&up).summary.dead, 2);
    assert_eq!(count(&up, streams::ERRORS, "errors.dead.order-ingest"), 2);
}
