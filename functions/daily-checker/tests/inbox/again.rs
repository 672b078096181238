//! Files that arrive again with the same name, size and modification time.

use crate::support::{World, check, old_file, summary};
use domain::PartnerId;
use intake::ledger::{Claimed, Ledger, Outcome, Record};
use serde_json::Value;

/// Writes what file-transformer records for an arrival that it has processed.
async fn end(ledger: &Ledger, event: &Value) {
    let data = &event["data"];
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    let number = |name: &str| data[name].as_u64().unwrap();
    let partner = PartnerId::parse(&text("partner")).unwrap();
    let now = chrono::DateTime::UNIX_EPOCH;
    let (size, mtime) = (number("size"), number("mtime"));
    let arrival = text("arrival");
    let record = Record::new(arrival.clone(), partner.clone(), text("name"), size, mtime, now);
    ledger.arrive(record).await.unwrap();
    let claimed = ledger.claim(&partner, &arrival, "test", now).await.unwrap();
    let Claimed::Yes(mut held) = claimed else { panic!("nobody else holds it") };
    ledger.write(&mut held, |record| record.judge("test", now, Outcome::Accepted)).await.unwrap();
    while let Some(next) = held.record().next() {
        ledger.write(&mut held, |record| record.advance("test", now, next)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_again_with_its_old_time_arrives_again_once_the_first_is_done() {
    let world = World::start(&["US1"]).await;
    let function = world.serve(&[world.partner("US1")]).await;
    let ledger = Ledger::new(&world.client);
    let (path, away) = (world.inbox("US1").join("a.csv"), world.sshd.root("US1").join("away.csv"));
    old_file(path.clone(), "one");
    assert_eq!(summary(&check(function).await), ["US1 a.csv new"]);
    assert_eq!(summary(&check(function).await), ["US1 a.csv known"]);
    for arrivals in 1..4 {
        let events = world.events().await;
        assert_eq!(events.len(), arrivals);
        // Processed and moved, as file-transformer does it.
        end(&ledger, events.last().unwrap()).await;
        std::fs::rename(&path, &away).unwrap();
        assert!(summary(&check(function).await).is_empty());
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(summary(&check(function).await), ["US1 a.csv new"]);
        assert_eq!(summary(&check(function).await), ["US1 a.csv known"], "and once");
    }
    let ids: std::collections::BTreeSet<String> =
        world.events().await.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 4);
}
