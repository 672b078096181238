//! Orders by event and by HTTP.

use crate::support::{self, PARTNERS, World};
use axum::http::header;
use messaging::streams;
use runtime::events::{BATCH_JSON, EVENT_JSON};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

impl World {
    /// Status and body of the answer to one order or event.
    async fn post(&self, kind: &str, token: Option<&str>, body: impl ToString) -> (u16, Value) {
        let token = token.map(|token| format!("Bearer {token}"));
        let token = token.iter().map(|token| (header::AUTHORIZATION, token.as_str()));
        let headers: Vec<_> = token.chain([(header::CONTENT_TYPE, kind)]).collect();
        let (status, _, body) = support::post(&self.router, "/", &headers, body.to_string()).await;
        (status, body)
    }

    /// `id: reason` of those that are not done, `(again)` in front of those to be sent again.
    async fn failed(&self, events: &[Value]) -> Vec<String> {
        let body = self.batch(events).await;
        let line = |failed: &Value| {
            let again = if failed["retry"] == true { "(again) " } else { "" };
            let text = |name: &str| failed[name].as_str().unwrap().to_owned();
            format!("{again}{}: {}", text("id"), text("reason"))
        };
        body["failed"].as_array().unwrap().iter().map(line).collect()
    }
}

fn order(id: &str, quantity: i64) -> Value {
    json!({"order_id": id, "product_id": "P001", "quantity": quantity, "price": "1.50",
        "customer": "c1"})
}

fn event(id: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/test", "subject": "orders",
        "type": "orderflow.order.received.v1", "time": "2026-01-02T03:04:05Z", "sequence": "1",
        "data": data})
}

fn with(mut event: Value, name: &str, value: &str) -> Value {
    event[name] = value.into();
    event
}

#[tokio::test]
async fn a_bad_message_does_not_stop_the_good_ones_beside_it() {
    let world = World::start().await;
    let mut binary = event("binary", Value::Null);
    binary.as_object_mut().unwrap().remove("data");
    binary["data_base64"] = "AAEC".into();
    let failed = world
        .failed(&[
            event("e1", order("1", 1)),
            binary,
            event("text", "hello".into()),
            with(event("new", order("2", 1)), "partner", "NEW"),
            with(event("name", order("2", 1)), "partner", "no such/name"),
            event("zero", order("3", 0)),
            with(event("e4", order("4", 1)), "partner", "US2"),
            event("return", order("5", -1)),
        ])
        .await;
    let expected = [
        "binary: is not JSON: expected value at line 1 column 1",
        "text: is \"hello\", not a JSON object",
        "new: partner: NEW is not a configured partner",
        "name: partner: contains ' '; allowed are A-Z a-z 0-9 _ -",
        "zero: quantity: is 0; ",
    ];
    assert_eq!(failed.len(), expected.len(), "{failed:?}");
    for (failed, expected) in failed.iter().zip(expected) {
        assert!(failed.starts_with(expected), "{failed} is not {expected}");
    }
    let placed = ["DIRECT.1", "US2.4", "DIRECT.5"].map(|id| format!("orders.placed.main.{id}"));
    assert_eq!(world.placed().await, placed);
}

