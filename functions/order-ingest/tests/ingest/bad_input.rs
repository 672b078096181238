//! What is no order, with the exact words in which it is refused: over HTTP, and through the
//! connector, which keeps it as a dead letter.

use crate::cases::{Case, cases};
use crate::delivered::Letter;
use crate::support::{World, post};
use axum::http::header;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn refusal(case: &Case, body: &Value) -> Value {
    let errors: Vec<Value> = case
        .problems
        .iter()
        .map(|(field, reason)| json!({"field": field, "reason": reason}))
        .collect();
    let detail = match case.status {
        400 => "the body is not JSON that can be read; an order is a JSON object",
        _ => "this is not an order that can be placed",
    };
    assert_eq!(body["detail"], detail, "{}: {body}", case.name);
    errors.into()
}

#[tokio::test]
async fn what_is_no_order_is_refused_over_http_by_field_path() {
    let world = World::open().await;
    for case in cases() {
        let (status, kind, body) = post(&world.router, "/", &[], case.body.clone()).await;
        assert_eq!(status, case.status, "{}: {body}", case.name);
        assert_eq!(kind, "application/problem+json", "{}", case.name);
        assert_eq!(body["status"], case.status, "{}", case.name);
        assert_eq!(body["errors"], refusal(&case, &body), "{}", case.name);
    }
    assert!(world.placed().await.is_empty());
}

