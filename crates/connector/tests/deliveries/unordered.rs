//! Messages given out one by one, on a real nats-server.

use crate::gateway::done;
use crate::support::{World, numbers, until};
use runtime::Secret;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn failed(failures: Value) -> (u16, String) {
    (200, json!({"failed": failures}).to_string())
}

#[tokio::test]
async fn every_message_is_given_out_and_confirmed() {
    let mut world = World::new().await;
    for n in 0..20 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world
        .publish(
            "orders",
            r#"{"specversion":"1.0","id":"mine","source":"/x","type":"t","data":{"n":20}}"#,
        )
        .await;
    world.publish("orders", "not json").await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "8")]);
    world.gateway.deploy("f", done);
    world.start().await;
    until("all are given out", async || world.gateway.events("f").len() == 22).await;
    world.settled("f", "orders").await;

    let mut events = world.gateway.events("f");
    events.sort_by_key(|event| event["sequence"].as_str().unwrap().parse::<u64>().unwrap());
    assert_eq!(events[0]["id"], "INTAKE:1");
    assert_eq!(events[0]["type"], "orderflow.raw.v1");
    assert_eq!(events[0]["source"], "/nats/orders");
    assert_eq!(numbers(&events[..21]), (0..21).collect::<Vec<_>>());
    assert_eq!((&events[20]["id"], &events[20]["sequence"]), (&json!("mine"), &json!("21")));
    assert_eq!(events[21]["data_base64"], "bm90IGpzb24=");
    assert!(world.gateway.calls("f").iter().all(|call| call.events.len() <= 8));
    assert_eq!(world.gateway.events("f").len(), 22, "each once");
    world.stop().await;
}

