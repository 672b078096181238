//! An upload that pauses, is taken for complete, and goes on.

use crate::crashes::left;
use crate::decisions::transformed;
use crate::support::{US3_HEADER, World, arrived_at, eventually, us3};
use intake::ledger::{Outcome, Record, State};
use messaging::publish::{self, Outgoing};
use messaging::{header, stored, streams, tail};
use serde_json::Value;
use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

fn half() -> Vec<u8> {
    (US3_HEADER.to_owned() + &us3("1", 1) + &us3("2", 2)).into_bytes()
}

/// The event of what stands in the inbox now.
fn again(world: &World, name: &str) -> Value {
    let file = world.sshd.root("US3").join("inbox").join(name).metadata().unwrap();
    let changed = file.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
    arrived_at("US3", name, file.len(), changed)
}

/// A handle as the server keeps it for an upload: it follows the file wherever that is moved to.
fn handle(world: &World, name: &str) -> File {
    let path = world.sshd.root("US3").join("inbox").join(name);
    File::options().append(true).open(path).unwrap()
}

/// Gives every order that was sent a fate: order-ingest will never take it.
async fn settle(world: &World) {
    const DEAD: &str = "errors.dead.order-ingest";
    let last = stored::last(&world.client, streams::ERRORS, DEAD).await.unwrap();
    let last = last.and_then(|letter| letter.header(header::DEAD_SEQUENCE)?.parse().ok());
    let mut letters = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let id = message.headers.as_ref().unwrap().get(header::EVENT).unwrap().as_str();
        let sequence = message.info().unwrap().stream_sequence.to_string();
        let letter = Outgoing::new(DEAD.to_owned(), "{}".into())
            .header(header::EVENT, id)
            .header(header::DEAD_STREAM, streams::INTAKE)
            .header(header::DEAD_SEQUENCE, &sequence)
            .header(header::DEAD_ERROR, "customer: is missing");
        letters.push(letter);
    };
    let from = last.unwrap_or(0) + 1;
    tail::read(&world.client, streams::INTAKE, "orders", from, false, each).await.unwrap();
    for letter in &letters {
        publish::one(&world.client, letter, None).await.unwrap();
    }
}