#[tokio::test]
async fn what_is_no_order_is_kept_as_it_came_with_the_same_words() {
    let world = World::open().await;
    let connector = world.connect().await;
    // What is larger than a message of NATS cannot come this way.
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.body.len() < 1_000_000).collect();
    for case in &cases {
        world.publish(&case.body).await;
    }
    // A good one behind them is not held up.
    world.publish(br#"{"order_id":"good","product":"P001","quantity":1,"price":1}"#).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut letters = Vec::new();
    while letters.len() < cases.len() || world.placed().await.is_empty() {
        assert!(Instant::now() < deadline, "{} of {}", letters.len(), cases.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
        letters = world.letters().await;
    }
    assert_eq!(world.placed().await, ["orders.placed.main.DIRECT.good"]);
    letters.sort_by_key(Letter::sequence);
    for (case, letter) in cases.iter().zip(&letters) {
        check_letter(case, letter);
    }
    connector.stop().await;
    assert_eq!(world.letters().await.len(), cases.len(), "each is kept once");
}

#[track_caller]
fn check_letter(case: &Case, letter: &Letter) {
    assert_eq!(letter.payload(), case.body, "{}", case.name);
    let texts: Vec<String> = case
        .problems
        .iter()
        .map(|(field, reason)| match field.as_str() {
            "" => reason.clone(),
            field => format!("{field}: {reason}"),
        })
        .collect();
    let expected: String = texts.join("; ").chars().take(1_000).collect();
    assert_eq!(letter.header("Error"), expected, "{}", case.name);
    assert_eq!(letter.header("Subject"), "orders");
    assert_eq!(letter.header("Stream"), "INTAKE");
    assert_eq!(letter.header("Function"), "order-ingest");
    assert_eq!(letter.header("Attempts"), "1", "{}", case.name);
}

#[tokio::test]
async fn what_says_that_it_is_no_json_is_not_looked_at() {
    let world = World::open().await;
    let order = br#"{"order_id":"1","product":"P001","quantity":1,"price":1}"#;
    for (name, value, field) in [
        (header::CONTENT_TYPE, "text/csv", "content-type"),
        (header::CONTENT_TYPE, "application/json; charset=utf-16", "content-type"),
        (header::CONTENT_ENCODING, "gzip", "content-encoding"),
    ] {
        let (status, _, body) = post(&world.router, "/", &[(name, value)], order.to_vec()).await;
        assert_eq!((status, &body["errors"][0]["field"]), (415, &json!(field)), "{body}");
    }
    assert!(world.placed().await.is_empty());
    // As `curl -d` sends it.
    let form = [(header::CONTENT_TYPE, "application/x-www-form-urlencoded")];
    assert_eq!(post(&world.router, "/", &form, order.to_vec()).await.0, 201);
}

#[tokio::test]
async fn an_event_around_an_order_is_checked_too() {
    let world = World::open().await;
    let event = |members: Value| {
        let mut event = json!({"specversion": "1.0", "id": "e", "source": "/test",
            "type": "orderflow.order.received.v1", "sequence": "1", "data": {"order_id": "1", "product": "P001", "quantity": 1,
            "price": 1, "customer": "c", "partner": "US1"}});
        for (name, value) in members.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    for (members, expected) in [
        (json!({"partner": "US2"}), "partner: is US1, but US2 sent it"),
        (json!({"partner": "US 1"}), "partner: contains ' '; allowed are A-Z a-z 0-9 _ -"),
        (
            json!({"time": "now"}),
            "time: is not a time of RFC 3339: input contains invalid characters",
        ),
        (json!({"data": null}), "is empty or null; an order is a JSON object"),
        (json!({"data": [1]}), "is a list, not a JSON object"),
        (
            json!({"partner": "NEW", "data": {"order_id": "1", "product": "P", "quantity": 1, "price": 1}}),
            "partner: NEW is not a configured partner",
        ),
    ] {
        let failed = world.batch(&[event(members)]).await;
        assert_eq!(failed["failed"][0]["reason"], expected);
        assert_eq!(failed["failed"][0]["retry"], false);
    }
    assert!(world.placed().await.is_empty());
    assert_eq!(world.batch(&[event(json!({"partner": "US1"}))]).await["failed"], json!([]));
}

#[tokio::test]
async fn what_can_never_be_placed_is_a_dead_letter_and_good_orders_behind_it_are_placed() {
    let world = World::open().await;
    let connector = world.connect().await;
    let event = |members: Value| {
        let mut event = json!({"specversion": "1.0", "id": "e", "source": "/test",
            "type": "orderflow.order.received.v1",
            "data": {"order_id": "bad", "product": "P001", "quantity": 1, "price": 1}});
        for (name, value) in members.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    };
    let large = "é".repeat(20_000);
    let bad = [
        (event(json!({"id": large})), "id: has 40000 bytes, the limit is 128"),
        (event(json!({"file": large})), "file: is \"é"),
        (
            event(json!({"type": "com.shop.cart.abandoned"})),
            "type: is \"com.shop.cart.abandoned\", which is no order; types of orders are \
             orderflow.order.received.v1, orderflow.raw.v1",
        ),
        (event(json!({"id": null})), "id: is missing, and every CloudEvent has one"),
        (event(json!({"specversion": "0.3"})), "specversion: is \"0.3\", and events of version"),
        (event(json!({"data_base64": "e30="})), "data_base64: stands beside `data`"),
    ];
    for (event, _) in &bad {
        world.publish(event.to_string().as_bytes()).await;
    }
    world.publish(br#"{"order_id":"good","product":"P001","quantity":1,"price":1}"#).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.letters().await.len() < bad.len() || world.placed().await.is_empty() {
        assert!(Instant::now() < deadline, "{} letters", world.letters().await.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.placed().await, ["orders.placed.main.DIRECT.good"]);
    let mut letters = world.letters().await;
    letters.sort_by_key(Letter::sequence);
    for ((_, expected), letter) in bad.iter().zip(&letters) {
        let error = letter.header("Error");
        assert!(error.starts_with(expected), "{error:?} is not {expected:?}");
    }
    connector.stop().await;
}

#[tokio::test]
async fn an_event_in_binary_mode_is_read_whole_or_refused() {
    let world = World::open().await;
    let order = br#"{"order_id":"1","product":"P001","quantity":1,"price":1,"customer":"c"}"#;
    let headers = |names: &[(&'static str, &'static str)]| {
        let header = |(name, value): &(&'static str, &'static str)| {
            (axum::http::HeaderName::from_static(name), *value)
        };
        names.iter().map(header).collect::<Vec<_>>()
    };
    let whole = [
        ("ce-specversion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "/shop"),
        ("ce-type", "orderflow.order.received.v1"),
        ("ce-partner", "US1"),
        ("ce-time", "2026-01-02T03:04:05Z"),
        ("content-type", "application/json"),
    ];
    let (status, _, body) = post(&world.router, "/", &headers(&whole), order.to_vec()).await;
    assert_eq!((status, &body["partner"]), (201, &json!("US1")), "{body}");
    let placed = world.messages(messaging::streams::ORDERS, "orders.placed.>").await;
    let event = placed[0].event();
    assert_eq!((&event["id"], &event["time"]), (&json!("7"), &json!("2026-01-02T03:04:05Z")));
    for (missing, field) in [(0, "specversion"), (1, "id"), (2, "source"), (3, "type")] {
        let mut half = whole.to_vec();
        half.remove(missing);
        let (status, _, body) = post(&world.router, "/", &headers(&half), order.to_vec()).await;
        assert_eq!((status, &body["errors"][0]["field"]), (422, &json!(field)), "{body}");
    }
    let mut other = whole;
    other[3].1 = "com.shop.order.cancelled";
    let (status, _, body) = post(&world.router, "/", &headers(&other), order.to_vec()).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("type")), "{body}");
    assert_eq!(world.placed().await, ["orders.placed.main.US1.1"]);

    // The same on the subject `orders`.
    let connector = world.connect().await;
    let mut sent = async_nats::HeaderMap::new();
    for (name, value) in whole {
        sent.insert(name, value);
    }
    let order = r#"{"order_id":"2","product":"P001","quantity":1,"price":1,"customer":"c"}"#;
    let ack = world.nats.js.publish_with_headers("orders", sent.clone(), order.into());
    ack.await.unwrap().await.unwrap();
    sent.insert("ce-type", "com.shop.order.cancelled");
    let ack = world.nats.js.publish_with_headers("orders", sent, order.into());
    ack.await.unwrap().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.placed().await.len() < 2 || world.letters().await.is_empty() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.placed().await[1], "orders.placed.main.US1.2");
    assert!(world.letters().await[0].header("Error").starts_with("type: is "));
    connector.stop().await;
}
