//! Messages whose header block cannot be read, among good ones.

use crate::gateway::done;
use crate::ordered::{Ledger, ORDERED, decided};
use crate::support::{World, numbers};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::nats_servers;
use testkit::raw::{Raw, STATUSES, UNREADABLE};

const BLOCK: &str = "Orderflow-Unreadable-Headers";

/// Headers and payload of every dead letter, by the sequence of the message.
async fn letters(world: &World) -> BTreeMap<u64, (BTreeMap<String, String>, Vec<u8>)> {
    let mut letters = BTreeMap::new();
    let read = messaging::tail::read(&world.nats, "ERRORS", "errors.dead.>", 1, false, |letter| {
        let headers: BTreeMap<String, String> = letter
            .headers
            .iter()
            .flat_map(|headers| headers.iter())
            .map(|(name, values)| (name.to_string(), values[0].to_string()))
            .collect();
        let sequence = headers["Orderflow-Dead-Sequence"].parse().unwrap();
        letters.insert(sequence, (headers, letter.payload.to_vec()));
    });
    read.await.unwrap();
    letters
}

#[tokio::test]
async fn each_becomes_a_complete_dead_letter_and_good_messages_go_on() {
    for program in nats_servers() {
        let mut world = World::of_one(program).await;
        world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "10")]);
        world.gateway.deploy("f", done);
        let mut raw = Raw::connect(&world.server.url()).await.unwrap();
        let long = [b"NATS/1.0\r\n".as_slice(), &[b'x'; 60_000], b"\r\n\r\n"].concat();
        let mut bad = BTreeMap::new();
        let long = [("a long line", long.as_slice())];
        let blocks = UNREADABLE.iter().chain(STATUSES).chain(&long);
        for (n, (what, block)) in (0_u64..).zip(blocks) {
            world.publish("orders", &json!({"n": n}).to_string()).await;
            // A good order, except for its headers.
            let order = json!({"n": 1_000 + n}).to_string();
            let sequence = raw.publish(b"orders", block, order.as_bytes()).await.expect(what);
            bad.insert(sequence, (*what, *block, order));
        }
        let began = Instant::now();
        world.start().await;
        world.settled("f", "orders").await;
        // Unconfirmed messages are delivered again after 15 s.
        assert!(began.elapsed() < Duration::from_secs(14), "{:?}", began.elapsed());
        let letters = letters(&world).await;
        let called = world.gateway.events("f");
        let called: Vec<u64> =
            called.iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect();
        for (sequence, (what, block, order)) in &bad {
            let Some((headers, payload)) = letters.get(sequence) else {
                // Newer servers remove a status line.
                assert!(STATUSES.iter().any(|(status, _)| status == what), "{what}");
                continue;
            };
            assert_eq!(payload, order.as_bytes(), "{what}");
            let kept = STANDARD.decode(&headers[BLOCK]).unwrap();
            assert!(kept == block[..block.len().min(3_000)], "{what}");
            assert!(headers["Orderflow-Dead-Error"].starts_with("its header block cannot be read"));
            assert_eq!(headers["Orderflow-Dead-Attempts"], "0");
        }
        let good = called.iter().filter(|n| **n < 1_000).count();
        assert_eq!((good, called.len() + letters.len()), (bad.len(), 2 * bad.len()), "each once");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_thousand_of_them_among_a_thousand_good_ones_take_seconds() {
    const COUNT: u64 = 1_000;
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "50")]);
    world.gateway.deploy("f", done);
    let mut raw = Raw::connect(&world.server.url()).await.unwrap();
    let payloads: Vec<String> = (0..COUNT).map(|n| json!({"n": n}).to_string()).collect();
    let sent: Vec<(&[u8], &[u8])> = payloads
        .iter()
        .flat_map(|good| [(b"NATS/1.0\r\nA: b\r\n\r\n".as_slice(), good), (UNREADABLE[0].1, good)])
        .map(|(block, payload)| (block, payload.as_bytes()))
        .collect();
    raw.publish_all(b"orders", &sent).await.unwrap();
    let began = Instant::now();
    world.start().await;
    world.settled("f", "orders").await;
    let took = began.elapsed();
    println!("{COUNT} dead letters and {COUNT} good messages: {took:?}");
    assert!(took < Duration::from_secs(14), "{took:?}: none comes again");
    let mut called = numbers(&world.gateway.events("f"));
    called.sort_unstable();
    assert_eq!(called, (0..COUNT).collect::<Vec<_>>(), "each once");
    assert_eq!(world.dead_letters().await, COUNT);
    assert_eq!(world.metric("connector_dead_letters_total{").await, Some(1_000.0));
    world.stop().await;
}

#[tokio::test]
async fn in_an_ordered_lane_they_are_bytes_and_the_chain_is_whole() {
    for program in nats_servers() {
        let mut world = World::of_one(program).await;
        let ledger = Ledger::default();
        ledger.deploy(&world);
        world.gateway.annotate("p", ORDERED);
        let mut raw = Raw::connect(&world.server.url()).await.unwrap();
        let (mut sequences, mut bad) = (Vec::new(), Vec::new());
        let subject = "orders.placed.main.US1.x";
        for (what, block) in UNREADABLE {
            sequences.push(world.publish(subject, r#"{"good":1}"#).await);
            let event = json!({"specversion": "1.0", "id": "e", "source": "/x", "type": "t",
            "data": {"lines": []}});
            let event = event.to_string();
            let sequence =
                raw.publish(subject.as_bytes(), block, event.as_bytes()).await.expect(what);
            sequences.push(sequence);
            bad.push((sequence.to_string(), STANDARD.encode(event)));
        }
        sequences.push(world.publish(subject, r#"{"good":1}"#).await);
        world.start().await;
        decided(&ledger, &sequences).await;
        let events = world.gateway.events("p");
        let unreadable = events.iter().filter(|event| event["data"].is_null());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let given: Vec<_> = unreadable
            .map(|event| (text(&event["sequence"]), text(&event["data_base64"])))
            .collect();
        assert_eq!(given, bad);
        assert_eq!(world.metric("connector_lane_held{").await, Some(0.0));
        assert_eq!(world.dead_letters().await, 0);
        world.stop().await;
    }
}

#[tokio::test]
async fn one_in_the_stream_of_errors_is_parked() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "errors.>")]);
    world.gateway.deploy("f", done);
    let mut raw = Raw::connect(&world.server.url()).await.unwrap();
    raw.publish(b"errors.dead.other", UNREADABLE[0].1, b"x").await.unwrap();
    world.publish("errors.dead.other", r#"{"n":1}"#).await;
    world.start().await;
    world.settled("f", "errors.>").await;
    assert_eq!(numbers(&world.gateway.events("f")), [1]);
    assert_eq!(world.dead_letters().await, 2, "no letter about an error");
    world.stop().await;
}
