//! An operator's refusal of the next message, on a real nats-server.

use crate::support::{FILTER, World, send, setup};
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use chrono::DateTime;
use domain::order::{Cancels, Order, Terms, amend::Amending};
use domain::raw;
use messaging::publish::{self, Outgoing, Published};
use messaging::subject::{self, Stage};
use messaging::{Event, events, streams, tail};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use state::journal::{Place, position};
use testkit::history::{History, Options, Report};

impl<S> World<S> {
    async fn skip(&self, key: &str, body: impl ToString) -> (u16, Value) {
        let request = Request::post("/journal/skip")
            .header(header::AUTHORIZATION, "Bearer admin")
            .header("idempotency-key", key);
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn skip_at(&self, sequence: u64) -> (u16, Value) {
        let body = json!({"sequence": sequence, "reason": "it makes the function fail"});
        self.skip(&format!("key-{sequence}"), body).await
    }

    pub(crate) async fn publish(&self, message: &Outgoing) -> u64 {
        match publish::one(&self.nats, message, None).await.unwrap() {
            Published::Stored(sequence) => sequence,
            Published::Occupied => panic!("{} is occupied", message.subject),
        }
    }

    pub(crate) async fn place(&self, id: &str, quantity: i64) -> u64 {
        self.publish(&placed(&order(id, quantity))).await
    }

    /// What stands on the lane, as the connector sends it.
    pub(crate) async fn batch(&self) -> Request<Body> {
        let mut messages = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let sequence = message.info().unwrap().stream_sequence;
            messages.push((sequence, message.subject.to_string(), message.payload.clone()));
        };
        tail::read(&self.nats, streams::ORDERS, FILTER, 1, false, each).await.unwrap();
        let place = position(&self.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
        batch(&place.identity, messages)
    }

    pub(crate) async fn decide_all(&self) -> u64 {
        let (status, body) = send(&self.router, self.batch().await).await;
        assert_eq!(status, 200, "{body}");
        body["decided_to"].as_u64().unwrap()
    }

    /// `subject type reason` of everything on `filter`.
    pub(crate) async fn said(&self, stream: &str, filter: &str) -> Vec<String> {
        let mut said = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event: Event = serde_json::from_slice(&message.payload).unwrap();
            let reason = message.headers.as_ref().and_then(|h| h.get("Orderflow-Reason"));
            let reason = reason.map_or("", |reason| reason.as_str());
            let kind = event.kind.trim_start_matches("orderflow.order.").to_owned();
            said.push(format!("{} {kind} {reason}", message.subject).trim().to_owned());
        };
        tail::read(&self.nats, stream, filter, 1, false, each).await.unwrap();
        said
    }
}

impl World {
    pub(crate) async fn history(&self) -> Report {
        let history = History::read(&self.server.url()).await.unwrap();
        let report = history.check(Options { sent: false });
        report.assert_clean();
        report
    }
}

/// Messages of the lane with their sequences and subjects, as the connector sends them.
pub(crate) fn batch(
    identity: &str,
    messages: impl IntoIterator<Item = (u64, String, Bytes)>,
) -> Request<Body> {
    let (mut batch, mut previous) = (Vec::new(), 0_u64);
    for (sequence, subject, payload) in messages {
        let raw = || Event::new(sequence.to_string(), "/test", events::RAW, &subject, None);
        let event = serde_json::from_slice(&payload);
        let mut event: Event<Option<Box<RawValue>>> = event.unwrap_or_else(|_| raw());
        event.sequence = Some(sequence.to_string());
        event.previous = Some(previous.to_string());
        previous = sequence;
        batch.push(serde_json::to_string(&event).unwrap());
    }
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
        .header(header::AUTHORIZATION, "Bearer connector")
        .header("orderflow-after", 0)
        .header("orderflow-stream", "ORDERS")
        .header("orderflow-stream-identity", identity)
        .header("orderflow-filter", FILTER);
    request.body(Body::from(format!("[{}]", batch.join(",")))).unwrap()
}

pub(crate) fn order(id: &str, quantity: i64) -> Order {
    let json = json!({"order_id": id, "product": "P001", "quantity": quantity, "price": 1});
    raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()
}

pub(crate) fn placed(order: &Order) -> Outgoing {
    let Order { warehouse, partner, order_id, .. } = order;
    let subject = subject::order(Stage::Placed, warehouse, partner, order_id);
    let kind = match (&order.cancels, &order.amends) {
        (Some(_), _) => events::ORDER_CANCELLING,
        (None, Some(_)) => events::ORDER_AMENDING,
        (None, None) => events::ORDER_PLACED,
    };
    let data = match order.amends {
        Some(_) => json!(Amending { attempt: order.attempt, order }),
        None => json!(order),
    };
    let event =
        Event::new(format!("{}:{}", order.order_id, order.attempt), "/test", kind, &subject, data);
    Outgoing::new(subject, event.to_bytes())
        .header("Orderflow-Attempt", &order.attempt.to_string())
        .header("Orderflow-Kind", messaging::inventory::kind_name(order.kind))
}

