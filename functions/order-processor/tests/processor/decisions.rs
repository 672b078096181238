//! Ordered batches and stock, on a real nats-server.

use crate::support::{FILTER, World, build, send};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use chrono::DateTime;
use domain::order::Terms;
use domain::{Order, raw};
use messaging::publish::{self, Outgoing};
use messaging::summary::Summary;
use messaging::{streams, tail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A batch as the connector sends it.
pub(crate) struct Batch<'a> {
    after: u64,
    created: &'a str,
    filter: &'a str,
    events: Vec<Value>,
}

impl Default for Batch<'_> {
    fn default() -> Self {
        Self { after: 0, created: "2026-01-01T00:00:00Z", filter: FILTER, events: Vec::new() }
    }
}

impl Batch<'_> {
    pub(crate) async fn send(&self, router: &Router) -> (u16, Value) {
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .header(header::AUTHORIZATION, "Bearer connector")
            .header("orderflow-after", self.after)
            .header("orderflow-stream", "ORDERS")
            .header("orderflow-stream-created", self.created)
            .header("orderflow-filter", self.filter);
        let body = Body::from(Value::from(self.events.clone()).to_string());
        send(router, request.body(body).unwrap()).await
    }
}

impl World {
    #[track_caller]
    pub(crate) fn decided(answer: (u16, Value)) -> u64 {
        assert_eq!(answer.0, 200, "{}", answer.1);
        answer.1["decided_to"].as_u64().unwrap()
    }

    pub(crate) async fn decide(&self, after: u64, events: &[Value]) -> u64 {
        let batch = Batch { after, events: events.to_vec(), ..Batch::default() };
        Self::decided(batch.send(&self.router).await)
    }

    pub(crate) async fn set(&self, key: Option<&str>, body: impl ToString) -> (u16, Value) {
        let mut request = Request::put("/stock").header(header::AUTHORIZATION, "Bearer admin");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn messages(&self, stream: &str, filter: &str) -> Vec<Message> {
        let mut found = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let headers = message.headers.clone().unwrap_or_default();
            let json = serde_json::from_slice(&message.payload).unwrap();
            found.push(Message { subject: message.subject.to_string(), headers, json });
        };
        tail::read(&self.nats, stream, filter, 1, false, each).await.unwrap();
        found
    }

    pub(crate) async fn subjects(&self, stream: &str, filter: &str) -> Vec<String> {
        self.messages(stream, filter).await.into_iter().map(|message| message.subject).collect()
    }
}

pub(crate) struct Message {
    pub(crate) subject: String,
    pub(crate) headers: async_nats::HeaderMap,
    pub(crate) json: Value,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().as_str()
    }
}

pub(crate) fn placed(id: &str, lines: &[(&str, i64)]) -> Value {
    let lines: Vec<_> = lines
        .iter()
        .map(|(product, quantity)| json!({"product_id": product, "quantity": quantity, "price": 1}))
        .collect();
    let json = json!({"order_id": id, "lines": lines});
    let order =
        raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
    serde_json::to_value(order).unwrap()
}

/// Events with the sequences `from`, `from + 2`, …, each naming the one before it.
pub(crate) fn chain(from: u64, data: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let events = (from..).step_by(2).zip(data).map(|(sequence, data)| {
        let subject = data["order_id"].as_str().map(|id| {
            let token = messaging::subject::token(id);
            format!("orders.placed.{}.DIRECT.{token}", data["warehouse"].as_str().unwrap_or("main"))
        });
        json!({"specversion": "1.0", "id": format!("e{sequence}"), "source": "/test", "data": data,
            "type": "orderflow.order.placed.v1", "sequence": sequence.to_string(),
            "subject": subject,
            "previous": if sequence == from { from.saturating_sub(2) } else { sequence - 2 }.to_string()})
    });
    events.collect()
}

pub(crate) fn one(id: &str, product: &str, quantity: i64) -> Value {
    placed(id, &[(product, quantity)])
}