#[tokio::test]
async fn a_message_that_failed_by_name_comes_again_and_its_neighbours_do_not() {
    let mut world = World::new().await;
    for n in 0..4 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "4")]);
    let calls = AtomicU32::new(0);
    world.gateway.deploy("f", move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => failed(json!([
            {"id": "INTAKE:1", "reason": "busy", "retry": true},
            {"id": "INTAKE:3", "reason": "43 %", "retry": true, "after": "200ms", "progress": 43},
        ])),
        _ => (200, String::new()),
    });
    world.start().await;
    world.settled("f", "orders").await;
    let mut numbers = numbers(&world.gateway.events("f"));
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 0, 1, 2, 2, 3]);
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_message_is_given_up_after_its_attempts_with_payload_and_headers() {
    let mut world = World::new().await;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Trace", "t1");
    headers.insert("Nats-Msg-Id", "original");
    let publish = world.nats.js.publish_with_headers("orders", headers, "poison".into());
    publish.await.unwrap().await.unwrap();
    world.publish("orders", r#"{"n": 1}"#).await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "2")]);
    world.gateway.deploy("f", |call| {
        if call.has("cG9pc29u") { (500, "no\ngood".into()) } else { (200, String::new()) }
    });
    world.start().await;
    until("it is given up", async || world.dead_letters().await == 1).await;
    world.settled("f", "orders").await;

    let errors = world.stream("ERRORS").await;
    let letter = errors.get_last_raw_message_by_subject("errors.dead.f").await.unwrap();
    assert_eq!(letter.payload, "poison");
    for (name, value) in [
        ("Orderflow-Dead-Subject", "orders"),
        ("Orderflow-Dead-Stream", "INTAKE"),
        ("Orderflow-Dead-Sequence", "1"),
        ("Orderflow-Dead-Attempts", "2"),
        ("Orderflow-Dead-Function", "f"),
        ("Orderflow-Dead-Error", "failed 2 times, last: 500 no good"),
        ("Trace", "t1"),
    ] {
        assert_eq!(letter.headers.get(name).map(|v| v.as_str()), Some(value), "{name}");
    }
    let id = letter.headers.get("Nats-Msg-Id").unwrap().as_str();
    assert!(id.starts_with("dead:f:INTAKE:1:"), "{id}");
    let calls = world.gateway.calls("f");
    assert_eq!(calls.iter().filter(|call| call.has("cG9pc29u")).count(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_poison_message_is_found_in_its_batch_while_the_others_go_through() {
    for (status, after) in [(422, 0), (500, 1)] {
        let mut world = World::new().await;
        for n in 0..8 {
            world.publish("orders", &json!({"n": n, "poison": n == 5}).to_string()).await;
        }
        let annotations =
            [("topic", "orders"), ("orderflow.batch", "8"), ("orderflow.max-deliver", "1")];
        world.gateway.annotate("f", &annotations);
        world.gateway.deploy("f", move |call| {
            if call.has("\"poison\":true") { (status, "bad".into()) } else { (200, String::new()) }
        });
        world.start().await;
        until("it is given up", async || world.dead_letters().await == 1).await;
        world.settled("f", "orders").await;
        let calls = world.gateway.calls("f");
        let failing = calls.iter().filter(|call| call.has("\"poison\":true"));
        let sizes: Vec<_> = failing.map(|call| call.events.len()).collect();
        let expected: &[usize] = if after == 0 { &[8, 4, 2, 1] } else { &[8, 8, 4, 2, 1] };
        assert_eq!(sizes, expected);
        let good = calls.iter().filter(|call| !call.has("\"poison\":true"));
        let good: BTreeSet<_> = good.flat_map(|call| numbers(&call.events)).collect();
        assert_eq!(good, BTreeSet::from([0, 1, 2, 3, 4, 6, 7]));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_missing_function_does_not_cost_the_message() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    world.start().await;
    for n in 0..5 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    until("it was tried", async || world.open("f", "orders").await.0 < 5).await;
    world.gateway.deploy("f", done);
    world.settled("f", "orders").await;
    let given: BTreeSet<_> = numbers(&world.gateway.events("f")).into_iter().collect();
    assert_eq!(given, (0..5).collect());
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_wrong_token_does_not_cost_the_message() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    world.gateway.deploy("f", done);
    world.start_with(|settings| settings.token = Secret::new("wrong")).await;
    world.publish("orders", r#"{"n": 1}"#).await;
    until("it was tried", async || matches!(world.open("f", "orders").await, (0, 1))).await;
    world.stop().await;
    assert_eq!(world.gateway.calls("f").len(), 0);
    world.start().await;
    world.settled("f", "orders").await;
    assert_eq!(numbers(&world.gateway.events("f")), [1]);
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_message_that_hangs_does_not_stop_the_others() {
    let mut world = World::new().await;
    let annotations = [
        ("topic", "orders"),
        ("orderflow.batch", "10"),
        ("orderflow.timeout", "300ms"),
        ("orderflow.max-deliver", "1"),
    ];
    world.gateway.annotate("f", &annotations);
    for n in 0..30 {
        world.publish("orders", &json!({"n": n, "hang": n == 3}).to_string()).await;
    }
    world.gateway.deploy("f", |call| {
        if call.has("\"hang\":true") { (0, String::new()) } else { (200, String::new()) }
    });
    world.start().await;
    until("the others are done", async || {
        let calls = world.gateway.calls("f").into_iter().filter(|call| !call.has("\"hang\":true"));
        calls.flat_map(|call| numbers(&call.events)).collect::<BTreeSet<_>>().len() == 29
    })
    .await;
    assert_eq!(world.dead_letters().await, 0, "nobody answered, so it is no attempt");
    world.stop().await;
}

#[tokio::test]
async fn a_killed_nats_server_loses_nothing() {
    let mut world = World::new().await;
    world.gateway.annotate(
        "f",
        &[("topic", "orders"), ("orderflow.batch", "10"), ("orderflow.timeout", "2s")],
    );
    for n in 0..300 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.gateway.deploy_slow("f", Duration::from_millis(20), done);
    world.start().await;
    until("it is under way", async || world.gateway.events("f").len() > 50).await;
    world.server.kill();
    let before = world.gateway.events("f").len();
    assert!(before < 300);
    world.server.restart();
    until("all were given out", async || {
        let given: BTreeSet<_> = numbers(&world.gateway.events("f")).into_iter().collect();
        given.len() == 300
    })
    .await;
    world.settled("f", "orders").await;
    world.stop().await;
}

#[tokio::test]
async fn a_function_that_appears_later_gets_what_waited() {
    let mut world = World::new().await;
    world.gateway.annotate("bad", &[("topic", "payments")]);
    world.start().await;
    for n in 0..3 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.gateway.deploy("f", done);
    world.gateway.annotate("f", &[("topic", "cron-function"), ("orderflow.topics", "orders")]);
    world.settled("f", "orders").await;
    assert_eq!(world.gateway.events("f").len(), 3);
    world.gateway.listing_fails();
    world.publish("orders", r#"{"n": 3}"#).await;
    until("a failing list stops nothing", async || world.gateway.events("f").len() == 4).await;
    world.stop().await;
}

#[tokio::test]
async fn a_changed_annotation_is_followed_without_loss() {
    let mut world = World::new().await;
    world.gateway.deploy("f", done);
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.deliver", "all")]);
    world.start().await;
    world.publish("orders", r#"{"n": 0}"#).await;
    world.settled("f", "orders").await;
    world.gateway.unlist("f");
    for n in 1..30 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    let topics = [
        ("topic", "orders"),
        ("orderflow.topics", "files.failed.>"),
        ("orderflow.batch", "50"),
        ("orderflow.deliver", "new"),
    ];
    world.gateway.annotate("f", &topics);
    world.settled("f", "files.failed.>").await;
    world.publish("files.failed.US1.x", r#"{"n": 99}"#).await;
    until("all are given out", async || {
        let given: BTreeSet<_> = numbers(&world.gateway.events("f")).into_iter().collect();
        given == (0..30).chain([99]).collect()
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn only_what_is_new_is_given_out_when_asked_so() {
    let mut world = World::new().await;
    world.publish("orders", r#"{"n": 0}"#).await;
    world.gateway.deploy("f", done);
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.deliver", "new")]);
    world.start().await;
    world.settled("f", "orders").await;
    world.publish("orders", r#"{"n": 1}"#).await;
    until("the new one came", async || !world.gateway.events("f").is_empty()).await;
    assert_eq!(numbers(&world.gateway.events("f")), [1]);
    world.stop().await;
}

#[tokio::test]
async fn an_error_is_not_reported_as_another_error() {
    let mut world = World::new().await;
    world.gateway.deploy("f", |_| (422, "never".into()));
    world.gateway.annotate("f", &[("topic", "errors.>")]);
    world.publish("errors.alert.x", r#"{"n": 0}"#).await;
    world.start().await;
    until("it was tried", async || !world.gateway.calls("f").is_empty()).await;
    world.settled("f", "errors.>").await;
    assert_eq!(world.dead_letters().await, 1, "only the alert itself is there");
    world.stop().await;
}

#[tokio::test]
async fn a_call_in_progress_ends_before_the_connector_does() {
    let mut world = World::new().await;
    world.gateway.deploy_slow("f", Duration::from_millis(500), done);
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-inflight", "1")]);
    for n in 0..3 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.start().await;
    until("a call is in progress", async || !world.gateway.calls("f").is_empty()).await;
    world.stop().await;
    let given = world.gateway.events("f").len();
    let (pending, unacknowledged) = world.open("f", "orders").await;
    let open = usize::try_from(pending).unwrap() + unacknowledged;
    assert_eq!((given + open, given), (3, 1), "what was called is confirmed, the rest given back");
    world.start().await;
    world.settled("f", "orders").await;
    assert_eq!(numbers(&world.gateway.events("f")), [0, 1, 2]);
    world.stop().await;
}

#[tokio::test]
async fn functions_can_be_called_past_the_gateway() {
    let mut world = World::new().await;
    let direct = world.direct();
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    world.start_with(|settings| settings.invoke = direct).await;
    for n in 0..5 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    until("it was tried", async || world.gateway.direct_calls() > 0).await;
    world.gateway.deploy("f", done);
    world.settled("f", "orders").await;
    let given: BTreeSet<_> = numbers(&world.gateway.events("f")).into_iter().collect();
    assert_eq!(given, (0..5).collect());
    assert_eq!(world.dead_letters().await, 0, "a function that is not there costs no message");
    assert!(world.gateway.direct_calls() > 5);
    world.stop().await;
}

#[tokio::test]
async fn a_file_lists_the_functions_where_there_is_no_gateway() {
    let mut world = World::new().await;
    world.publish("orders", "1").await;
    world.gateway.deploy("f", done);
    let file = world.list_in_file("f", &[("topic", "orders")]);
    let (direct, read) = (world.direct(), file.clone());
    world
        .start_with(|settings| {
            settings.gateway = None;
            settings.invoke = direct;
            settings.functions = Some(read);
        })
        .await;
    world.settled("f", "orders").await;
    assert_eq!(world.gateway.direct_calls(), 1);

    // Deliveries go on while the file is gone.
    std::fs::remove_file(&file).unwrap();
    until("it is missed", async || {
        world.metric("connector_list_failures_total").await >= Some(2.0)
    })
    .await;
    world.publish("orders", "2").await;
    until("deliveries go on", async || world.gateway.direct_calls() == 2).await;
    world.stop().await;
}

#[tokio::test]
async fn what_is_stored_is_shown() {
    let mut world = World::new().await;
    world.publish("orders", "1").await;
    world.publish("orders", "2").await;
    world.start().await;
    until("the stream is shown", async || {
        world.metric("jetstream_stream_messages{stream=\"INTAKE\"}").await == Some(2.0)
    })
    .await;
    assert!(world.metric("jetstream_stream_bytes{stream=\"INTAKE\"}").await > Some(0.0));
    assert!(world.metric("jetstream_storage_bytes").await > Some(0.0));
    assert_eq!(world.metric("jetstream_storage_limit_bytes").await, Some(0.0));
    world.stop().await;
}