#[tokio::test]
async fn what_is_skipped_is_refused_and_the_lane_goes_on_behind_it() {
    let world = World::start().await;
    // The first message of a journal that has no entry yet, and one in the middle.
    let first = world.place("1", 1).await;
    let (status, body) = world.skip_at(first).await;
    assert_eq!((status, &body["applied"]), (200, &json!(true)), "{body}");
    world.place("2", 2).await;
    assert!(world.decide_all().await > first);
    let third = world.place("3", -3).await;
    let fourth = world.place("4", 4).await;
    assert_eq!(world.skip_at(third).await.0, 200);
    // The connector gives out what it holds, and finds a position that has moved on.
    assert_eq!(world.decide_all().await, fourth);
    assert_eq!(world.available("P001").await, 44);
    let said = world.said(streams::ORDERS, "orders.refused.>").await;
    let expected =
        ["1", "3"].map(|id| format!("orders.refused.main.DIRECT.{id} refused.v1 skipped"));
    assert_eq!(said, expected);
    let summary = world.history().await.summary;
    assert_eq!((summary.confirmed, summary.refused), (2, 2));
}

#[tokio::test]
async fn a_message_is_skipped_once_whoever_repeats_it() {
    let world = World::start().await;
    let first = world.place("1", 1).await;
    let second = world.place("2", 1).await;
    let body = json!({"sequence": first, "reason": "r"});
    assert_eq!(world.skip("a", &body).await.1["applied"], true);
    assert_eq!(world.skip("a", &body).await.1["applied"], false);
    let (status, answer) = world.skip("b", &body).await;
    assert_eq!((status, &answer["decided_to"]), (409, &json!(first)), "{answer}");
    assert_eq!(world.decide_all().await, second);
    assert_eq!(world.skip("a", &body).await.1["applied"], false);
    world.history().await;
}

#[tokio::test]
async fn only_the_next_message_can_be_skipped() {
    let world = World::start().await;
    assert_eq!(world.skip_at(1).await.1["detail"], "nothing waits behind 0");
    let first = world.place("1", 1).await;
    let second = world.place("2", 1).await;
    let (status, body) = world.skip_at(second).await;
    let expected = format!("the next message is {first}, not {second}");
    assert_eq!((status, &body["detail"]), (409, &json!(expected)));
    assert_eq!(body["decided_to"], 0);
    assert_eq!(world.skip_at(first + 100).await.0, 409);
    assert_eq!(world.skip_at(0).await.0, 409);
    let elsewhere = json!({"sequence": first, "reason": "r", "warehouse": "north"});
    assert_eq!(world.skip("k", elsewhere).await.0, 404);
    assert_eq!(world.decide_all().await, second);
    assert_eq!(world.skip_at(second).await.0, 409);
    assert_eq!(world.history().await.summary.confirmed, 2);
}

#[tokio::test]
async fn a_command_that_is_wrong_says_why() {
    let world = World::start().await;
    let first = world.place("1", 1).await;
    for reason in [" ".to_owned(), "x".repeat(501)] {
        let (status, body) = world.skip("k", json!({"sequence": first, "reason": reason})).await;
        assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("reason")));
    }
    for body in [
        "",
        "{}",
        r#"{"sequence":1}"#,
        r#"{"sequence":-1,"reason":"r"}"#,
        r#"{"sequence":"1","reason":"r"}"#,
        r#"{"sequence":1,"reason":"r","all":true}"#,
        r#"{"sequence":1,"reason":"r","warehouse":"a.b"}"#,
    ] {
        assert_eq!(world.skip("k", body).await.0, 422, "{body}");
    }
    let body = json!({"sequence": first, "reason": "r"});
    assert_eq!(world.skip(&"k".repeat(256), &body).await.0, 400);
    for (token, status) in [("guess", 401), ("read", 403), ("connector", 403)] {
        let request = Request::post("/journal/skip")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("idempotency-key", "k");
        let request = request.body(Body::from(body.to_string())).unwrap();
        assert_eq!(send(&world.router, request).await.0, status, "{token}");
    }
    assert_eq!(world.decide_all().await, first);
    assert_eq!(world.history().await.summary.confirmed, 1);
}

