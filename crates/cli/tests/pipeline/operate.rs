//! What an operator does to a running pipeline: orders tried again and cancelled, a message skipped,
//! and the accounts compared.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use messaging::publish::{Outgoing, one};
use messaging::{Nats, subject};
use serde_json::{Value, json};
use testkit::history::{History, Options};

use crate::support::{Up, kill};

const WAIT: [&str; 3] = ["wait", "--timeout", "60s"];

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

fn nats_url(up: &Up) -> String {
    up.run_file()["nats"].as_str().unwrap().to_owned()
}

fn publish(up: &Up, subject: &str, payload: &Value) {
    run(async {
        let nats = Nats::connect(&nats_url(up), "test", false).await.unwrap();
        let message = Outgoing::new(subject.into(), payload.to_string().into());
        one(&nats, &message, None).await.unwrap();
    });
}

/// Places an order over HTTP, without the connector; its sequence.
fn place(up: &Up, order: &Value) -> u64 {
    let gateway = up.run_file()["gateway"].as_str().unwrap().to_owned();
    let mut stream = TcpStream::connect(gateway.trim_start_matches("http://")).unwrap();
    let body = order.to_string();
    let length = body.len();
    write!(
        stream,
        "POST /function/order-ingest HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let answer: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    answer["sequence"].as_u64().unwrap_or_else(|| panic!("{text}"))
}

fn check_history(up: &Up, sent: bool) {
    let history = run(async { History::read(&nats_url(up)).await.unwrap() });
    history.check(Options { sent }).assert_clean();
}

fn order(id: &str, product: &str, quantity: i64) -> Value {
    json!({"order_id": id, "product": product, "quantity": quantity, "price": "1.50"})
}

/// `state attempt reason`.
fn state(up: &Up, id: &str) -> String {
    let order = up.json(&["orders", "get", id]);
    let reason = order["reason"].as_str().unwrap_or_default();
    let code = reason.split(':').next().unwrap_or_default();
    let text = format!("{} {} {code}", order["status"].as_str().unwrap(), order["attempt"]);
    text.trim().to_owned()
}

#[test]
fn orders_are_tried_again_and_cancelled_and_every_account_agrees() {
    let up = Up::start(&[]);
    for (id, product, quantity) in
        [("big", "P002", 25), ("huge", "P002", 100), ("new", "P900", 1), ("ok", "P001", 5)]
    {
        publish(&up, subject::ORDERS, &order(id, product, quantity));
    }
    up.json(&WAIT);
    assert_eq!(state(&up, "big"), "out_of_stock 1 insufficient_stock");
    let again = up.json(&["orders", "retry", "DIRECT", "big"]);
    assert_eq!((&again["status"], &again["attempt"]), (&json!("placed"), &json!(2)));
    up.json(&WAIT);
    assert_eq!(state(&up, "big"), "out_of_stock 2 insufficient_stock");

    up.json(&["stock", "set", "P002", "30"]);
    asks_first(&up);
    let reason = ["orders", "retry", "--all-refused", "--yes", "--reason", "insufficient_stock"];
    let all = up.json(&[&reason[..], &["--since", "1h"]].concat());
    assert_eq!((&all["orders"], &all["placed"], &all["failed"]), (&json!(2), &json!(2), &json!(0)));
    up.json(&WAIT);
    assert_eq!(state(&up, "big"), "confirmed 3");
    assert_eq!(state(&up, "huge"), "out_of_stock 2 insufficient_stock");
    assert_eq!(state(&up, "new"), "refused 2 unknown_product");
    for none in [
        &["orders", "retry", "--all-refused", "--since", "0s"][..],
        &["orders", "retry", "--all-refused", "--partner", "US1"],
        &["orders", "retry", "--all-refused", "--reason", "cancelled"],
    ] {
        assert_eq!(up.json(none)["orders"], 0, "{none:?}");
    }

    cancel_asks_first(&up);
    assert_eq!(up.json(&["orders", "cancel", "DIRECT/ok", "--yes"])["status"], "placed");
    up.json(&WAIT);
    assert_eq!(state(&up, "ok"), "cancelled 2 cancelled");
    assert_eq!(up.json(&["orders", "cancel", "DIRECT", "ok"])["status"], "done before");
    assert_eq!(up.json(&["stock", "get", "P001"])["products"]["P001"]["available"], 50);
    let counts = up.json(&["orders", "count"]);
    let expected = json!({"placed": 4, "sales": 4, "returns": 0, "pending": 0, "confirmed": 1,
        "out_of_stock": 1, "refused": 1, "cancelled": 1});
    assert_eq!(counts, expected);
    let mut waited = up.json(&WAIT);
    let [dead, strange] =
        ["dead_letters", "no_orders"].map(|name| waited.as_object_mut().unwrap().remove(name));
    assert_eq!((waited, dead, strange), (counts, Some(json!(0)), Some(json!([]))));
    // What was cancelled is not tried again with the others.
    assert_eq!(up.json(&["orders", "retry", "--all-refused", "--yes"])["orders"], 2);
    up.json(&WAIT);
    for (args, code) in [
        (["orders", "cancel", "DIRECT", "nope"], 4),
        (["orders", "retry", "US9", "ok"], 4),
        // What would be refused is said without asking.
        (["orders", "cancel", "DIRECT", "huge"], 1),
    ] {
        assert_eq!(up.orderflow(&args).status.code(), Some(code), "{args:?}");
    }
    check_history(&up, true);
    accounts(&up);
}

/// Without a yes, typed or given, nothing is cancelled; what would be is shown.
fn cancel_asks_first(up: &Up) {
    for args in [&["orders", "cancel", "DIRECT", "ok"][..], &["orders", "cancel", "ok"]] {
        let asked = up.orderflow(args);
        let said = String::from_utf8(asked.stderr).unwrap();
        assert_eq!(asked.status.code(), Some(8), "{said}");
        for expected in ["Order DIRECT/ok would be cancelled", "of P001 back into stock"] {
            assert!(said.contains(expected), "{said}");
        }
    }
    let (code, shown) = up.typed(&["orders", "cancel", "DIRECT/ok"], "n\n");
    assert!(code == Some(8) && shown.contains("Cancel order DIRECT/ok? [y/N]"), "{shown}");
    assert_eq!(state(up, "ok"), "confirmed 1");
}

/// Without a yes, typed or given, nothing is tried again.
fn asks_first(up: &Up) {
    let args = ["orders", "retry", "--all-refused"];
    let refused = up.orderflow(&args);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), refused.stdout.as_slice()), (Some(8), &b""[..]), "{said}");
    for expected in [
        "  2 of DIRECT, insufficient_stock, the first refused at 20",
        "  1 of DIRECT, unknown_product, the first refused at 20",
        "nothing was done: \"Try 3 refused orders again?\" was not answered with yes",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let (code, said) = up.typed(&args, "no\n");
    assert!(code == Some(8) && said.contains("again? [y/N] "), "{code:?} {said}");
    assert_eq!(state(up, "big"), "out_of_stock 2 insufficient_stock");
    assert_eq!(state(up, "new"), "refused 1 unknown_product");
    let (code, said) = up.typed(&[&args[..], &["--reason", "unknown_product"]].concat(), "y\n");
    assert!(code == Some(0) && said.contains("Try 1 refused order again?"), "{code:?} {said}");
    up.json(&WAIT);
    assert_eq!(state(up, "new"), "refused 2 unknown_product");
}