#[tokio::test]
async fn an_order_of_a_file_waits_for_its_partner_to_be_known() {
    let world = World::start().await;
    let given = with(event("e1", order("1", 1)), "partner", "NEW");
    let given = with(given, "file", &"0a".repeat(32));
    let expected = ["(again) e1: partner: NEW is not a configured partner"];
    assert_eq!(world.failed(std::slice::from_ref(&given)).await, expected);
    std::fs::write(world.partners.path(), format!("{PARTNERS}  NEW: {{currency: EUR}}\n")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !world.failed(std::slice::from_ref(&given)).await.is_empty() {
        assert!(Instant::now() < deadline, "the partner stays unknown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.placed().await, ["orders.placed.main.NEW.1"]);
}

#[tokio::test]
async fn an_order_says_who_what_and_where_from() {
    let world = World::start().await;
    let sha = "0a".repeat(32);
    let id = format!("{sha}:1");
    let given = with(event(&id, order("1", 2)), "partner", "US1");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let given = with(with(given, "file", &sha), "traceparent", trace);
    assert!(world.failed(&[given]).await.is_empty());
    let messages = world.messages(streams::ORDERS, "orders.placed.>").await;
    let [message] = &messages[..] else { panic!("one order") };
    let event = &message.event();
    assert_eq!(event["type"], "orderflow.order.placed.v1");
    assert_eq!((&event["id"], &event["partner"]), (&json!(id), &json!("US1")));
    assert_eq!((&event["file"], &event["traceparent"]), (&json!(sha), &json!(trace)));
    assert_eq!(event["subject"], message.subject);
    let data = json!({"order_id": "1", "partner": "US1", "warehouse": "main", "kind": "sale",
        "attempt": 1, "ordered_at": "2026-01-02T03:04:05Z", "currency": "GBP",
        "customer": {"id": "c1"}, "stock": event["data"]["stock"],
        "lines": [{"product_id": "P001", "quantity": 2, "unit_price": event["data"]["lines"][0]["unit_price"]}],
        "total": event["data"]["total"]});
    assert_eq!(event["data"], data);
    let headers = ["Kind", "Total", "File", "Event", "Attempt"]
        .map(|name| message.header(&format!("Orderflow-{name}")).unwrap());
    assert_eq!(headers, ["sale", "3.00", &sha, &format!("{sha}=3A1"), "1"]);
}

#[tokio::test]
async fn an_order_is_placed_once_however_often_it_comes() {
    let world = World::start().await;
    let twice =
        [event("e1", order("1", 1)), event("e2", order("1", 1)), event("e1", order("1", 1))];
    assert!(world.failed(&twice).await.is_empty());
    assert!(world.failed(&twice).await.is_empty());
    assert_eq!(world.placed().await, ["orders.placed.main.DIRECT.1"]);
    assert!(world.messages(streams::ERRORS, "errors.>").await.is_empty());
    // The same number of another partner is another order.
    let other = with(event("e3", order("1", 1)), "partner", "US1");
    assert!(world.failed(&[other]).await.is_empty());
    assert_eq!(world.placed().await.len(), 2);
}

#[tokio::test]
async fn another_order_with_a_known_id_is_kept_as_a_conflict() {
    let world = World::start().await;
    let mut batch = [event("e1", order("a.1", 1)), event("e2", order("a.1", 2))];
    let file = "cafe".repeat(16);
    batch[1]["file"] = file.as_str().into();
    assert!(world.failed(&batch).await.is_empty());
    assert!(world.failed(&batch[1..]).await.is_empty());
    assert_eq!(world.placed().await, ["orders.placed.main.DIRECT.a=2E1"]);
    let conflicts = world.messages(streams::ERRORS, "errors.>").await;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].subject, "errors.conflict.DIRECT.a=2E1");
    let event = conflicts[0].event();
    let data = &event["data"];
    assert_eq!((&data["order"], &data["order_id"]), (&order("a.1", 2), &json!("a.1")));
    assert_ne!(data["content"], data["placed_content"]);
    // By these two the file's decisions find it.
    assert_eq!((&event["id"], &event["file"]), (&json!("e2"), &json!(file)));
}

#[tokio::test]
async fn every_conflict_is_kept_whatever_id_its_event_has() {
    let world = World::start().await;
    let placed: Vec<_> = (0..10).map(|n| event("p", order(&n.to_string(), 1))).collect();
    assert!(world.failed(&placed).await.is_empty());
    let one_id: Vec<_> = (0..10).map(|n| event("same", order(&n.to_string(), 2))).collect();
    assert!(world.failed(&one_id).await.is_empty());
    assert!(world.failed(&one_id).await.is_empty(), "what comes again is the same conflict");
    let conflicts = async || world.messages(streams::ERRORS, "errors.conflict.>").await.len();
    assert_eq!(conflicts().await, 10);
    // Another content, another sender.
    let other = event("same", order("1", 3));
    let shop = with(event("same", order("1", 2)), "source", "/shop");
    assert!(world.failed(&[other, shop]).await.is_empty());
    assert_eq!(conflicts().await, 12);
}

#[tokio::test]
async fn ids_that_look_equal_are_one_order() {
    let world = World::start().await;
    let ids = ["A1", "\u{feff}A1", "A\u{200b}1", " A1\u{a0}"];
    let events: Vec<_> = ids.iter().map(|id| event(id, order(id, 1))).collect();
    assert!(world.failed(&events).await.is_empty());
    assert_eq!(world.placed().await, ["orders.placed.main.DIRECT.A1"]);
    assert!(world.messages(streams::ERRORS, "errors.>").await.is_empty());
}

#[tokio::test]
async fn a_stream_that_is_full_is_no_verdict_about_an_order() {
    use async_nats::jetstream::stream::DiscardPolicy;
    let world = World::start().await;
    let stream = world.nats.js.get_stream(streams::ORDERS).await.unwrap();
    let whole = stream.cached_info().config.clone();
    let mut full = whole.clone();
    (full.max_messages, full.discard) = (1, DiscardPolicy::New);
    world.nats.js.update_stream(&full).await.unwrap();
    assert!(world.failed(&[event("e1", order("1", 1))]).await.is_empty());
    let second = event("e2", order("2", 1));
    let failed = world.failed(std::slice::from_ref(&second)).await;
    let said = "(again) e2: orders.placed.main.DIRECT.2 does not take the message: maximum";
    assert!(failed[0].starts_with(said), "{failed:?}");
    let (status, body) = world.post("application/json", Some("admin"), order("2", 1)).await;
    let detail = body["detail"].as_str().unwrap();
    assert_eq!(status, 503);
    assert!(detail.starts_with("the order is not placed: "), "{detail}");
    world.nats.js.update_stream(&whole).await.unwrap();
    assert!(world.failed(&[second]).await.is_empty());
    assert_eq!(world.placed().await.len(), 2);
}

#[tokio::test]
async fn ids_may_be_any_text() {
    let world = World::start().await;
    let ids = ["a.b.c", "two words", "*", ">", "🛒", "=2E", "Ünï/çode\\\"'"];
    let source = |id: &&str| with(event(id, order(id, 1)), "source", "a\r\nNats-Rollup: all");
    let events: Vec<_> = ids.iter().map(source).collect();
    assert!(world.failed(&events).await.is_empty());
    let placed = world.messages(streams::ORDERS, "orders.placed.>").await;
    let found: Vec<_> = placed.iter().map(|m| m.event()["data"]["order_id"].clone()).collect();
    assert_eq!(found, ids);
    for message in &placed {
        assert_eq!(message.subject.split('.').count(), 5, "{}", message.subject);
        assert!(message.headers.iter().all(|(_, values)| values[0].as_str().len() < 200));
        assert_eq!(message.header("Nats-Rollup"), None);
    }
    let long = "x".repeat(129);
    let failed = world.failed(&[event("e", order(&long, 1))]).await;
    assert_eq!(failed, ["e: order_id: has 129 bytes, the limit is 128"]);
}

#[tokio::test]
async fn an_order_that_is_too_large_is_refused_and_names_the_limit() {
    let world = World::start().await;
    let line = json!({"product_id": "P001", "quantity": 1, "price": 1});
    let lines = |count| json!({"order_id": "1", "lines": vec![line.clone(); count]});
    let failed = world.failed(&[event("e", lines(1_001))]).await;
    assert!(failed[0].contains("1001") && failed[0].contains("1000"), "{failed:?}");
    let mut large = lines(1_000);
    for line in large["lines"].as_array_mut().unwrap() {
        line["description"] = "x".repeat(500).into();
    }
    let failed = world.failed(&[event("e", large)]).await;
    assert!(
        failed[0].starts_with("e: the order has ") && failed[0].ends_with("the limit is 262144")
    );
    assert!(world.failed(&[event("e", lines(1_000))]).await.is_empty());
    let file = with(event("f", order("2", 1)), "file", &"\n".repeat(200_000));
    assert!(world.failed(&[file]).await[0].starts_with("f: file: is \"\\n"));
    assert_eq!(world.placed().await.len(), 1);
}

#[tokio::test]
async fn one_order_by_http_is_placed_or_says_what_is_wrong() {
    let world = World::start().await;
    let post = async |body: Value| world.post("application/json", Some("admin"), body).await;
    let (status, body) = post(order("1", 1)).await;
    assert_eq!((status, &body["status"], &body["sequence"]), (201, &json!("placed"), &json!(1)));
    let (status, body) = post(order("1", 1)).await;
    assert_eq!((status, &body["status"], &body["sequence"]), (200, &json!("duplicate"), &json!(1)));
    let (status, body) = post(order("1", 2)).await;
    assert_eq!(
        (status, body["detail"].as_str()),
        (409, Some("order 1 of DIRECT exists with other content"))
    );
    assert_eq!(world.messages(streams::ERRORS, "errors.conflict.>").await.len(), 1);
    let mut named = order("1", 1);
    named["customer"] = json!({"id": "c1", "name": "Ana"});
    let (status, body) = post(named).await;
    assert_eq!(
        (status, body["detail"].as_str()),
        (409, Some("order 1 of DIRECT exists with another person"))
    );

    let bad = json!({"order_id": "", "lines": [
        {"product_id": "P001", "quantity": 1, "price": 1},
        {"product_id": "P002", "quantity": 0, "price": "many"}]});
    let (status, body) = post(bad).await;
    assert_eq!(status, 422);
    let fields: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| &e["field"]).collect();
    assert_eq!(fields, ["order_id", "lines[1].quantity", "lines[1].price"]);
    let (status, body) = world.post("application/json", Some("admin"), "{").await;
    assert_eq!((status, body["errors"][0]["field"].as_str()), (400, Some("")));
}