#[tokio::test]
async fn an_order_whose_cancellation_is_skipped_stays_confirmed() {
    let world = World::start().await;
    let sale = order("1", 5);
    let first = world.publish(&placed(&sale)).await;
    world.decide_all().await;
    let cancels = Cancels { attempt: 1, placed: first, decision: "d".into() };
    let second = world.publish(&placed(&sale.cancelling(cancels))).await;
    assert_eq!(world.skip_at(second).await.0, 200);
    assert_eq!(world.available("P001").await, 45);
    let said = world.said(streams::ORDERS, "orders.confirmed.>").await;
    let expected = ["confirmed.v1", "kept.v1 skipped"]
        .map(|kind| format!("orders.confirmed.main.DIRECT.1 {kind}"));
    assert_eq!(said, expected);
    assert_eq!(world.history().await.summary.kept, 1);
}

#[tokio::test]
async fn a_message_that_is_skipped_behind_a_confirmed_order_does_not_hide_it() {
    let world = World::start().await;
    let first = world.place("1", 5).await;
    assert_eq!(world.decide_all().await, first);
    let junk = Outgoing::new("orders.placed.main.DIRECT.1".into(), "garbage".into());
    let junk = world.publish(&junk.header("Orderflow-Attempt", "7")).await;
    assert_eq!(world.skip_at(junk).await.0, 200);
    let said = world.said(streams::ORDERS, "orders.confirmed.>").await;
    assert_eq!(said.last().unwrap(), "orders.confirmed.main.DIRECT.1 kept.v1");
    assert!(world.said(streams::ORDERS, "orders.refused.>").await.is_empty());
    world.is_confirmed_at(first, "skipped").await;
    let (main, now) = (domain::WarehouseId::main(), DateTime::UNIX_EPOCH);
    let verified = ::stock::verify(&world.nats, &main, now).await.unwrap();
    assert_eq!(verified.problems_total, 0, "{verified:?}");
}

#[tokio::test]
async fn what_names_no_order_is_skipped_as_well() {
    let world = World::start().await;
    let sequence =
        world.publish(&Outgoing::new("orders.placed.main.x".into(), "\u{0}garbage".into())).await;
    assert_eq!(world.skip_at(sequence).await.0, 200);
    assert!(world.said(streams::ORDERS, "orders.refused.>").await.is_empty());
    let said = world.said(streams::ERRORS, "errors.undecidable.main.>").await;
    assert_eq!(said.len(), 1);
    world.history().await;
}

#[tokio::test]
async fn a_stream_that_was_made_anew_is_not_skipped_into() {
    let world = World::start().await;
    world.place("1", 1).await;
    world.decide_all().await;
    world.nats.js.delete_stream(streams::ORDERS).await.unwrap();
    setup(&world.nats).await;
    // It begins at 1 again, and what is decided is only a number in it.
    world.place("2", 1).await;
    let next = world.place("3", 1).await;
    assert_eq!(next, 2);
    let (status, body) = world.skip_at(next).await;
    assert_eq!(status, 409);
    assert!(body["detail"].as_str().unwrap().ends_with("rebase first"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_decided_and_skipped_at_once_ends_once() {
    let world = World::start().await;
    for number in 0..10 {
        let sequence = world.place(&number.to_string(), 1).await;
        let batch = world.batch().await;
        let (decided, skipped) = tokio::join!(send(&world.router, batch), world.skip_at(sequence));
        assert_eq!(decided.0, 200, "{}", decided.1);
        assert!(matches!(skipped.0, 200 | 409), "{}", skipped.1);
    }
    let summary = world.history().await.summary;
    assert_eq!(summary.confirmed + summary.refused, 10);
}

#[tokio::test]
async fn the_state_of_a_journal_is_shown() {
    let world = World::start().await;
    let (status, before) = world.get("/journal").await;
    assert_eq!((status, &before["decided_to"]), (200, &json!(0)), "{before}");
    let sequence = world.place("1", 1).await;
    assert_eq!(world.decide_all().await, sequence);
    let (status, after) = world.get("/journal?warehouse=main").await;
    assert_eq!((status, after["decided_to"].as_u64()), (200, Some(sequence)), "{after}");
    assert_eq!(after["entry"].as_u64(), before["entry"].as_u64().map(|entry| entry + 1));
    assert_eq!((&after["filter"], &after["stream"]), (&json!(FILTER), &json!("ORDERS")));
    assert_eq!((&after["unsettled_seconds"], &after["foreign"]), (&json!(0), &json!(0)));
    // What is no entry is shown, and decides nothing.
    let stranger = Outgoing::new("journal.inventory.main".into(), Bytes::from_static(b"hello"));
    world.publish(&stranger).await;
    world.place("2", 1).await;
    world.decide_all().await;
    assert_eq!(world.get("/journal").await.1["foreign"], 1);
    assert_eq!(world.get("/journal?warehouse=nope").await.0, 404);
}