fn ids<'a>(orders: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut ids: Vec<_> =
        orders.into_iter().map(|id| id.split_once(':').unwrap().1.to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_after_a_file_was_done_is_a_new_arrival_and_the_receipt_says_so() {
    let world = World::start().await;
    let event = world.put("US3", "a.csv", &half());
    let mut upload = handle(&world, "a.csv");
    let record = world.done(&event).await;
    let original = record.results.original.clone().unwrap();
    settle(&world).await;

    let rest = us3("3", 3);
    upload.write_all(rest.as_bytes()).unwrap();
    assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
    let whole = [&half()[..], rest.as_bytes()].concat();
    assert_eq!(world.files("US3").get("inbox/a.csv"), Some(&whole));
    assert!(!world.names("US3").contains(&original));
    let receipt = world.receipt("US3", &record);
    assert_eq!(receipt["changed"]["size"], whole.len());
    assert_eq!((&receipt["rows"], &receipt["changed"]["back_as"]), (&2.into(), &"a.csv".into()));
    let table = world.text("US3", record.results.receipt_csv.as_ref());
    assert!(table.contains("changed after it was taken,"), "{table}");
    let noted = world.record(&event).await;
    assert_eq!((noted.state, noted.results.original), (State::Done, None));
    assert_eq!(noted.changed.unwrap().size, whole.len() as u64);

    // It goes on for another time, and rests.
    upload.write_all(us3("4", 4).as_bytes()).unwrap();
    let second = world.done(&again(&world, "a.csv")).await;
    assert_eq!((second.state, second.counts.orders), (State::Done, 4));
    assert_eq!(ids(world.orders().await.keys()), ["1", "1", "2", "2", "3", "4"]);
    // Asked again, nothing more happens.
    assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
    assert!(!world.names("US3").contains(&"inbox/a.csv".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_content_of_the_same_size_and_a_file_that_shrank_are_noticed_too() {
    let world = World::start().await;
    for (name, changed) in [
        ("same.csv", String::from_utf8(half()).unwrap().replace("east", "west")),
        ("less.csv", US3_HEADER.to_owned()),
    ] {
        let content = if name == "same.csv" { half() } else { [half(), half()].concat() };
        let event = world.put("US3", name, &content);
        let record = world.done(&event).await;
        settle(&world).await;
        // With its old time.
        world.write("US3", record.results.original.as_ref().unwrap(), changed.as_bytes());
        assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
        let path = format!("inbox/{name}");
        assert_eq!(world.files("US3").get(&path), Some(&changed.into_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_has_another_time_is_the_same() {
    let world = World::start().await;
    let record = world.done(&world.put("US3", "a.csv", &half())).await;
    settle(&world).await;
    let original = record.results.original.clone().unwrap();
    std::fs::write(world.sshd.root("US3").join(&original), half()).unwrap();
    assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
    assert!(world.names("US3").contains(&original));
    assert_eq!(world.receipt("US3", &record).get("changed"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grows_while_it_is_in_work_is_never_lost() {
    let world = World::start().await;
    let mut noticed = std::collections::BTreeMap::<&str, u32>::new();
    for round in 0..8_u64 {
        let name = format!("{round}.csv");
        let orders = (0..2_000).map(|order| us3(&format!("{round}-{order}"), 1));
        let half = (US3_HEADER.to_owned() + &orders.collect::<String>()).into_bytes();
        let rest = us3(&format!("{round}-rest"), 9);
        let event = world.put("US3", &name, &half);
        let mut upload = handle(&world, &name);
        let (inbox, added) = (world.sshd.root("US3").join("inbox").join(&name), rest.clone());
        let writer = std::thread::spawn(move || {
            // From just before the move until after the receipt.
            while inbox.exists() && round > 0 {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(round.saturating_sub(1) * 8));
            upload.write_all(added.as_bytes()).unwrap();
        });
        let record = world.done(&event).await;
        writer.join().unwrap();
        let found = match (record.state, &record.changed) {
            (State::Refused, _) => "before the orders",
            (_, Some(_)) => "before the receipt",
            _ => "not yet",
        };
        *noticed.entry(found).or_default() += 1;
        if record.state == State::Done {
            settle(&world).await;
            assert_eq!(world.call(&[transformed(&record)]).await, [""; 0]);
            assert!(world.receipt("US3", &record)["changed"].is_object(), "{found}");
        }
        let whole = [&half[..], rest.as_bytes()].concat();
        assert_eq!(world.files("US3").get(&format!("inbox/{name}")), Some(&whole), "{found}");
        let second = world.done(&again(&world, &name)).await;
        assert_eq!((second.state, second.counts.orders), (State::Done, 2_001));
        settle(&world).await;
    }
    eprintln!("{noticed:?}");
    let orders = world.orders().await;
    let rest = orders.keys().filter(|id| id.ends_with("-rest"));
    assert_eq!(rest.count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grew_behind_a_crash_is_put_back_and_said() {
    let finished = World::start().await;
    let event = finished.put("US3", "a.csv", &half());
    let record = finished.done(&event).await;
    let whole = [&half()[..], us3("3", 3).as_bytes()].concat();
    let sent = |orders| Some(intake::ledger::Sending { orders, from: Some(1), to: 1 });
    for (state, sending, decision) in [
        (State::Transformed, None, "refused"),
        (State::Transformed, sent(1), "refused"),
        (State::Published, None, "accepted"),
    ] {
        let world = World::start().await;
        world.write("US3", record.results.original.as_ref().unwrap(), &whole);
        left(&world, Record { state, sending, ..record.clone() }).await;
        let second = world.done(&event).await;
        assert_eq!(world.files("US3").get("inbox/a.csv"), Some(&whole), "{state:?}");
        assert!(world.orders().await.is_empty());
        let tells = sending.is_some() || decision == "accepted";
        let name = record.results.receipt.clone().unwrap();
        assert_eq!(world.names("US3").contains(&name), tells, "{state:?}");
        if tells {
            let receipt = world.receipt("US3", &record);
            assert_eq!(receipt["decision"], decision);
            assert_eq!(receipt["changed"]["size"], whole.len());
        }
        if let (Some(Outcome::Refused { reason }), Some(_)) = (second.outcome, sending) {
            assert!(reason.starts_with("the file was changed while its orders were sent"));
        }
        eventually(async || {
            let event = again(&world, "a.csv");
            world.call(std::slice::from_ref(&event)).await.is_empty().then_some(())
        })
        .await;
        assert_eq!(world.orders().await.len(), 3);
    }
}
