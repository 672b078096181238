//! A journal that version 0.1.0 wrote: keys of commands in bodies, and in the states of snapshots.
#![cfg(test)]

use domain::inventory::Body;
use domain::{ProductId, WarehouseId};
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, header, stored, streams, subject};
use state::journal::{Applied, BoundKey, Command, Log as _, NatsLog, Refused};
use std::convert::Infallible;
use testkit::nats::Server;

const POSITION: &str = r#"{"stream":"ORDERS","created":"2026-01-01T00:00:00Z",
    "filter":"orders.placed.main.>","sequence":5}"#;

async fn start() -> (Server, Nats) {
    let server = Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    (server, nats)
}

/// Entries as 0.1.0 wrote them, without a header: stock that was set, and a skip. The result is the
/// sequence of the second.
async fn write(nats: &Nats, warehouse: &WarehouseId) -> u64 {
    let mut prev = 0;
    for (id, position, body) in [
        ("a", "null", r#"{"set":{"key":"k1","available":{"P001":7}}}"#),
        (
            "b",
            POSITION,
            r#"{"skip":{"key":"k2","outcome":{"sequence":5,"id":{"partner":"US1","order_id":"9",
            "kind":"sale","attempt":1},"verdict":{"refused":{"reason":"skipped","detail":"broken"}}}}}"#,
        ),
    ] {
        let at = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).to_rfc3339();
        let entry = format!(
            r#"{{"id":"{id}","prev":{prev},"at":"{at}","decided_to":{position},"body":{body}}}"#
        );
        let message = Outgoing::new(subject::inventory_journal(warehouse), entry.into());
        let Ok(Published::Stored(sequence)) = publish::one(nats, &message, Some(prev)).await else {
            panic!("it is stored");
        };
        prev = sequence;
    }
    prev
}

async fn set(
    nats: &Nats,
    warehouse: &WarehouseId,
    key: &str,
) -> Result<Applied, Refused<Infallible>> {
    let journal = stock::journal(nats, warehouse);
    let key = BoundKey::new(key, &"another 7");
    let set = journal.command(&key, |view| {
        let available = [(ProductId::parse("P001").unwrap(), 9)].into();
        Ok(Command::decision(view.state.entry(Body::Set { key: None, available })))
    });
    set.await.unwrap()
}

async fn available(nats: &Nats, warehouse: &WarehouseId) -> i64 {
    let journal = stock::journal(nats, warehouse);
    let look = journal.commit(|view| {
        let item = view.state.stock.get(&ProductId::parse("P001").unwrap());
        state::journal::Decide::Answer(item.unwrap().available)
    });
    look.await.unwrap()
}

#[tokio::test]
async fn commands_of_0_1_0_are_known_by_their_keys_from_its_entries_and_its_snapshots() {
    let (_server, nats) = start().await;
    for with_snapshot in [false, true] {
        let warehouse = WarehouseId::parse(if with_snapshot { "west" } else { "main" }).unwrap();
        let last = write(&nats, &warehouse).await;
        if with_snapshot {
            let snapshot = format!(
                r#"{{"sequence":{last},"decided_to":{POSITION},"state":{{
                    "stock":{{"P001":{{"available":7,"known":true}}}},
                    "keys":{{"k1":1,"k2":2}},"commands":2}}}}"#
            );
            let log = NatsLog::new(nats.clone(), subject::inventory_journal(&warehouse));
            assert_eq!(log.save(last, snapshot.into_bytes()).await.unwrap(), last);
        }
        // The fact of the last entry is told, as 0.1.0 told it.
        assert_eq!(available(&nats, &warehouse).await, 7);
        let fact = format!("orders.refused.{warehouse}.US1.9");
        let fact = stored::last(&nats, streams::ORDERS, &fact).await.unwrap().unwrap();
        assert_eq!(fact.header(header::REASON), Some("skipped"));
        for key in ["k1", "k2"] {
            assert_eq!(set(&nats, &warehouse, key).await, Ok(Applied::Before), "{key}");
        }
        assert_eq!(available(&nats, &warehouse).await, 7);
        assert_eq!(set(&nats, &warehouse, "k3").await, Ok(Applied::Now));
        assert_eq!(set(&nats, &warehouse, "k3").await, Ok(Applied::Before));
        assert_eq!(available(&nats, &warehouse).await, 9);
    }
}
