//! Files that version 0.1.0 began, whose orders the stream ORDERS holds.

use crate::crashes::left;
use crate::decisions::transformed;
use crate::support::{US3_HEADER, World, us3};
use async_nats::jetstream::stream::Config;
use domain::PartnerId;
use intake::ledger::{Content, Record, Sending, State};
use messaging::publish::{self, Outgoing, Published};
use messaging::{header, streams, subject, tail};

fn content() -> String {
    US3_HEADER.to_owned() + &us3("1", 1) + &us3("2", 1) + &us3("3", 3)
}

/// Stores what INTAKE holds in ORDERS, as version 0.1.0 did; returns the sequences there.
async fn as_it_was(from: &World, to: &World) -> Vec<u64> {
    let mut sent = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let mut outgoing = Outgoing::new(subject::ORDERS.into(), message.payload.clone());
        for name in [header::EVENT, header::SENDER] {
            let value = message.headers.as_ref().unwrap().get(name).unwrap().as_str();
            outgoing = outgoing.header(name, value);
        }
        sent.push(outgoing);
    };
    tail::read(&from.client, streams::INTAKE, subject::ORDERS, 1, false, each).await.unwrap();
    subjects(to, streams::INTAKE, &["elsewhere"]).await;
    let before = subjects(to, streams::ORDERS, &[subject::ORDERS, "orders.>"]).await;
    let mut sequences = Vec::new();
    for stored in publish::all(&to.client, &sent, None).await {
        let Ok(Published::Stored(sequence)) = stored else { panic!("{stored:?}") };
        sequences.push(sequence);
    }
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    subjects(to, streams::ORDERS, &before).await;
    subjects(to, streams::INTAKE, &[subject::ORDERS]).await;
    sequences
}

/// Gives a stream these subjects; returns those that it had.
async fn subjects(world: &World, stream: &str, subjects: &[&str]) -> Vec<String> {
    let js = &world.client.js;
    let before = js.get_stream(stream).await.unwrap().cached_info().config.clone();
    let subjects = subjects.iter().map(ToString::to_string).collect();
    js.update_stream(Config { subjects, ..before.clone() }).await.unwrap();
    before.subjects
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_about_a_file_is_found_where_its_orders_are() {
    let world = World::start().await;
    let record = world.done(&world.put("US3", "a.csv", content().as_bytes())).await;
    let sequences = as_it_was(&world, &world).await;
    let (from, to) = (sequences.first().copied(), sequences.last().copied());
    let older = Record { intake: false, orders_from: from, orders_to: to, ..record.clone() };
    let event = transformed(&older);
    let name = record.results.receipt.clone().unwrap().replace("receipt.json", "decisions.csv");
    let letters = ["1", "2", "3"].into_iter().zip(&sequences).map(|(order, sequence)| {
        let event = subject::token(&format!("{}:{order}", record.sha256.as_ref().unwrap()));
        Outgoing::new(subject::dead_letters("order-ingest"), "{}".into())
            .header(header::EVENT, &event)
            .header(header::DEAD_SEQUENCE, &sequence.to_string())
            .header(header::DEAD_ERROR, "customer: is missing")
    });
    let letters: Vec<Outgoing> = letters.collect();
    // Letters of other messages, which have these numbers in INTAKE.
    for (stream, are_all_decided) in [(streams::INTAKE, false), (streams::ORDERS, true)] {
        for letter in &letters {
            let letter = letter.clone().header(header::DEAD_STREAM, stream);
            publish::one(&world.client, &letter, None).await.unwrap();
        }
        let answer = world.call(std::slice::from_ref(&event)).await;
        assert_eq!(answer.is_empty(), are_all_decided, "{stream}: {answer:?}");
    }
    let decided = world.text("US3", Some(&name));
    assert_eq!(decided.matches("not_placed").count(), 3, "{decided}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_sending_was_begun_is_sent_again_with_the_same_orders() {
    let finished = World::start().await;
    let event = finished.put("US3", "a.csv", content().as_bytes());
    let record = finished.done(&event).await;
    let world = World::start().await;
    for (name, bytes) in finished.files("US3").iter().filter(|(name, _)| !name.contains("receipt"))
    {
        world.write("US3", name, bytes);
    }
    let us3 = PartnerId::parse("US3").unwrap();
    let (arrival, name) = (record.arrival.clone(), record.name.clone());
    let known = Content { arrival, name, at: record.arrived_at };
    world.ledger.remember(&us3, record.sha256.as_ref().unwrap(), known).await.unwrap();
    let sequences = as_it_was(&finished, &world).await;
    // Its second order was stored last; the numbers mean nothing in INTAKE.
    let sending = Sending { orders: 2, from: Some(sequences[0]), to: sequences[1] };
    let (intake, sending, state) = (false, Some(sending), State::Transformed);
    let (orders_from, orders_to) = (None, None);
    left(&world, Record { state, intake, sending, orders_from, orders_to, ..record }).await;
    let record = world.done(&event).await;
    assert_eq!((record.state, record.intake, record.orders_from), (State::Done, true, Some(1)));
    assert_eq!(world.orders().await, finished.orders().await);
    assert_eq!(world.told().await, finished.told().await);
    assert_eq!(world.messages(streams::INTAKE, "orders").await.len(), 3, "each once");
}
