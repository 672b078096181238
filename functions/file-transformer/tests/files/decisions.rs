//! What became of a file's orders, once all are decided.

use crate::support::{TIME, US3_HEADER, World, us3};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use domain::PartnerId;
use intake::ledger::Record;
use messaging::publish::{self, Outgoing};
use messaging::{streams, tail};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn transformed(record: &Record) -> Value {
    let arrival = &record.arrival;
    json!({"specversion": "1.0", "id": format!("{arrival}:transformed"),
        "source": "/functions/file-transformer", "type": "orderflow.file.transformed.v1",
        "subject": format!("files.transformed.US3.{arrival}"), "time": TIME, "partner": "US3",
        "sequence": "2", "data": record})
}

async fn say(world: &World, subject: &str, file: &str, reason: &str, body: &Value) {
    let mut message = Outgoing::new(subject.to_owned(), body.to_string().into())
        .header("Orderflow-File", file)
        .header("Orderflow-Content", "other")
        .header("Orderflow-Decision-Sequence", "1")
        .header("Orderflow-Total", "1.50");
    if !reason.is_empty() {
        message = message.header("Orderflow-Reason", reason);
    }
    publish::one(&world.client, &message, None).await.unwrap();
}

fn content_of(order: &Order) -> String {
    let partner = PartnerId::parse("US3").unwrap();
    let draft = domain::raw::parse(order.data.to_string().as_bytes(), Some(&partner)).unwrap();
    draft.content()
}

/// Says that another file's order of the number is placed, with this content as order-ingest knows it, and with these
/// before it was amended.
async fn say_known(world: &World, order: &Order, content: &str, earlier: &str) {
    let number = order.data["order_id"].as_str().unwrap();
    let mut message = Outgoing::new(format!("orders.placed.main.US3.{number}"), "{}".into())
        .header("Orderflow-File", "x")
        .header("Orderflow-Content", content);
    if !earlier.is_empty() {
        message = message.header("Orderflow-Earlier", earlier);
    }
    publish::one(&world.client, &message, None).await.unwrap();
}

/// Says what the connector says of an order that order-ingest will never take.
async fn bury(world: &World, order: &Order, sequence: u64) {
    let letter = Outgoing::new("errors.dead.order-ingest".to_owned(), "{}".into())
        .header("Orderflow-Event", &order.event)
        .header("Orderflow-Dead-Stream", "INTAKE")
        .header("Orderflow-Dead-Sequence", &sequence.to_string())
        .header("Orderflow-Dead-Error", "customer: is missing");
    publish::one(&world.client, &letter, None).await.unwrap();
}

/// An order as it stands on the subject `orders`.
struct Order {
    sequence: u64,
    event: String,
    data: Value,
}

/// By number.
async fn given(world: &World) -> BTreeMap<String, Order> {
    let mut orders = BTreeMap::new();
    let each = |message: &async_nats::jetstream::Message| {
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        let data = event["data"].clone();
        let headers = message.headers.as_ref().unwrap();
        let event = headers.get("Orderflow-Event").unwrap().as_str().to_owned();
        let sequence = message.info().unwrap().stream_sequence;
        let number = data["order_id"].as_str().unwrap().to_owned();
        orders.insert(number, Order { sequence, event, data });
    };
    tail::read(&world.client, streams::INTAKE, "orders", 1, false, each).await.unwrap();
    orders
}