/// The journal, the book and the movements, whole and with a planted fault.
fn accounts(up: &Up) {
    let verified = up.json(&["journal", "verify"]);
    assert_eq!((&verified["problems_total"], &verified["unsettled"]), (&json!(0), &json!(0)));
    let stock = up.json(&["stock", "verify"]);
    assert_eq!((&stock["order_processor"], &stock["movements"]), (&json!([]), &json!([])));
    assert_eq!((&stock["products"], &stock["movements_after"]), (&json!(5), &json!(0)));

    let entries = up.json(&["journal", "show", "--last", "100"]);
    let entries = entries["entries"].as_array().unwrap();
    assert_eq!(json!(entries.len()), verified["entries"]);
    let first = entries[1]["sequence"].to_string();
    let two = up.json(&["journal", "show", "--from", &first, "--last", "2"]);
    assert_eq!(two["entries"].as_array().unwrap()[..], entries[1..3]);
    let text = up.orderflow(&["journal", "show"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("P002 set to 30") && text.contains("1 cancelled: P001 +5"), "{text}");

    let (last, ghost) = (verified["last"].to_string(), "inventory.changed.main.ghost");
    let data = json!({"warehouse": "main", "moved": {"P001": -1}});
    let event = json!({"specversion": "1.0", "id": "g", "source": "/test", "data": data,
        "type": "orderflow.inventory.changed.v1"});
    run(async {
        let nats = Nats::connect(&nats_url(up), "test", false).await.unwrap();
        let message = Outgoing::new(ghost.into(), event.to_string().into())
            .header("Orderflow-Decision", "ghost")
            .header("Orderflow-Decision-Sequence", &last);
        one(&nats, &message, None).await.unwrap();
    });
    for (args, expected) in [
        (["stock", "verify"], "✗ P001: 50 by the journal, 49 otherwise"),
        (["journal", "verify"], "inventory.changed.main.ghost follows from no entry"),
    ] {
        let output = up.orderflow(&args);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(expected) && output.status.code() == Some(1), "{args:?}: {text}");
    }
}

#[test]
fn a_message_is_skipped_and_the_lane_goes_on_from_where_somebody_says() {
    let up = Up::start(&["--processes"]);
    place(&up, &order("1", "P001", 1));
    up.json(&WAIT);
    // While the connector stands still, nothing is given to order-processor.
    let connector = up.pid_of("connector");
    kill("-STOP", connector);
    let skipped = place(&up, &order("2", "P001", 10));
    let behind = place(&up, &order("3", "P001", 2));
    let skip = |sequence: u64| {
        let sequence = sequence.to_string();
        up.orderflow(&["journal", "skip", &sequence, "--reason", "as the shop asked"])
    };
    let refused = skip(behind);
    assert_eq!(refused.status.code(), Some(1));
    let expected = format!("the next message is {skipped}, not {behind}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&expected), "{refused:?}");
    assert!(skip(skipped).status.success());
    assert_eq!(state(&up, "2"), "refused 1 skipped");
    assert_eq!(state(&up, "3"), "pending 1");
    kill("-CONT", connector);
    up.json(&WAIT);
    assert_eq!(state(&up, "3"), "confirmed 1");
    assert_eq!(up.json(&["stock", "get", "P001"])["products"]["P001"]["available"], 47);
    up.json(&["orders", "retry", "DIRECT", "2"]);
    up.json(&WAIT);
    assert_eq!(state(&up, "2"), "confirmed 2");
    check_history(&up, false);

    let rebase = ["journal", "rebase", "--to", "end", "--reason", "a restored stream", "--yes"];
    let healthy = up.orderflow(&rebase);
    assert_eq!(healthy.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&healthy.stderr).contains("is healthy"), "{healthy:?}");
    assert!(up.orderflow(&["journal", "verify"]).status.success());
    assert!(up.orderflow(&["stock", "verify"]).status.success());
}