#[tokio::test]
async fn the_door_is_closed_unless_it_was_opened() {
    let world = World::start().await;
    for kind in ["application/json", EVENT_JSON] {
        for (token, status) in [(None, 401), (Some("guess"), 401)] {
            assert_eq!(world.post(kind, token, order("1", 1)).await.0, status, "{token:?}");
        }
    }
    let batch = json!([event("e", order("1", 1))]);
    for (token, status) in [(None, 401), (Some("shop"), 403), (Some("admin"), 403)] {
        let (got, body) = world.post(BATCH_JSON, token, &batch).await;
        assert_eq!(got, status, "{token:?}");
        assert!(body["detail"].as_str().unwrap().ends_with("connector-token"), "{body}");
    }
    // The connector's token brings events, and no order of its own.
    let (status, body) = world.post("application/json", Some("connector"), order("1", 1)).await;
    assert_eq!(status, 415, "{body}");
    assert!(world.placed().await.is_empty());
    let world = World::open().await;
    assert_eq!(world.post("application/json", None, order("1", 1)).await.0, 201);
    assert_eq!(world.post(EVENT_JSON, None, event("e", order("2", 1))).await.0, 201);
    // An open door is no door for batches.
    assert_eq!(world.post(BATCH_JSON, None, batch).await.0, 401);
}

