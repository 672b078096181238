//! Days that are archived, by any number of writers that end anywhere, against an independent count.

use crate::support::{DIMENSIONS, World};
use ::archive::{Archive, Day, Error};
use messaging::publish::{self, Outgoing};
use messaging::{stored, streams};
use serde_json::Value;
use state::wire::{Message, Wire as _};
use std::collections::BTreeSet;
use testkit::ends::Ends;

/// A time behind all that is stored, as the end of a day. Days are in the future, so that replicas write none by themselves.
const LATER: i64 = i64::MAX;
const ALL: &str = "from=2026-01-01&to=2027-12-31&limit=5000";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Names of all objects that are there, and ids of pieces.
async fn objects(world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut names, mut pieces) = (BTreeSet::new(), BTreeSet::new());
    let mut each = |message: Message| {
        let is_name = message.subject.starts_with("$O.ARCHIVE.M.");
        let last = message.subject.rsplit('.').next().unwrap().to_owned();
        let _ = if is_name { names.insert(last) } else { pieces.insert(last) };
    };
    let stream = streams::ARCHIVE_OBJECTS;
    world.nats.read(stream, "$O.ARCHIVE.>", 1, false, &mut each).await.unwrap();
    (names, pieces)
}

/// All answers of `GET /query` are what was counted of the streams as they were.
async fn check(world: &World, counted: &testkit::figures::Figures) {
    let replica = world.replica().await;
    for by in DIMENSIONS {
        let answer = replica.get(&format!("/query?{ALL}&by={by}&sum=orders")).await;
        counted.check_by(by, &answer).unwrap();
    }
    let documents = replica.get(&format!("/query?{ALL}&by=partner&sum=invoiced")).await;
    let sum = |field: &str| {
        documents["rows"].as_array().unwrap().iter().filter_map(|row| row[field].as_u64()).sum()
    };
    let all = counted.invoiced.values().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    assert_eq!((sum("invoices"), sum("credit_notes")), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_all_kinds_of_facts_are_those_of_an_independent_count_also_when_they_have_expired()
{
    let world = World::start().await;
    let archive = Archive::new(&world.nats);
    world.orders(0..30).await;
    for n in 1..=10 {
        world.issue(n).await;
    }
    let first = archive.write(day("2036-11-28"), LATER).await.unwrap();
    assert_eq!((first.orders.from, first.orders.missing), (1, 0));
    assert_eq!(first.orders.files.len(), 1);
    // A day on which nothing happens.
    let empty = archive.write(day("2036-11-29"), LATER).await.unwrap();
    assert_eq!(empty.files().count(), 0);
    assert_eq!(empty.orders.from, first.orders.to + 1);
    world.orders(30..60).await;
    for n in 11..=20 {
        world.issue(n).await;
    }
    check(&world, &world.count().await).await;
    archive.write(day("2036-11-30"), LATER).await.unwrap();
    world.orders(60..70).await;
    let counted = world.count().await;
    check(&world, &counted).await;
    // What is archived expires; the rest is still read from the stream.
    let last = archive.days().await.unwrap().last().unwrap().clone();
    for (stream, to) in [("ORDERS", last.orders.to), ("INVOICES", last.invoices.to)] {
        let handle = world.nats.js.get_stream(stream).await.unwrap();
        handle.purge().sequence(to + 1).await.unwrap();
    }
    check(&world, &counted).await;
    assert!(matches!(archive.next().await, Ok(Some(next)) if next == day("2036-12-01")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_killed_anywhere_leaves_a_day_that_the_next_one_writes() {
    let world = World::start().await;
    world.orders(0..10).await;
    world.issue(1).await;
    let mut next = day("2036-01-01");
    for steps in 0.. {
        let ends = Ends::after(&world.nats, steps);
        let killed = Archive::on(&world.nats, ends.wire().clone());
        let done = killed.write(next, LATER).await.is_ok();
        let whole = Archive::new(&world.nats);
        let days = whole.days().await.unwrap();
        // The entry is the last step: without it the day is not written.
        assert_eq!(days.iter().any(|written| written.day == next), done, "after {steps} steps");
        let written = whole.write(next, LATER).await.unwrap();
        for file in written.files() {
            whole.file(file).await.unwrap();
        }
        whole.sweep().await.unwrap();
        let days = whole.days().await.unwrap();
        let named: usize = days.iter().map(|written| written.files().count() + 1).sum();
        let (names, pieces) = objects(&world).await;
        assert_eq!((names.len(), pieces.len()), (named, named), "after {steps} steps");
        if done && !ends.is_over() {
            break;
        }
        next = next.next();
        // Each day has something new.
        let n = i64::try_from(steps).unwrap();
        world.orders(100 + n * 3..102 + n * 3).await;
        world.issue(100 + n.unsigned_abs()).await;
    }
    check(&world, &world.count().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_writers_one_names_the_day_and_nothing_is_left_of_the_others() {
    let world = World::start().await;
    for round in 0..4 {
        world.orders(round * 10..round * 10 + 10).await;
        let day = Day::of_ms(86_400_000 * (30_000 + round));
        let writers: Vec<_> = (0..4).map(|_| Archive::new(&world.nats)).collect();
        let all =
            futures_util::future::join_all(writers.iter().map(|writer| writer.write(day, LATER)));
        let all: Vec<_> = all.await.into_iter().map(Result::unwrap).collect();
        assert!(all.iter().all(|written| *written == all[0]), "one entry");
    }
    let archive = Archive::new(&world.nats);
    archive.sweep().await.unwrap();
    let days = archive.days().await.unwrap();
    let named: usize = days.iter().map(|written| written.files().count() + 1).sum();
    let (names, pieces) = objects(&world).await;
    assert_eq!((days.len(), names.len(), pieces.len()), (4, named, named));
    check(&world, &world.count().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_the_servers_stored_twice_counts_once() {
    let world = World::start().await;
    world.orders(0..20).await;
    let counted = world.count().await;
    let again = async |subject: &str| {
        let fact = stored::last(&world.nats, "ORDERS", subject).await.unwrap().unwrap();
        let message =
            Outgoing { subject: fact.subject, headers: fact.headers, payload: fact.payload };
        let message = Outgoing { headers: without_expected(&message), ..message };
        publish::one(&world.nats, &message, None).await.unwrap();
    };
    again("orders.confirmed.main.US2.A=2E7").await;
    let archive = Archive::new(&world.nats);
    check(&world, &counted).await;
    let written = archive.write(day("2036-11-28"), LATER).await.unwrap();
    assert_eq!(written.orders.doubled, 1);
    // The second one comes after the day's end.
    again("orders.confirmed.main.US2.A=2E7").await;
    check(&world, &counted).await;
    let written = archive.write(day("2036-11-29"), LATER).await.unwrap();
    assert_eq!((written.orders.doubled, written.orders.files.len()), (1, 0));
    check(&world, &counted).await;
}

fn without_expected(message: &Outgoing) -> async_nats::HeaderMap {
    let mut headers = async_nats::HeaderMap::new();
    for (name, values) in message.headers.iter() {
        if !name.to_string().to_lowercase().starts_with("nats-") {
            for value in values {
                headers.append(name.clone(), value.clone());
            }
        }
    }
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_unarchived_is_said_and_another_stream_is_refused() {
    let world = World::start().await;
    world.orders(0..10).await;
    let archive = Archive::new(&world.nats);
    let orders = world.nats.js.get_stream("ORDERS").await.unwrap();
    orders.purge().sequence(4).await.unwrap();
    let written = archive.write(day("2036-11-28"), LATER).await.unwrap();
    assert_eq!(written.orders.missing, 3);
    let replica = world.replica().await;
    let answer = replica.get(&format!("/query?{ALL}&by=day&sum=orders")).await;
    assert_eq!(answer["missing"][0]["messages"], 3, "{answer}");
    drop(replica);
    world.nats.js.delete_stream("ORDERS").await.unwrap();
    for step in streams::setup(&world.nats, streams::Settings::copies(1)).await {
        step.outcome.unwrap();
    }
    world.orders(100..140).await;
    let archive = Archive::new(&world.nats);
    let refused = archive.write(day("2036-11-29"), LATER).await.unwrap_err();
    assert!(matches!(refused, Error::Other { stream: "ORDERS", .. }), "{refused}");
    assert!(refused.to_string().contains("archive export"), "{refused}");
    let replica = world.replica().await;
    let answer = replica.get_as(&format!("/query?{ALL}&by=day&sum=orders"), "read", "*/*").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("another stream ORDERS"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_by_day_of_the_order_and_wrong_ones_say_what_is_wrong() {
    let world = World::start().await;
    let archive = Archive::new(&world.nats);
    world.orders(6..20).await;
    archive.write(day("2036-11-30"), LATER).await.unwrap();
    world.orders(20..28).await;
    world.issue(1).await;
    let replica = world.replica().await;
    let by_day = replica.get(&format!("/query?{ALL}&by=day&sum=orders")).await;
    let days: Vec<&Value> = by_day["rows"].as_array().unwrap().iter().collect();
    let one = days.iter().find(|row| row["orders"] == 1).unwrap();
    let key = one["key"].as_str().unwrap();
    let alone = replica.get(&format!("/query?from={key}&to={key}&by=day&sum=orders")).await;
    assert_eq!(alone["rows"].as_array().unwrap(), &[(*one).clone()]);
    let month = replica.get(&format!("/query?{ALL}&by=month&sum=orders")).await;
    assert_eq!(month["rows"].as_array().unwrap().len(), 1, "{month}");
    assert_eq!(month["archived_to"], "2036-11-30");
    // A partner sees its own, and amounts of two currencies are not compared.
    let own = replica.get_as(&format!("/query?{ALL}&by=partner&sum=orders"), "us1", "*/*").await;
    let own = own.json();
    assert_eq!((own["rows"].as_array().unwrap().len(), &own["rows"][0]["key"]), (1, &"US1".into()));
    let mixed = replica.get(&format!("/query?{ALL}&by=region&sum=revenue")).await;
    assert!(mixed["note"].as_str().unwrap().contains("`currency`"), "{mixed}");
    let euro = replica.get(&format!("/query?{ALL}&by=region&sum=revenue&currency=EUR")).await;
    assert!(euro["note"].is_null(), "{euro}");
    for (path, accept, head) in [
        ("by=region&sum=revenue", "text/csv", "region,currency,revenue"),
        ("by=product&sum=pieces&format=csv", "*/*", "product,pieces"),
        ("by=seller&sum=invoiced&format=csv", "*/*", "seller,currency,invoiced"),
    ] {
        let answered = replica.get_as(&format!("/query?{ALL}&{path}"), "read", accept).await;
        assert_eq!(answered.text.lines().next(), Some(head), "{answered:?}");
        assert!(1 < answered.text.lines().count(), "{answered:?}");
    }
    for (query, status, says) in [
        ("from=2026-01-01&to=2026-13-01&by=day&sum=orders", 400, "to: "),
        ("from=2026-02-01&to=2026-01-01&by=day&sum=orders", 400, "before"),
        ("from=1999-01-01&to=2026-01-01&by=day&sum=orders", 400, "3660 days"),
        ("from=2026-01-01&to=2026-02-01&by=colour&sum=orders", 400, "colour"),
        ("from=2026-01-01&to=2026-02-01&by=region&sum=happiness", 400, "happiness"),
        ("from=2026-01-01&to=2026-02-01&by=region&sum=invoiced", 400, "documents"),
        ("from=2026-01-01&to=2026-02-01&by=seller&sum=orders", 400, "seller"),
        ("from=2026-01-01&to=2026-02-01&by=region&sum=orders&limit=9999", 400, "limit"),
        ("from=2026-01-01&by=region&sum=orders", 400, "to"),
    ] {
        let answered = replica.get_as(&format!("/query?{query}"), "read", "*/*").await;
        assert_eq!(answered.status, status, "{query}: {answered:?}");
        assert!(answered.text.contains(says), "{query}: {answered:?}");
    }
}

/// `ORDERFLOW_TEST_PYARROW` names a Python that has pyarrow (`scripts/pyarrow`).
#[tokio::test(flavor = "multi_thread")]
async fn another_tool_reads_the_files_and_comes_to_the_same_sums() {
    let Some(python) = std::env::var_os("ORDERFLOW_TEST_PYARROW").filter(|it| !it.is_empty())
    else {
        println!("NOT CHECKED: files of the archive in another tool, which needs pyarrow");
        return;
    };
    let world = World::start().await;
    let (archive, folder) = (Archive::new(&world.nats), tempfile::tempdir().unwrap());
    let (mut day, mut rows) = (day("2036-01-01"), 0);
    for part in 0..3 {
        world.orders(part * 20..part * 20 + 20).await;
        for n in 1..=10 {
            world.issue(part.unsigned_abs() * 10 + n).await;
        }
        let written = archive.write(day, LATER).await.unwrap();
        for file in written.files() {
            let path = folder.path().join(&file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, archive.file(file).await.unwrap()).unwrap();
        }
        rows += written.orders.files.iter().map(|file| file.rows).sum::<u64>();
        day = day.next();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/analytics/parquet.py");
    let mut python = tokio::process::Command::new(python);
    let output = python.arg(script).arg(folder.path()).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counted = world.count().await;
    let units = |sums: &Value| -> Vec<(String, i128)> {
        let sums = sums.as_object().unwrap().iter();
        let units = |text: &Value| text.as_str().unwrap().replace('.', "").parse().unwrap();
        sums.map(|(currency, sum)| (currency.clone(), units(sum))).collect()
    };
    assert_eq!((&read["rows"], &read["orders"]), (&rows.into(), &counted.all.orders.into()));
    let revenue: Vec<_> = counted.all.revenue.clone().into_iter().collect();
    assert_eq!(units(&read["revenue"]), revenue);
    let invoiced: Vec<_> =
        counted.invoiced.iter().map(|(currency, sum)| (currency.clone(), sum.2)).collect();
    assert_eq!(units(&read["invoiced"]), invoiced);
}