#[tokio::test]
async fn charges_stand_in_facts_and_move_no_stock() {
    let world = World::start().await;
    let order = |id: &str, discount: &str| {
        let json = json!({"order_id": id, "product": "P002", "quantity": 2, "price": 10,
            "charges": [{"kind": "shipping", "amount": "4.90"},
                {"kind": "discount", "amount": discount}]});
        let draft = raw::read(&json, None).unwrap();
        serde_json::to_value(draft.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()).unwrap()
    };
    // Somebody else placed it with charges that do not add up.
    let mut wrong = order("2", "-5");
    wrong["charges"][0]["amount"] = "5.90".into();
    let mut odd = order("3", "-5");
    odd["charges"][1]["amount"] = "5.00".into();
    odd["total"] = "29.90".into();
    assert_eq!(world.decide(0, &chain(2, [order("1", "-5"), wrong, odd])).await, 6);
    let facts = world.messages(streams::ORDERS, "orders.confirmed.>").await;
    let decided = &facts[0].json["data"]["order"];
    assert_eq!(
        (&decided["total"], &decided["charges"][0]["amount"]),
        (&json!("19.90"), &json!("4.90"))
    );
    let changed = world.messages(streams::INVENTORY, "inventory.changed.>").await;
    assert_eq!(changed.last().unwrap().json["data"]["moved"], json!({"P002": -2}));
    let refused = world.messages(streams::ORDERS, "orders.refused.>").await;
    let why: Vec<_> = refused.iter().map(|it| &it.json["data"]["refusal"]["detail"]).collect();
    assert_eq!(
        why,
        [
            "its total is 19.90, but its lines and charges add up to 20.90",
            "charges[1].amount is 5.00; a discount of a sale is not above zero"
        ]
    );
}

#[tokio::test]
async fn orders_are_decided_in_their_order_and_every_fact_says_so() {
    let world = World::start().await;
    let mut events = chain(
        2,
        [
            one("1", "P002", 15),
            one("2", "P002", 6),
            one("3", "P002", -1),
            one("4", "P002", 6),
            one("5", "nix", 1),
        ],
    );
    events[0]["file"] = "sha".into();
    assert_eq!(world.decide(0, &events).await, 10);
    assert_eq!(world.available("P002").await, 0);
    let confirmed = ["1", "3", "4"].map(|id| format!("orders.confirmed.main.DIRECT.{id}"));
    assert_eq!(world.subjects(streams::ORDERS, "orders.confirmed.>").await, confirmed);
    let refused = world.messages(streams::ORDERS, "orders.refused.>").await;
    let reasons: Vec<_> =
        refused.iter().map(|m| (m.subject.as_str(), m.header("Orderflow-Reason"))).collect();
    assert_eq!(
        reasons,
        [
            ("orders.refused.main.DIRECT.2", "insufficient_stock"),
            ("orders.refused.main.DIRECT.5", "unknown_product")
        ]
    );
    assert_eq!(
        refused[0].json["data"]["refusal"],
        json!({"reason": "insufficient_stock", "product": "P002", "requested": 6, "available": 5})
    );
    let [_stock, entry] = &world.messages(streams::JOURNAL, "journal.>").await[..] else {
        panic!("one batch is one entry")
    };
    assert_eq!(entry.json["decided_to"]["sequence"], 10);
    let id = entry.json["id"].as_str().unwrap();
    let confirmed = world.messages(streams::ORDERS, "orders.confirmed.>").await;
    let first = &confirmed[0];
    let headers = ["Decision", "Decision-Sequence", "Attempt", "Kind", "File"]
        .map(|name| first.header(&format!("Orderflow-{name}")));
    assert_eq!(headers, [id, "2", "1", "sale", "sha"]);
    assert_eq!(confirmed[1].header("Orderflow-Kind"), "return");
    for fact in confirmed.iter().chain(&refused) {
        let order: Order = serde_json::from_value(fact.json["data"]["order"].clone()).unwrap();
        assert_eq!(fact.header("Orderflow-Summary"), Summary::of(&order).to_string());
    }
    assert_eq!(first.json["data"]["order"], events[0]["data"]);
    assert_eq!((&first.json["data"]["placed"], &first.json["file"]), (&json!(2), &json!("sha")));
    let [_stock, changed] = &world.messages(streams::INVENTORY, "inventory.>").await[..] else {
        panic!("one product changed")
    };
    assert_eq!(changed.subject, format!("inventory.changed.main.{id}"));
    assert_eq!(changed.json["data"], json!({"warehouse": "main", "moved": {"P002": -20}}));
}

#[tokio::test]
async fn a_batch_that_comes_again_decides_nothing_twice() {
    let world = World::start().await;
    let events = chain(2, [one("1", "P001", 1), one("2", "P001", 1), one("3", "P001", 1)]);
    assert_eq!(world.decide(0, &events[..2]).await, 4);
    assert_eq!(world.decide(0, &events[..2]).await, 4);
    assert_eq!(world.decide(0, &events).await, 6);
    assert_eq!(world.decide(6, &[]).await, 6);
    assert_eq!(world.available("P001").await, 47);
    assert_eq!(world.subjects(streams::ORDERS, "orders.confirmed.>").await.len(), 3);
    assert_eq!(world.subjects(streams::JOURNAL, "journal.>").await.len(), 3);
}

