//! Many files, many partners, and partners that try to hold up the others.

use crate::support::{ADMIN, Partner, World, check, old_file, request};
use serde_json::Value;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A gateway gives up after a minute.
const ANSWER_MAX: Duration = Duration::from_secs(55);

fn states(body: &Value, partner: usize) -> (usize, usize) {
    let found = body["partners"][partner]["found"].as_array().unwrap();
    let new = found.iter().filter(|found| found["state"] == "new").count();
    (new, found.len() - new)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_files_arrive_in_one_call_and_the_rest_in_the_next() {
    let world = World::start(&["US1", "US2"]).await;
    let function = world.serve(&[world.partner("US1"), world.partner("US2")]).await;
    for number in 0..10_000 {
        old_file(world.inbox("US1").join(format!("orders-of-the-day-{number:05}.csv")), "x");
    }
    old_file(world.inbox("US2").join("orders.csv"), "x");
    let start = Instant::now();
    let body = check(function).await;
    assert!(start.elapsed() < ANSWER_MAX, "{:?}", start.elapsed());
    assert_eq!((states(&body, 0), states(&body, 1)), ((10_000, 0), (1, 0)));
    assert_eq!(world.events().await.len(), 10_001);

    old_file(world.inbox("US1").join("one-more.csv"), "x");
    let start = Instant::now();
    let body = check(function).await;
    assert!(start.elapsed() < ANSWER_MAX, "{:?}", start.elapsed());
    let (new, known) = states(&body, 0);
    assert_eq!(new + known, 10_000, "as many as one look takes in");
    assert_eq!(
        body["partners"][0]["skipped"][0]["reason"],
        "the inbox has more than 10000 entries; the others wait for the next check"
    );
    for number in 0..5_000 {
        let name = format!("orders-of-the-day-{number:05}.csv");
        std::fs::remove_file(world.inbox("US1").join(name)).unwrap();
    }
    assert_eq!(states(&check(function).await, 0), (1 - new, 5_000 + new));
    assert_eq!(world.events().await.len(), 10_002);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_never_taken_do_not_hide_a_new_file() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let inbox = world.inbox("US1");
    for number in 0..15_000 {
        std::fs::write(inbox.join(format!(".hidden-{number}")), "").unwrap();
        std::fs::write(inbox.join(format!("{number}.csv.filepart")), "").unwrap();
    }
    for number in 0..50 {
        std::fs::create_dir(inbox.join(format!("folder-{number}"))).unwrap();
    }
    old_file(inbox.join("orders.csv"), "x");
    let start = Instant::now();
    let body = check(function).await;
    assert!(start.elapsed() < ANSWER_MAX, "{:?}", start.elapsed());
    assert_eq!(states(&body, 0), (1, 0));
    let skipped = body["partners"][0]["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 101, "a hundred are named");
    let others = skipped.iter().find(|skipped| skipped["name"] == "*").unwrap();
    assert!(others["reason"].as_str().unwrap().starts_with("29950 more that are never taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_partners_are_looked_at_while_others_hang() {
    let names: Vec<&'static str> =
        (0..100).map(|number| &*format!("P{number:03}").leak()).collect();
    let world = World::start(&names).await;
    let mut partners: Vec<Partner> = names.iter().map(|name| world.partner(name)).collect();
    for name in &names {
        old_file(world.inbox(name).join("orders.csv"), "x");
    }
    for number in 0..2_000 {
        old_file(world.inbox("P000").join(format!("{number}.csv")), "x");
    }
    // They accept connections and never answer. There is one more than there are places.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for number in 0..9 {
        let name: &'static str = format!("HANGS{number}").leak();
        let port = silent.local_addr().unwrap().port();
        partners.push(Partner { name, port, ..world.partner("P000") });
    }
    let function = world.serve(&partners).await;
    let start = Instant::now();
    let answer = tokio::spawn(request(function, "POST /", Some(ADMIN)));
    while world.events().await.len() < 2_100 {
        assert!(!answer.is_finished(), "the others were looked at too late");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let waited = start.elapsed();
    eprintln!("a hundred partners were looked at in {waited:?}");
    let (status, body) = answer.await.unwrap();
    assert!(start.elapsed() < ANSWER_MAX, "{:?}", start.elapsed());
    assert!(waited + Duration::from_secs(5) < start.elapsed(), "{waited:?}");
    assert_eq!((status, body["found"].as_u64()), (200, Some(2_100)));
    let reports = body["partners"].as_array().unwrap();
    let failed: Vec<_> = reports.iter().filter(|report| report["error"].is_string()).collect();
    assert_eq!(failed.len(), 9);
    for report in failed {
        assert!(report["partner"].as_str().unwrap().starts_with("HANGS"), "{report}");
        let error = report["error"].as_str().unwrap();
        let reasons = ["no answer in time", "took longer than 45 s", "its turn did not come"];
        assert!(reasons.iter().any(|reason| error.contains(reason)), "{error}");
    }
}