#[tokio::test]
async fn the_token_of_shops_places_orders_and_does_nothing_else() {
    let world = World::start().await;
    assert_eq!(world.post("application/json", Some("shop"), order("1", 1)).await.0, 201);
    let token = [(header::AUTHORIZATION, "Bearer shop")];
    for path in ["/retry", "/cancel"] {
        let body = json!({"order_id": "1"}).to_string();
        assert_eq!(support::post(&world.router, path, &token, body).await.0, 403, "{path}");
    }
    assert_eq!(world.placed().await.len(), 1);
}

#[tokio::test]
async fn an_event_by_http_is_read_as_one_whatever_its_content_type_says() {
    let world = World::start().await;
    let kinds = [EVENT_JSON, "application/json", "application/x-www-form-urlencoded"];
    for (n, kind) in kinds.into_iter().enumerate() {
        let post = async |event| world.post(kind, Some("shop"), event).await;
        let id = n.to_string();
        let whole = with(event(&id, order(&id, 1)), "partner", "US1");
        let (status, body) = post(with(whole.clone(), "type", "orderflow.raw.v1")).await;
        assert_eq!((status, &body["status"]), (201, &json!("placed")), "{kind}: {body}");
        let (status, body) = post(whole).await;
        assert_eq!((status, &body["status"]), (200, &json!("duplicate")), "{kind}: {body}");
        let other = with(event("other", order(&id, 2)), "partner", "US1");
        assert_eq!(post(other).await.0, 409, "{kind}");
        let cart = with(event("cart", order("9", 1)), "type", "com.shop.cart.abandoned");
        let (status, body) = post(cart).await;
        let reason = "is \"com.shop.cart.abandoned\", which is no order; types of orders are \
            orderflow.order.received.v1, orderflow.raw.v1";
        let errors = json!([{"field": "type", "reason": reason}]);
        assert_eq!((status, &body["errors"]), (422, &errors), "{kind}");
        let mut half = event("half", order("9", 1));
        half.as_object_mut().unwrap().remove("id");
        let errors = json!([{"field": "id", "reason": "is missing, and every CloudEvent has one"}]);
        let (status, body) = post(half).await;
        assert_eq!((status, &body["errors"]), (422, &errors), "{kind}");
    }
    // What says that it is an event has to be one.
    let (status, body) = world.post(EVENT_JSON, Some("shop"), order("9", 1)).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("specversion")), "{body}");
    let placed = world.messages(streams::ORDERS, "orders.placed.>").await;
    let ids: Vec<_> = placed.iter().map(|order| order.event()["id"].clone()).collect();
    assert_eq!(ids, ["0", "1", "2"]);
    // A conflict keeps the order, without the event around it.
    let conflicts = world.messages(streams::ERRORS, "errors.conflict.>").await;
    let kept: Vec<_> = conflicts.iter().map(|it| it.event()["data"]["order"].clone()).collect();
    assert_eq!(kept, ["0", "1", "2"].map(|id| order(id, 2)));
}