#[tokio::test]
async fn what_leaves_something_out_is_refused_with_the_position() {
    let world = World::start().await;
    assert_eq!(world.decide(0, &chain(2, [one("1", "P001", 1)])).await, 2);
    let broken = {
        let mut events = chain(4, [one("2", "P001", 1), one("3", "P001", 1)]);
        events[1]["previous"] = "5".into();
        events
    };
    for (after, events) in [
        (4, chain(6, [one("3", "P001", 1)])),
        (2, chain(6, [one("3", "P001", 1)])),
        (9, vec![]),
        (2, broken),
    ] {
        let batch = Batch { after, events, ..Batch::default() };
        let (status, body) = batch.send(&world.router).await;
        assert_eq!((status, &body["decided_to"]), (409, &json!(2)), "{body}");
        assert_eq!(body.get("fault"), None);
    }
    assert_eq!(world.decide(2, &chain(4, [one("2", "P001", 1)])).await, 4);
}

#[tokio::test]
async fn another_stream_or_filter_is_a_fault() {
    let world = World::start().await;
    assert_eq!(world.decide(0, &chain(2, [one("1", "P001", 1)])).await, 2);
    let events = chain(4, [one("2", "P001", 1)]);
    let other = Batch { after: 2, created: "2027-01-01T00:00:00Z", events, ..Batch::default() };
    let (status, body) = other.send(&world.router).await;
    assert_eq!((status, &body["fault"], &body["decided_to"]), (409, &json!(true), &json!(2)));
    for filter in ["orders.placed.>", "orders.confirmed.main.>", "orders.placed.a.b.>"] {
        let (status, body) = Batch { filter, ..Batch::default() }.send(&world.router).await;
        assert_eq!(status, 400, "{body}");
    }
    // Another warehouse is another journal.
    let events = chain(4, [one("2", "P001", 1)]);
    let north = Batch { filter: "orders.placed.north.>", after: 2, events, ..Batch::default() };
    assert_eq!(north.send(&world.router).await.1["decided_to"], 0);
}

#[tokio::test]
async fn a_batch_without_a_place_in_the_stream_is_no_batch() {
    let world = World::start().await;
    for name in ["sequence", "previous"] {
        let mut events = chain(2, [one("1", "P001", 1)]);
        events[0].as_object_mut().unwrap().remove(name);
        let (status, body) = Batch { events, ..Batch::default() }.send(&world.router).await;
        assert_eq!((status, &body["detail"]), (400, &json!(format!("event 0 has no {name}"))));
    }
    let request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
        .header(header::AUTHORIZATION, "Bearer connector");
    assert_eq!(send(&world.router, request.body(Body::from("[]")).unwrap()).await.0, 400);
}

#[tokio::test]
async fn bad_messages_are_decided_too() {
    let world = World::start().await;
    let huge = "\u{1}x\"".repeat(100_000);
    let mut events = chain(
        2,
        [
            json!("no order"),
            one("1", "P001", 1),
            one("other", "P001", 1),
            json!({"order_id": "3", "kind": huge}),
            Value::Null,
            one("4", "P001", 1),
        ],
    );
    events[2]["subject"] = "orders.placed.main.US1.2".into();
    events[3]["subject"] = "orders.placed.main.US1.3".into();
    for event in &mut events {
        event["file"] = huge.as_str().into();
    }
    assert_eq!(world.decide(0, &events).await, 12);
    assert_eq!(world.subjects(streams::ORDERS, "orders.confirmed.>").await.len(), 2);
    let refused = world.messages(streams::ORDERS, "orders.refused.>").await;
    let details: Vec<_> = refused
        .iter()
        .map(|m| (m.subject.as_str(), m.json["data"]["refusal"]["detail"].as_str().unwrap()))
        .collect();
    assert_eq!(details[0], ("orders.refused.main.US1.2", "it is order other of DIRECT"));
    assert!(details[1].0 == "orders.refused.main.US1.3" && details[1].1.len() < 2_000);
    let nameless = world.messages(streams::ERRORS, "errors.undecidable.main.>").await;
    let placed: Vec<_> = nameless.iter().map(|m| m.json["data"]["placed"].clone()).collect();
    assert_eq!(placed, [2, 10]);
    assert_eq!(world.available("P001").await, 48);
}

#[tokio::test]
async fn an_envelope_that_cannot_be_read_does_not_hold_what_is_behind_it() {
    let world = World::start().await;
    let mut events = chain(2, ["1", "2", "3", "4"].map(|id| one(id, "P001", 1)));
    events[0]["partner"] = "no such/name".into();
    events[0]["subject"] = "orders.placed.main.DIRECT.1".into();
    events[1]["time"] = 7.into();
    events[1].as_object_mut().unwrap().remove("subject");
    events[2]["subject"] = json!(["orders.placed.main.DIRECT.3"]);
    assert_eq!(world.decide(0, &events).await, 8);
    assert_eq!(world.available("P001").await, 49);
    let refused = world.messages(streams::ORDERS, "orders.refused.>").await;
    let [refused] = &refused[..] else { panic!("one names its order") };
    assert_eq!(refused.subject, "orders.refused.main.DIRECT.1");
    assert_eq!(refused.header("Orderflow-Reason"), "unreadable");
    assert_eq!(world.subjects(streams::ERRORS, "errors.undecidable.main.>").await.len(), 2);
}

