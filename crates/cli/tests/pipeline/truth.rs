//! What is wrong is said by `doctor`, `wait` and `verify`, and never passed over with a ✓.

use std::process::Output;

use crate::faults::nats_url;
use crate::support::{Up, command, eventually, kill};
use async_nats::jetstream::consumer::pull;
use messaging::publish::{Outgoing, one};
use messaging::{Nats, streams, subject};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

const WAIT: [&str; 3] = ["wait", "--timeout", "60s"];

fn with_nats<T>(up: &Up, work: impl AsyncFnOnce(Nats) -> T) -> T {
    let url = nats_url(up);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { work(Nats::connect(&url, "test", false).await.unwrap()).await })
}

fn order(id: &str, product: &str) -> Value {
    json!({"order_id": id, "product": product, "quantity": 1, "price": 1})
}

fn send(up: &Up, body: &Value) {
    let message = Outgoing::new(subject::ORDERS.to_owned(), body.to_string().into());
    with_nats(up, async |nats| one(&nats, &message, None).await.unwrap());
}

/// What `doctor` has to say against something, as `what: text → do`.
fn failed(up: &Up) -> Vec<String> {
    let output = up.orderflow(&["doctor", "--json"]);
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let failed = findings.iter().filter(|finding| finding["level"] == "failed").map(|finding| {
        format!("{}: {} → {}", text(finding, "what"), text(finding, "text"), text(finding, "do"))
    });
    let failed: Vec<String> = failed.collect();
    assert_eq!(output.status.code(), Some(i32::from(!failed.is_empty())), "{failed:?}");
    failed
}