/// Somebody who once began to read the subject `orders`.
async fn abandoned(world: &World) {
    let stream = world.client.js.get_stream(streams::INTAKE).await.unwrap();
    let config = pull::Config {
        durable_name: Some("stranger".into()),
        filter_subject: "orders".into(),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    stream.create_consumer(config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_has_a_line_once_all_are_decided_and_none_before() {
    let world = World::start().await;
    let ids = ["=1", "2", "3", "4", "5", "6", "7"];
    let content = ids.iter().fold(US3_HEADER.to_owned(), |text, id| text + &us3(id, 1));
    let record = world.done(&world.put("US3", "a.csv", content.as_bytes())).await;
    let sha256 = record.sha256.clone().unwrap();
    let event = transformed(&record);
    let name = record.results.receipt.clone().unwrap().replace("receipt.json", "decisions.csv");
    let call = async || world.call(std::slice::from_ref(&event)).await;

    // Nothing of this is needed to know what became of the file's orders.
    abandoned(&world).await;
    for (id, file) in
        [("=3D1", &*sha256), ("2", &sha256), ("3", &sha256), ("4", "x"), ("7", &sha256)]
    {
        say(&world, &format!("orders.placed.main.US3.{id}"), file, "", &json!({})).await;
    }
    let orders = given(&world).await;
    say_known(&world, &orders["5"], &content_of(&orders["5"]), "").await;
    say(&world, "orders.confirmed.main.US3.=3D1", &sha256, "", &json!({})).await;
    let refusal = json!({"specversion": "1.0", "id": "d", "source": "/x", "type": "t", "data":
        {"refusal": {"reason": "insufficient_stock", "product": "P001", "requested": 5}}});
    say(&world, "orders.refused.main.US3.2", &sha256, "insufficient_stock", &refusal).await;
    // As order-ingest says it, of this file and of another one.
    for (order, file) in [("4", &*sha256), ("4", "x"), ("5", "x")] {
        let conflict = json!({"specversion": "1.0", "id": format!("{file}:{order}"),
            "source": "/x", "type": "t", "file": file, "data": {}});
        say(&world, &format!("errors.conflict.US3.{order}"), "", "", &conflict).await;
    }
    // Letters about something else: another order under this sequence, this order under another.
    bury(&world, &orders["2"], orders["6"].sequence).await;
    bury(&world, &orders["6"], orders["5"].sequence).await;
    assert_eq!(call().await, ["(wait) not all of 7 orders are decided"]);
    assert!(!world.files("US3").contains_key(&name));

    // The last one is asked for before the others.
    say(&world, "orders.confirmed.main.US3.7", &sha256, "", &json!({})).await;
    assert_eq!(call().await, ["(wait) not all of 7 orders are decided"]);
    say(&world, "orders.confirmed.main.US3.3", &sha256, "", &json!({})).await;
    // order-ingest has not come to 6 yet, which nothing says of it.
    assert_eq!(call().await, ["(wait) not all of 7 orders are decided"]);
    bury(&world, &orders["6"], orders["6"].sequence).await;
    assert_eq!(call().await, [""; 0]);
    let text = world.text("US3", Some(&name));
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    // When it was said is the server's matter.
    for line in lines.iter_mut().skip(1) {
        *line = line.rsplit_once(',').unwrap().0.to_owned();
    }
    assert_eq!(
        lines,
        [
            "order_id,decision,reason,detail,total,decided_at",
            "'=1,confirmed,,,1.50",
            "2,refused,insufficient_stock,\"product P001, requested 5\",1.50",
            "3,confirmed,,,1.50",
            "4,conflict,another order of this number was placed before,,",
            "5,duplicate,the same order was placed before,,",
            "6,not_placed,order-ingest rejected it; see the dead letter on \
             errors.dead.order-ingest,customer: is missing,",
            "7,confirmed,,,1.50",
        ]
    );

    // The event again: the same.
    assert_eq!(call().await, [""; 0]);
    assert_eq!(world.text("US3", Some(&name)), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_server_that_is_away_only_delays_the_decisions() {
    let world = World::start().await;
    let content = US3_HEADER.to_owned() + &us3("1", 1);
    let record = world.done(&world.put("US3", "a.csv", content.as_bytes())).await;
    bury(&world, &given(&world).await["1"], 1).await;
    let event = transformed(&record);
    world.sshd.kill();
    let failed = world.call(std::slice::from_ref(&event)).await;
    assert!(failed[0].starts_with("(wait) cannot reach 127.0.0.1:"), "{failed:?}");
    world.sshd.restart();
    assert_eq!(world.call(std::slice::from_ref(&event)).await, [""; 0]);
    let decisions = world.names("US3").into_iter().filter(|name| name.ends_with(".decisions.csv"));
    assert_eq!(decisions.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_orders_has_no_decisions_to_wait_for() {
    let world = World::start().await;
    let record = world.done(&world.put("US3", "none.csv", b"")).await;
    assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
    let mut bad = transformed(&record);
    bad["data"] = json!({"partner": "US3"});
    let failed = world.call(&[bad]).await;
    assert!(failed[0].starts_with("missing field"), "{failed:?}");
}

/// A file that comes again with what an order said before somebody amended it is no conflict.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_amended_is_known_by_each_content_that_it_had() {
    let world = World::start().await;
    let text = ["1", "2", "3"].iter().fold(US3_HEADER.to_owned(), |text, id| text + &us3(id, 1));
    let record = world.done(&world.put("US3", "a.csv", text.as_bytes())).await;
    let orders = given(&world).await;
    let own = content_of(&orders["1"]);
    let (other, unknown) = (own.replace("2:", "2:0"), "2:1");
    // The first content of two, the second of three, and none of two.
    say_known(&world, &orders["1"], &other, &format!("7 {own} -")).await;
    let own = content_of(&orders["2"]);
    say_known(&world, &orders["2"], &other, &format!("7 {unknown} p, 9 {own} p")).await;
    say_known(&world, &orders["3"], &other, &format!("7 {unknown} -")).await;
    assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
    let name = record.results.receipt.clone().unwrap().replace("receipt.json", "decisions.csv");
    let text = world.text("US3", Some(&name));
    let decisions: Vec<String> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').take(3).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(
        decisions,
        [
            "1,duplicate,the same order was placed before",
            "2,duplicate,the same order was placed before",
            "3,conflict,another order of this number was placed before",
        ]
    );
}