#[tokio::test]
async fn an_order_by_http_has_the_call_id_of_its_answer() {
    let world = World::start().await;
    let mut expected = Vec::new();
    for (id, given) in [("1", ""), ("2", "x-call-id: mine\r\n")] {
        let headers = format!("authorization: Bearer shop\r\n{given}");
        let (head, _) = world.request(&headers, &order(id, 1).to_string()).await;
        let call = head.lines().find_map(|line| line.strip_prefix("x-call-id: ")).unwrap();
        expected.push(format!("http:{call}"));
    }
    assert_eq!(expected[1], "http:mine");
    let placed = world.messages(streams::ORDERS, "orders.placed.>").await;
    let ids: Vec<_> = placed.iter().map(|order| order.event()["id"].clone()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn an_order_by_http_is_limited_before_it_is_read() {
    let world = World::start().await;
    let large = order("1", 1).to_string() + &" ".repeat(300_000);
    let (head, body) = world.request("authorization: Bearer shop\r\n", &large).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(body["detail"], "the body is larger than 262144 bytes");
    // A batch may be larger.
    let batch = json!([event("e", order("2", 1)), event("f", json!("x".repeat(300_000)))]);
    let headers =
        "authorization: Bearer connector\r\ncontent-type: application/cloudevents-batch+json\r\n";
    let (head, body) = world.request(headers, &batch.to_string()).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(body["failed"][0]["id"], "f");
    assert_eq!(world.placed().await, ["orders.placed.main.DIRECT.2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_away_everything_is_to_be_sent_again_and_nothing_is_lost() {
    let world = World::start().await;
    let orders: Vec<_> =
        (0..200).map(|n| event(&format!("e{n}"), order(&n.to_string(), 1))).collect();
    let bad = event("bad", order("x", 0));
    world.server.kill();
    let begun = Instant::now();
    let failed = world.failed(&[&orders[..], &[bad]].concat()).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(failed.iter().filter(|line| line.starts_with("(again) ")).count(), 200);
    assert!(failed.iter().any(|line| line.starts_with("bad: quantity: is 0; ")));
    let (status, _) = world.post("application/json", Some("admin"), order("http", 1)).await;
    assert_eq!(status, 503);
    world.server.restart();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !world.failed(&orders).await.is_empty() {
        assert!(Instant::now() < deadline);
    }
    let placed = world.placed().await;
    // The order by HTTP may have come through as well.
    assert_eq!(placed.iter().filter(|subject| !subject.ends_with("http")).count(), 200);
}
