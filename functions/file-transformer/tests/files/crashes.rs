//! A process is gone after each step; another goes on.

use crate::support::{US3_HEADER, World, us3};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::ledger::{Claim, Content, Counts, Outcome, Record, Results, State};
use messaging::kv::Bucket;
use messaging::streams;
use serde_json::Value;

fn content() -> Vec<u8> {
    (US3_HEADER.to_owned() + &us3("1", 1) + &us3("2", 0) + &us3("3", 3)).into_bytes()
}

/// The record as a process leaves it that is gone, with an ended lease.
pub(crate) async fn left(world: &World, record: Record) {
    let owner = "a process that is gone".to_owned();
    let claim = Some(Claim { owner, until: record.arrived_at });
    let bucket = Bucket::<Record>::open(&world.client, streams::FILES_LEDGER).await.unwrap();
    let key = format!("US3.{}", record.arrival);
    assert!(bucket.create(&key, &Record { claim, ..record }).await.unwrap().is_some());
}

/// The same but for what says when and who.
fn lasting(record: Record) -> Record {
    Record { updated_at: DateTime::<Utc>::UNIX_EPOCH, claim: None, ..record }
}

/// Which of the files of a finished run are there when the process is gone.
struct Crash {
    state: State,
    in_inbox: bool,
    there: &'static [&'static str],
    remembered: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_on_comes_to_the_same_end() {
    Box::pin(same_end(World::start, &content())).await;
}

