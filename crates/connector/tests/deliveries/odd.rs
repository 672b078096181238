//! Messages and answers that are out of the ordinary.

use crate::gateway::{Answer, done};
use crate::support::{World, numbers, until};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_call_waits_for_a_fuller_batch() {
    let mut world = World::new().await;
    let annotations =
        [("topic", "orders"), ("orderflow.batch", "10"), ("orderflow.batch-wait", "10s")];
    world.gateway.annotate("f", &annotations);
    world.gateway.deploy("f", done);
    for n in 0..5 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.start().await;
    until("half of a batch is there", async || world.open("f", "orders").await == (0, 5)).await;
    for n in 5..10 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.settled("f", "orders").await;
    assert_eq!(world.gateway.calls("f").len(), 1);
    assert_eq!(world.gateway.events("f").len(), 10);
    world.stop().await;
}

#[tokio::test]
async fn a_large_message_goes_alone_and_an_empty_one_goes_too() {
    let mut world = World::new().await;
    let annotations =
        [("topic", "orders"), ("orderflow.batch", "10"), ("orderflow.batch-bytes", "64KiB")];
    world.gateway.annotate("f", &annotations);
    world.gateway.deploy("f", done);
    world.publish("orders", r#"{"n":0}"#).await;
    // As large as the server accepts; in base64 it is a third larger.
    let large = vec![0xFF_u8; world.nats.message_bytes_max()];
    world.nats.js.publish("orders", large.into()).await.unwrap().await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("traceparent", "00-a");
    let empty = world.nats.js.publish_with_headers("orders", headers, "".into());
    empty.await.unwrap().await.unwrap();
    world.publish("orders", r#"{"n":1}"#).await;
    world.start().await;
    world.settled("f", "orders").await;
    let calls = world.gateway.calls("f");
    let events = world.gateway.events("f");
    assert_eq!(events.len(), 4, "each once");
    let large = calls.iter().find(|call| call.has("\"data_base64\"")).unwrap();
    assert_eq!(large.events.len(), 1);
    let empty = events.iter().find(|event| event["traceparent"] == "00-a").unwrap();
    assert_eq!((empty.get("data"), empty.get("data_base64")), (None, None));
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_names_an_id_means_one_message() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "10")]);
    for n in 0..4_u64 {
        let (id, source) = (n % 2, format!("/partners/{}", n / 2));
        let event = json!({"specversion": "1.0", "id": id.to_string(), "source": source, "type": "t", "data": {"n": n}});
        world.publish("orders", &event.to_string()).await;
    }
    world.gateway.deploy("f", |call| {
        let bad = call.has("\"n\":2");
        let failed = json!([{"id": "0", "reason": "bad", "retry": false}]);
        (200, json!({"failed": if bad { failed } else { json!([]) }}).to_string())
    });
    world.start().await;
    world.settled("f", "orders").await;
    assert_eq!(world.dead_letters().await, 1);
    let letter = world.stream("ERRORS").await;
    let letter = letter.get_last_raw_message_by_subject("errors.dead.f").await.unwrap();
    assert_eq!(letter.headers.get("Orderflow-Dead-Sequence").map(|v| v.as_str()), Some("3"));
    // All together first; then each of the two messages that the answer may mean, alone.
    let sizes: Vec<_> = world.gateway.calls("f").iter().map(|call| call.events.len()).collect();
    assert_eq!(sizes, [4, 1, 1]);
    world.stop().await;
}

#[tokio::test]
async fn many_messages_with_one_id_go_in_few_calls() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "100")]);
    for n in 0..200_u64 {
        let event = json!({"specversion": "1.0", "id": "same", "source": "/s", "type": "t",
            "data": {"n": n}});
        world.publish("orders", &event.to_string()).await;
    }
    world.gateway.deploy("f", |call| {
        let bad = call.events.iter().filter(|event| event["data"]["n"].as_u64().unwrap() % 50 == 7);
        let failed: Vec<_> = bad
            .map(|event| json!({"id": "same", "sequence": event["sequence"], "reason": "bad", "retry": false}))
            .collect();
        (200, json!({"failed": failed}).to_string())
    });
    world.start().await;
    world.settled("f", "orders").await;
    assert_eq!(world.dead_letters().await, 4);
    let calls = world.gateway.calls("f");
    assert!(calls.len() <= 4, "{} calls", calls.len());
    assert_eq!(numbers(&world.gateway.events("f")).len(), 200, "each once");
    world.stop().await;
}