#[tokio::test]
async fn of_a_batch_that_is_too_large_for_one_message_a_part_is_decided_and_then_the_rest() {
    let world = World::start().await;
    let orders = (0..12).map(|n| {
        let mut order = one(&n.to_string(), "P005", 1);
        order["lines"][0]["description"] = "é".repeat(100_000).into();
        order
    });
    let events = chain(2, orders);
    assert_eq!(world.decide(0, &events).await, 24);
    let entries = world.messages(streams::JOURNAL, "journal.>").await;
    let ends: Vec<_> = entries
        .iter()
        .skip(1)
        .map(|e| e.json["decided_to"]["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(ends, [10, 20, 24]);
    assert_eq!(world.subjects(streams::ORDERS, "orders.confirmed.>").await.len(), 12);
    assert_eq!(world.available("P005").await, 488);
}

#[tokio::test]
async fn who_takes_over_publishes_the_facts_that_are_missing() {
    let world = World::start().await;
    let events = chain(2, [one("1", "P001", 1), one("2", "P001", 100)]);
    assert_eq!(world.decide(0, &events).await, 4);
    let [_stock, entry] = &world.messages(streams::JOURNAL, "journal.>").await[..] else {
        panic!("one batch is one entry")
    };
    let changed = format!("inventory.changed.main.{}", entry.json["id"].as_str().unwrap());
    let facts = |world: &World| {
        let (nats, changed) = (world.nats.clone(), changed.clone());
        async move {
            let mut facts = Vec::new();
            for (stream, filter) in
                [(streams::ORDERS, "orders.>"), (streams::INVENTORY, changed.as_str())]
            {
                let each = |message: &async_nats::jetstream::Message| {
                    facts.push((message.subject.to_string(), message.payload.clone()));
                };
                tail::read(&nats, stream, filter, 1, false, each).await.unwrap();
            }
            facts
        }
    };
    let expected = facts(&world).await;
    assert_eq!(expected.len(), 3);
    // The same entry in a journal whose writer was gone before it published anything.
    let other = World::start().await;
    let entry = Outgoing::new(entry.subject.clone(), entry.json.to_string().into());
    publish::one(&other.nats, &entry, Some(1)).await.unwrap();
    assert_eq!(facts(&other).await, []);
    assert_eq!(other.decide(4, &[]).await, 4);
    assert_eq!(facts(&other).await, expected);
    assert_eq!(other.available("P001").await, 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_decide_each_order_once() {
    let world = World::start().await;
    let other = build(&world.server).await;
    // Each order is at the sequence that its event names: a process that connects again looks there.
    for n in 0..200 {
        for warehouse in ["other", "main"] {
            let subject = format!("orders.placed.{warehouse}.DIRECT.{n}");
            let message = Outgoing::new(subject, "{}".into());
            publish::one(&world.nats, &message, None).await.unwrap();
        }
    }
    let events = chain(2, (0..200).map(|n| one(&n.to_string(), "P005", 1)));
    let run = |router: Router| {
        let events = events.clone();
        tokio::spawn(async move {
            let mut position = 0;
            let deadline = Instant::now() + Duration::from_secs(60);
            while position < 400 {
                assert!(Instant::now() < deadline);
                let start = usize::try_from(position / 2).unwrap();
                let batch = events[start..].iter().take(7).cloned().collect();
                let batch = Batch { after: position, events: batch, ..Batch::default() };
                let (status, body) = batch.send(&router).await;
                assert!(status == 200 || status == 409, "{body}");
                position = body["decided_to"].as_u64().unwrap_or_else(|| panic!("{status} {body}"));
            }
        })
    };
    let (one, two) = (run(world.router.clone()), run(other));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(world.subjects(streams::ORDERS, "orders.confirmed.>").await.len(), 200);
    assert_eq!(world.available("P005").await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_away_nothing_is_answered_and_then_it_goes_on() {
    let world = World::start().await;
    let events = chain(2, [one("1", "P001", 1), one("2", "P001", 1)]);
    assert_eq!(world.decide(0, &events[..1]).await, 2);
    world.server.kill();
    let batch = Batch { events, ..Batch::default() };
    let deciding = batch.send(&world.router);
    let restarting = async {
        while world.nats.ready().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.server.restart();
    };
    let (answer, ()) = tokio::join!(deciding, restarting);
    assert_eq!(World::decided(answer), 4);
    assert_eq!(world.available("P001").await, 48);
}
