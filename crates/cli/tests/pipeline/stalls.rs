//! Each part is stopped while something is to be done, and within a minute it is said: by `doctor`, by
//! `wait`, and by the connector's figures, on which the alerts are.

use std::process::Output;
use std::time::Instant;

use crate::faults::nats_url;
use crate::support::{Up, command, eventually, get, kill};
use messaging::publish::{Outgoing, one};
use messaging::{Nats, subject};
use serde_json::json;

const US3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/US3/orders.csv");
const DONE: [&str; 3] = ["wait", "--timeout", "300s"];

fn publish(up: &Up, message: &Outgoing) {
    let url = nats_url(up);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let nats = Nats::connect(&url, "test", false).await.unwrap();
        one(&nats, message, None).await.unwrap();
    });
}

fn send(up: &Up, id: &str) {
    let order = json!({"order_id": id, "product": "P001", "quantity": 1, "price": 1});
    publish(up, &Outgoing::new(subject::ORDERS.to_owned(), order.to_string().into()));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What `doctor` says of NATS alone: functions that are stopped would keep it waiting.
fn doctor(up: &Up) -> String {
    said(&command(up.dir.path()).args(["doctor", "--nats", &nats_url(up)]).output().unwrap())
}

fn waits(up: &Up) -> String {
    let output = up.orderflow(&["wait", "--timeout", "1s"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    said(&output)
}

/// How many messages wait for a function, as the connector says.
fn lag(up: &Up, function: &str, filter: &str) -> Option<u64> {
    let run = up.run_file();
    let (_, text) = get(run["processes"]["connector"]["metrics"].as_str().unwrap(), "/metrics");
    let series = format!("connector_lag_messages{{function=\"{function}\",filter=\"{filter}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(series.as_str()))?;
    line.parse().ok()
}

/// Within a minute the doctor has a line that begins so.
fn stalls(up: &Up, since: Instant, expected: &str) {
    eventually(expected, || doctor(up).lines().any(|line| line.starts_with(expected)));
    println!("{expected}: after {:.1} s", since.elapsed().as_secs_f64());
}

#[test]
fn a_part_that_is_stopped_is_said_within_a_minute() {
    let up = Up::start(&["--processes"]);
    send(&up, "0");
    up.json(&DONE);

    // What comes first in the pipeline, each for itself.
    let (ingest, transformer) = (up.pid_of("order-ingest"), up.pid_of("file-transformer"));
    kill("-STOP", ingest);
    kill("-STOP", transformer);
    let stopped = Instant::now();
    send(&up, "1");
    up.json(&["send", US3, "--partner", "US3"]);
    up.json(&["check"]);
    eventually("the connector says what waits", || {
        lag(&up, "order-ingest", "orders") == Some(1)
            && lag(&up, "file-transformer", "files.arrived.>") == Some(1)
    });
    let text = waits(&up);
    assert!(text.contains("1 messages on files.arrived.>"), "{text}");
    assert!(text.contains("1 messages on orders"), "{text}");
    stalls(&up, stopped, "✗ reader order-ingest__orders of orders: stalls: 1 wait");
    stalls(
        &up,
        stopped,
        "✗ reader file-transformer__files_2Earrived_2E_3E of files.arrived.>: stalls: 1 wait",
    );
    kill("-CONT", ingest);
    kill("-CONT", transformer);
    up.json(&DONE);

    let processor = up.pid_of("order-processor");
    kill("-STOP", processor);
    let stopped = Instant::now();
    send(&up, "2");
    send(&up, "3");
    eventually("the connector says what waits", || {
        lag(&up, "order-processor", "orders.placed.main.>") == Some(2)
    });
    let text = waits(&up);
    assert!(text.contains("2 orders of warehouse main not decided"), "{text}");
    stalls(&up, stopped, "✗ lane main: stalls: 2 wait, the oldest, ");
    kill("-CONT", processor);
    up.json(&DONE);

    // Now nobody has figures any more but NATS itself.
    let connector = up.pid_of("connector");
    kill("-STOP", connector);
    let stopped = Instant::now();
    send(&up, "4");
    let text = waits(&up);
    assert!(text.contains("1 messages on orders"), "{text}");
    stalls(&up, stopped, "✗ reader order-ingest__orders of orders: stalls: 1 wait (");
    kill("-CONT", connector);

    let checker = up.pid_of("daily-checker");
    kill("-STOP", checker);
    up.json(&["send", US3, "--partner", "US3", "--name", "late.csv"]);
    let text = waits(&up);
    eventually("the doctor says that daily-checker does not answer", || {
        let text = said(&up.orderflow(&["doctor"]));
        text.lines().any(|line| line.starts_with("✗ function daily-checker: "))
    });
    eventually("wait names the file", || {
        text.contains("late.csv") || waits(&up).contains("late.csv")
    });
    kill("-CONT", checker);
    up.json(&["check"]);
    assert_eq!(up.json(&DONE)["pending"], 0);
}

/// Messages that somebody publishes where order-ingest places orders.
#[test]
fn wait_ends_also_behind_placed_messages_that_are_no_orders() {
    let up = Up::start(&[]);
    send(&up, "good");
    up.json(&DONE);
    let junk = |place: &str| Outgoing::new(format!("orders.placed.{place}"), "junk".into());
    for place in ["main.DIRECT.junk", "main.odd", "nowhere.DIRECT.lost"] {
        publish(&up, &junk(place));
    }
    let output = up.orderflow(&DONE);
    assert!(output.status.success(), "{output:?}");
    let text = said(&output);
    assert!(
        text.contains("all done: 2 orders placed, 1 confirmed, 0 out of stock, 1 refused"),
        "{text}"
    );
    let expected = "! published past order-ingest, and no orders: orders.placed.main.odd (message ";
    assert!(text.contains(expected) && text.contains(" and 1 more (--json names all)"), "{text}");
    let names = up.json(&DONE)["no_orders"].to_string();
    assert!(names.contains("orders.placed.nowhere.DIRECT.lost (message "), "{names}");
    let listed = up.json(&["orders", "list", "--status", "pending"]);
    assert_eq!(listed["orders"], json!([]));
    let junk = up.json(&["orders", "list", "--status", "refused"]);
    let of_junk = |name: &str| junk["orders"][0][name].clone();
    assert_eq!((of_junk("order_id"), of_junk("reason")), (json!("junk"), json!("unreadable")));
    let doctor = said(&up.orderflow(&["doctor"]));
    assert!(doctor.contains("✗ orders: 1 placed messages could not be read as orders"), "{doctor}");
}

/// What follows a decision is waited for as well, unless somebody asks for decisions alone.
#[test]
fn billing_that_is_stopped_is_waited_for() {
    let up = Up::start(&["--processes"]);
    send(&up, "0");
    up.json(&DONE);
    let billing = up.pid_of("billing");
    kill("-STOP", billing);
    send(&up, "1");
    let decided = up.json(&["wait", "--decided", "--timeout", "60s"]);
    assert_eq!(decided["confirmed"], 2);
    let text = waits(&up);
    assert!(text.contains("messages about orders of warehouse main not read by billing"), "{text}");
    kill("-CONT", billing);
    up.json(&DONE);
}