#[tokio::test]
async fn an_event_in_binary_mode_is_given_out_whole() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.deploy("f", done);
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/shop"),
        ("ce-type", "t"),
        ("ce-partner", "US1"),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, value);
    }
    let sent = world.nats.js.publish_with_headers("orders", headers, r#"{"n":0}"#.into());
    sent.await.unwrap().await.unwrap();
    world.start().await;
    world.settled("f", "orders").await;
    let event = &world.gateway.events("f")[0];
    assert_eq!(
        *event,
        json!({"specversion": "1.0", "id": "7", "source": "/shop", "type": "t", "partner": "US1",
            "datacontenttype": "application/json", "data": {"n": 0}, "subject": "orders",
            "sequence": "1"})
    );
    world.stop().await;
}

#[tokio::test]
async fn a_letter_of_a_message_with_large_headers_is_kept() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.deploy("f", |_| (422, "never".to_owned()));
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Large", "x".repeat(65_000));
    headers.insert("Small", "s");
    let sent = world.nats.js.publish_with_headers("orders", headers, "poison".into());
    sent.await.unwrap().await.unwrap();
    world.start().await;
    world.settled("f", "orders").await;
    let errors = world.stream("ERRORS").await;
    let letter = errors.get_last_raw_message_by_subject("errors.dead.f").await.unwrap();
    let header = |name| letter.headers.get(name).map(|value| value.as_str());
    assert_eq!((header("Small"), header("Large")), (Some("s"), None));
    assert_eq!(header("Orderflow-Dead-Headers-Left-Out"), Some("1"));
    assert_eq!(letter.payload, "poison");
    world.stop().await;
}

#[tokio::test]
async fn a_function_says_when_it_wants_to_be_called_again() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-inflight", "1")]);
    let calls = AtomicU32::new(0);
    world.gateway.deploy("f", move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Answer { status: 429, body: String::new(), retry_after: Some(2) },
        1 => {
            let failed = json!([{"id": "INTAKE:1", "reason": "busy", "after": "1500ms"}]);
            (200, json!({"failed": failed}).to_string()).into()
        }
        _ => (200, String::new()).into(),
    });
    world.publish("orders", r#"{"n":0}"#).await;
    world.start().await;
    world.settled("f", "orders").await;
    let began: Vec<_> = world.gateway.calls("f").iter().map(|call| call.began).collect();
    assert_eq!(began.len(), 3);
    assert!(began[1] - began[0] >= Duration::from_millis(1_950), "Retry-After");
    assert!(began[2] - began[1] >= Duration::from_millis(1_450), "after");
    assert_eq!(world.metric("connector_attempts_total{function=\"f\"}").await, Some(1.0));
    world.stop().await;
}

#[tokio::test]
async fn an_unknown_id_brings_the_whole_batch_again() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "4")]);
    for n in 0..4 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    let calls = AtomicU32::new(0);
    world.gateway.deploy("f", move |_| {
        let first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        let failed = json!({"failed": [{"id": "INTAKE:99", "reason": "?", "retry": false}]});
        (200, if first { failed.to_string() } else { String::new() })
    });
    world.start().await;
    world.settled("f", "orders").await;
    let sizes: Vec<_> = world.gateway.calls("f").iter().map(|call| call.events.len()).collect();
    assert_eq!(sizes, [4, 4]);
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_function_that_takes_few_calls_at_once_gets_few() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-inflight", "32")]);
    for n in 0..400 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.gateway.deploy_slow("f", Duration::from_millis(20), |call| {
        if call.at_once > 4 {
            return Answer { status: 429, body: String::new(), retry_after: Some(1) };
        }
        (200, String::new()).into()
    });
    world.start().await;
    world.settled("f", "orders").await;
    let limit = "connector_concurrency_limit{function=\"f\",filter=\"orders\"}";
    let limit = world.metric(limit).await.unwrap();
    assert!((1.0..=6.0).contains(&limit), "{limit}");
    let calls = world.gateway.calls("f");
    let refused = calls.iter().filter(|call| call.at_once > 4).count();
    assert!(refused < calls.len() / 5, "{refused} of {} were refused", calls.len());
    let taken = calls.iter().filter(|call| call.at_once <= 4);
    let taken: BTreeSet<u64> = taken.flat_map(|call| numbers(&call.events)).collect();
    assert_eq!(taken.len(), 400);
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}