/// The only thing that `doctor` has to say something against.
#[track_caller]
fn one_failed(up: &Up, expected: &[&str]) {
    let failed = failed(up);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    for expected in expected {
        assert!(failed[0].contains(expected), "{expected}: {failed:#?}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn dead_letters_are_said_by_doctor_and_by_wait() {
    let up = Up::start(&[]);
    send(&up, &json!({"order_id": "x", "product": "P001", "quantity": 0, "price": 1}));
    send(&up, &order("good", "P001"));
    // A reader of somebody else's, which does nothing, is not waited for.
    with_nats(&up, async |nats| {
        let orders = nats.js.get_stream("INTAKE").await.unwrap();
        let durable_name = Some("foreign".to_owned());
        let filter_subject = "orders".to_owned();
        let config = pull::Config { durable_name, filter_subject, ..Default::default() };
        orders.create_consumer(config).await.unwrap();
    });
    let waited = up.orderflow(&WAIT);
    let text = said(&waited);
    assert!(text.contains("all done: 1 orders placed, 1 confirmed"), "{text}");
    assert!(text.contains("! 1 dead letters are kept, which are not among them"), "{text}");
    assert_eq!(up.json(&WAIT)["dead_letters"], 1);
    one_failed(
        &up,
        &[
            "dead letters: 1 of order-ingest are kept, and nothing is done with them",
            "nats stream view ERRORS --subject errors.dead.order-ingest",
        ],
    );
    // What is advised helps.
    with_nats(&up, async |nats| {
        let errors = nats.js.get_stream("ERRORS").await.unwrap();
        errors.purge().filter("errors.dead.order-ingest").await.unwrap();
    });
    assert_eq!(failed(&up), [""; 0]);
}

#[test]
fn what_is_given_out_and_never_done_is_a_standstill() {
    let up = Up::start(&["--processes"]);
    // It has taken the message, and answers nothing.
    let ingest = up.pid_of("order-ingest");
    kill("-STOP", ingest);
    send(&up, &order("1", "P001"));
    let held = || {
        with_nats(&up, async |nats| {
            let orders = nats.js.get_stream("INTAKE").await.unwrap();
            let info = orders.consumer_info("order-ingest__orders").await.unwrap();
            (info.num_pending, info.num_ack_pending) == (0, 1)
        })
    };
    eventually("it is given out", held);
    let waited = up.orderflow(&["wait", "--timeout", "12s"]);
    assert_eq!(waited.status.code(), Some(3));
    let text = said(&waited);
    assert!(text.contains("1 messages on orders, the oldest for 1"), "{text}");
    assert!(text.contains("orderflow doctor"), "{text}");
    let stalls = || {
        let failed = failed(&up);
        let reader = failed.iter().find(|line| line.starts_with("reader order-ingest__orders"));
        reader.is_some_and(|line| {
            line.contains("stalls: 1 wait (0 not given out, 1 not done), the oldest, 1, for ")
        })
    };
    eventually("doctor says that it stalls", stalls);
    kill("-CONT", ingest);
    assert_eq!(up.json(&["wait", "--timeout", "150s"])["confirmed"], 1);
}

#[test]
fn what_is_gone_is_said_by_doctor_and_verify() {
    let up = Up::start(&["--processes"]);
    for id in ["1", "2", "3"] {
        send(&up, &order(id, "P001"));
        up.json(&WAIT);
    }
    let purge = |stream: &'static str, filter: &'static str| {
        with_nats(&up, async |nats| {
            let stream = nats.js.get_stream(stream).await.unwrap();
            stream.purge().filter(filter).await.unwrap();
        });
    };
    // Facts of an entry that is not the last one.
    purge("ORDERS", "orders.confirmed.main.DIRECT.1");
    one_failed(
        &up,
        &["journal of main: entry ", ": 1 of its facts are not stored", "orderflow journal verify"],
    );
    assert_eq!(up.orderflow(&["journal", "verify"]).status.code(), Some(1));
    assert_eq!(up.orderflow(&["stock", "verify"]).status.code(), Some(0));

    // Movements, all of them: what is left adds up, because nothing is left.
    purge("INVENTORY", "inventory.changed.>");
    let verified = up.orderflow(&["stock", "verify"]);
    assert_eq!(verified.status.code(), Some(1));
    let text = said(&verified);
    assert!(text.contains("✗ the movements of 4 entries since "), "{text}");
    let json = up.orderflow(&["stock", "verify", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["movements"], &json["movements_lost"]), (&Value::Null, &json!(4)));

    // Facts of the last entry, which were acknowledged: nobody looks for them any more.
    purge("ORDERS", "orders.confirmed.main.DIRECT.3");
    let facts = "2 facts of the last entry are gone; order-processor stores them again";
    eventually("they are missed", || said(&up.orderflow(&["journal", "verify"])).contains(facts));
    let failed_of = |what: &str| failed(&up).into_iter().find(|line| line.starts_with(what));
    assert!(failed_of("journal of main: ").unwrap().contains(facts));
    kill("-KILL", up.pid_of("order-processor"));
    eventually("they are stored again", || {
        !said(&up.orderflow(&["journal", "verify"])).contains(facts)
    });

    // Orders that vanish before they are decided, behind and in the middle of what is left.
    kill("-STOP", up.pid_of("connector"));
    for id in ["4", "5"] {
        let partner = domain::PartnerId::direct();
        let id = domain::OrderId::parse(id).unwrap();
        let main = domain::WarehouseId::main();
        let place = subject::order(subject::Stage::Placed, &main, &partner, &id);
        let message = Outgoing::new(place, "{}".into());
        with_nats(&up, async |nats| one(&nats, &message, None).await.unwrap());
    }
    purge("ORDERS", "orders.placed.main.DIRECT.4");
    let lane = || failed_of("lane main: ").unwrap();
    let line = lane();
    // With the fact that was purged above.
    assert!(line.contains("and 2 messages of ORDERS behind that are gone"), "{line}");
    assert!(line.contains("orderflow journal rebase"), "{line}");
    // With the fact that was stored again.
    purge("ORDERS", ">");
    let line = lane();
    assert!(line.contains("and 4 messages of ORDERS behind that are gone"), "{line}");
}

#[test]
fn what_takes_nothing_or_gives_nothing_is_said_with_what_can_work() {
    let up = Up::start(&[]);
    with_nats(&up, async |nats| {
        let config =
            async |name: &str| nats.js.get_stream(name).await.unwrap().cached_info().config.clone();
        let mut sealed = config("WEBHOOKS").await;
        sealed.sealed = true;
        nats.js.update_stream(&sealed).await.unwrap();
        let mut full = config("ANALYTICS").await;
        full.max_messages = 2;
        nats.js.update_stream(&full).await.unwrap();
        for number in 0..2 {
            let subject = format!("analytics.x.{number}");
            one(&nats, &Outgoing::new(subject, "1".into()), None).await.unwrap();
        }
        nats.js.delete_stream("NOTIFICATIONS").await.unwrap();
        let mirror = async_nats::jetstream::stream::Config {
            name: "NOTIFICATIONS".into(),
            mirror: Some(async_nats::jetstream::stream::Source {
                name: "FILES".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        nats.js.create_stream(mirror).await.unwrap();
    });
    let failed = failed(&up);
    for expected in [
        "stream WEBHOOKS: is sealed: it takes no message any more",
        "stream ANALYTICS: is full, 2 messages of 2: it takes no message any more → orderflow setup",
        "stream NOTIFICATIONS: is a mirror of FILES: nothing can be published to it → with",
    ] {
        assert!(failed.iter().any(|line| line.starts_with(expected)), "{expected}: {failed:#?}");
    }
}

#[test]
fn a_reader_that_is_paused_is_said_where_the_server_can_pause_one() {
    let temp = tempfile::tempdir().unwrap();
    let server = testkit::nats::Server::start();
    let can_pause = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let orders = nats.js.get_stream("INTAKE").await.unwrap();
        let durable_name = Some("mine".to_owned());
        let filter_subject = "orders".to_owned();
        let config = pull::Config { durable_name, filter_subject, ..Default::default() };
        orders.create_consumer(config).await.unwrap();
        let body = json!({"pause_until": "2999-01-01T00:00:00Z"}).to_string();
        let subject = "$JS.API.CONSUMER.PAUSE.INTAKE.mine";
        // Older servers than 2.11 do not know it.
        let answer = nats.client.request(subject, body.into()).await;
        answer.is_ok_and(|answer| {
            String::from_utf8_lossy(&answer.payload).contains("\"paused\":true")
        })
    });
    let doctor = command(temp.path()).args(["doctor", "--nats", &server.url()]).output().unwrap();
    let expected = match can_pause {
        true => {
            "✗ reader mine of orders: is paused: nothing is given out → with the NATS command line"
        }
        false => "✓ reader mine of orders: nothing waits",
    };
    assert!(said(&doctor).contains(expected), "{}", said(&doctor));
}

#[test]
fn a_server_that_stores_nothing_any_more_is_said() {
    let up = Up::start(&["--processes"]);
    let pid = Pid::from_raw(i32::try_from(up.pid_of("nats-server")).unwrap()).unwrap();
    // As on a full disk, no file grows any more.
    let limit = |bytes| {
        let limit = Rlimit { current: Some(bytes), maximum: None };
        prlimit(Some(pid), Resource::Fsize, limit).unwrap();
    };
    limit(4096);
    let failed = failed(&up);
    let storage = failed.iter().find(|line| line.starts_with("storage: takes no messages: "));
    let storage = storage.unwrap_or_else(|| panic!("{failed:#?}"));
    assert!(storage.contains("make room on the disk"), "{storage}");
}

#[test]
fn what_lint_knows_is_said_before_up_is_ready() {
    let temp = tempfile::tempdir().unwrap();
    let stack = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stack.yml");
    let stack = std::fs::read_to_string(stack).unwrap();
    let misspelt = stack.replacen("orderflow.batch: \"500\"", "orderflow.btach: \"500\"", 1);
    assert_ne!(stack, misspelt);
    let path = temp.path().join("stack.yml");
    std::fs::write(&path, misspelt).unwrap();
    let up = Up::start(&["--stack", path.to_str().unwrap()]);
    let stderr = std::fs::read_to_string(up.dir.path().join("stderr")).unwrap();
    let expected = "annotation-unknown: functions.order-ingest.annotations.orderflow.btach: no part of \
                    orderflow reads it; did you mean \"orderflow.batch\"?";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(!stderr.contains("handler"), "of images nothing is said: {stderr}");
    one_failed(
        &up,
        &[
            "function order-ingest: no part of orderflow reads the annotation \"orderflow.btach\"; did you mean",
        ],
    );
}

#[test]
fn sample_products_are_set_once_and_an_unknown_warehouse_is_not_found() {
    let mut up = Up::start(&[]);
    assert_eq!(up.json(&["stock", "get", "P002"])["products"]["P002"]["available"], 20);
    let entries = up.json(&["journal", "show"]);
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1);
    up.json(&["stock", "set", "P002", "3"]);
    for args in [
        &["stock", "get", "--warehouse", "wets"][..],
        &["stock", "set", "A", "1", "--warehouse", "wets"],
        &["stock", "verify", "--warehouse", "wets"],
        &["journal", "show", "--warehouse", "wets"],
        &["journal", "verify", "--warehouse", "wets"],
        &["journal", "skip", "1", "--reason", "r", "--warehouse", "wets"],
    ] {
        let output = up.orderflow(args);
        assert_eq!(output.status.code(), Some(4), "{args:?}: {output:?}");
        let text = said(&output);
        assert!(text.contains("warehouse wets; partners.yml has main"), "{args:?}: {text}");
    }
    up.end("-TERM");
    up.again(&[]);
    assert_eq!(up.json(&["stock", "get", "P002"])["products"]["P002"]["available"], 3);
    let entries = up.json(&["journal", "show"]);
    assert_eq!(entries["entries"].as_array().unwrap().len(), 2, "nothing was set again");
}