/// Whatever step a process is gone after, results and orders of a file with two orders are the same.
pub(crate) async fn same_end(start: impl AsyncFn() -> World, content: &[u8]) {
    let finished = start().await;
    let event = finished.put("US3", "a.csv", content);
    let record = finished.done(&event).await;
    let files = finished.files("US3");
    let orders = finished.orders().await;
    assert_eq!((files.len(), orders.len()), (5, 2));

    let crash = |state, in_inbox, there, remembered| Crash { state, in_inbox, there, remembered };
    for crash in [
        crash(State::Arrived, true, &[][..], false),
        crash(State::Claimed, true, &[], false),
        crash(State::Claimed, true, &["output"], true),
        crash(State::Claimed, true, &["output", "rejects"], true),
        crash(State::Transformed, true, &["output", "rejects"], true),
        crash(State::Transformed, false, &["output", "rejects"], true),
        crash(State::Published, false, &["output", "rejects"], true),
        crash(State::Published, false, &["output", "rejects", "receipt"], true),
        crash(State::Receipted, false, &["output", "rejects", "receipt"], true),
        crash(State::Archived, false, &["output", "rejects", "receipt"], true),
    ] {
        let world = start().await;
        if crash.in_inbox {
            world.put("US3", "a.csv", content);
        } else {
            world.write("US3", record.results.original.as_ref().unwrap(), content);
        }
        for (name, bytes) in &files {
            if crash.there.iter().any(|part| name.contains(part)) {
                world.write("US3", name, bytes);
            }
        }
        let us3 = PartnerId::parse("US3").unwrap();
        if crash.remembered {
            let (arrival, name) = (record.arrival.clone(), record.name.clone());
            let known = Content { arrival, name, at: record.arrived_at };
            world.ledger.remember(&us3, record.sha256.as_ref().unwrap(), known).await.unwrap();
        }
        let mut standing = Record { state: crash.state, ..record.clone() };
        if crash.state <= State::Claimed {
            let (results, counts) = (Results::default(), Counts::default());
            standing = Record { results, counts, outcome: None, sha256: None, ..standing };
        }
        left(&world, standing).await;
        let place = format!("{:?} {:?}", crash.state, crash.there);
        assert_eq!(lasting(world.done(&event).await), lasting(record.clone()), "{place}");
        assert_eq!(world.files("US3"), files, "{place}");
        assert_eq!(world.told().await, finished.told().await, "{place}");
        if crash.state <= State::Transformed {
            assert_eq!(world.orders().await, orders, "{place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_two_orders_publishes_the_same_orders_and_the_same_receipt() {
    let finished = World::start().await;
    let event = finished.put("US3", "a.csv", &content());
    let record = finished.done(&event).await;
    let world = World::start().await;
    let original = record.results.original.as_ref().unwrap();
    for (name, bytes) in finished.files("US3").iter().filter(|(name, _)| !name.contains("receipt"))
    {
        world.write("US3", name, bytes);
    }
    assert!(world.names("US3").contains(original));
    let us3 = PartnerId::parse("US3").unwrap();
    let (arrival, name) = (record.arrival.clone(), record.name.clone());
    let known = Content { arrival, name, at: record.arrived_at };
    world.ledger.remember(&us3, record.sha256.as_ref().unwrap(), known).await.unwrap();
    // The first of two.
    let (_, first) = finished.messages(streams::INTAKE, "orders").await.remove(0);
    let stored = world.client.js.publish("orders", first.to_string().into()).await.unwrap();
    stored.await.unwrap();
    left(&world, Record { state: State::Transformed, orders_from: None, ..record }).await;

    assert_eq!(world.done(&event).await.state, State::Done);
    assert_eq!(world.messages(streams::INTAKE, "orders").await.len(), 3, "one is there twice");
    assert_eq!(world.orders().await, finished.orders().await);
    assert_eq!(world.files("US3"), finished.files("US3"));
    assert_eq!(world.told().await, finished.told().await);
}

/// A process is gone after the results stand in the depot, before the original was moved, and the
/// partner has replaced it meanwhile.
async fn replaced(finished: &World, event: &Value, by: &[u8]) -> World {
    let record = finished.record(event).await;
    let world = World::start().await;
    for (name, bytes) in finished.files("US3") {
        if name.ends_with("output.csv") || name.ends_with("rejects.csv") {
            world.write("US3", &name, &bytes);
        }
    }
    let us3 = PartnerId::parse("US3").unwrap();
    let (arrival, name) = (record.arrival.clone(), record.name.clone());
    let known = Content { arrival, name, at: record.arrived_at };
    world.ledger.remember(&us3, record.sha256.as_ref().unwrap(), known).await.unwrap();
    left(&world, Record { state: State::Transformed, ..record }).await;
    world.put("US3", "a.csv", by);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_before_its_orders_are_published_is_withdrawn_and_may_come_again() {
    let finished = World::start().await;
    let event = finished.put("US3", "a.csv", &content());
    finished.done(&event).await;
    let other = [&content()[..], us3("4", 4).as_bytes()].concat();
    let world = replaced(&finished, &event, &other).await;
    // The same content waits: it is a duplicate only if something comes of the first.
    let again = world.put("US3", "again.csv", &content());
    let waits = "(wait) a file with the same content, a.csv, is not finished yet";
    assert_eq!(world.call(std::slice::from_ref(&again)).await, [waits]);
    assert_eq!(world.done(&event).await.state, State::Refused);
    assert!(world.orders().await.is_empty());
    assert_eq!(world.names("US3"), ["inbox/a.csv", "inbox/again.csv"]);
    assert_eq!(world.done(&again).await.outcome, Some(Outcome::Accepted));
    assert_eq!(world.orders().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_orders_are_published_is_done_even_if_its_original_is_gone() {
    let finished = World::start().await;
    let event = finished.put("US3", "a.csv", &content());
    let record = finished.done(&event).await;
    let world = World::start().await;
    left(&world, Record { state: State::Published, ..record.clone() }).await;
    assert_eq!(world.done(&event).await.state, State::Done);
    let receipt = world.receipt("US3", &record);
    assert_eq!(
        (receipt["rows"].as_u64(), receipt["decision"].as_str()),
        (Some(3), Some("accepted"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_half_written_goes_with_the_next_file() {
    let world = World::start().await;
    world.write("US3", "depot/.a.output.csv.1-2-3.part", b"half");
    let event = world.put("US3", "a.csv", &content());
    world.done(&event).await;
    let depot = world.sshd.root("US3").join("depot");
    let names = std::fs::read_dir(depot).unwrap().map(|entry| entry.unwrap().file_name());
    let hidden = names.filter(|name| name.to_str().unwrap().starts_with('.')).count();
    assert_eq!(hidden, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_other_hands_is_waited_for() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", &content());
    let us3 = PartnerId::parse("US3").unwrap();
    let data = &event["data"];
    let number = |name: &str| data[name].as_u64().unwrap();
    let (arrival, at) = (data["arrival"].as_str().unwrap(), DateTime::UNIX_EPOCH);
    let record = Record::new(
        arrival.into(),
        us3.clone(),
        "a.csv".into(),
        number("size"),
        number("mtime"),
        at,
    );
    world.ledger.arrive(record).await.unwrap();
    let far = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
    world.ledger.claim(&us3, arrival, "other", far).await.unwrap();
    let failed = world.call(std::slice::from_ref(&event)).await;
    assert!(
        failed[0].starts_with("(wait) another process (other) works on the file until 2096-"),
        "{failed:?}"
    );
    assert_eq!(world.names("US3"), ["inbox/a.csv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_configuration_makes_of_a_judged_file_is_not_published() {
    let finished = World::start().await;
    let event = finished.put("US3", "a.csv", &content());
    let record = finished.done(&event).await;
    let (column, stock) = ("        quantity: quantity", "    stock: enforce ");
    let (fewer, other) = (
        |orders| format!("{orders} orders from a file that had 2 when it was checked"),
        "other orders than the ones already checked for this file",
    );
    for (from, to, makes) in [
        (column, "        quantity: pieces".to_owned(), fewer(0)),
        (stock, format!("    rules: {{return-prefix: '1'}}\n{stock}"), fewer(1)),
        ("    currency: USD", "    currency: EUR".to_owned(), other.to_owned()),
    ] {
        let world = World::with(from, &to).await;
        world.put("US3", "a.csv", &content());
        left(&world, Record { state: State::Transformed, ..record.clone() }).await;
        let told = world.call(std::slice::from_ref(&event)).await;
        let expected = format!(
            "(wait) the configuration cannot be used: it produces {makes}; restore the earlier configuration \
             until the file is finished"
        );
        assert_eq!(told, [expected]);
        assert!(world.orders().await.is_empty());
        assert_eq!(world.record(&event).await.state, State::Transformed);
    }
}
