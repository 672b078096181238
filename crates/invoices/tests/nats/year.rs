//! The turn of the year, clocks that are set back, and a process that starts behind a snapshot.

use crate::world::{World, sales, warehouse};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::WarehouseId;
use invoices::Invoices;
use messaging::publish::Outgoing;
use messaging::subject;
use state::journal::{Appended, Journal, Log, LogError, Message, NatsLog};
use std::time::Duration;

/// A log whose process has its own idea of the time.
struct Clocked(NatsLog, DateTime<Utc>);

impl Log for Clocked {
    async fn append(&self, expected: u64, entry: Bytes) -> Appended {
        self.0.append(expected, entry).await
    }

    async fn read(
        &self,
        again: Option<u64>,
        from: u64,
        each: &mut (dyn FnMut(Message<'_>) + Send),
    ) -> Result<u64, LogError> {
        self.0.read(again, from, each).await
    }

    async fn publish(&self, facts: Vec<Outgoing>) -> Result<(), LogError> {
        self.0.publish(facts).await
    }

    async fn keeps(&self, subject: &str) -> Result<Option<Duration>, LogError> {
        self.0.keeps(subject).await
    }

    async fn load(&self) -> Result<Option<Vec<u8>>, LogError> {
        self.0.load().await
    }

    async fn save(&self, sequence: u64, snapshot: Vec<u8>) -> Result<u64, LogError> {
        self.0.save(sequence, snapshot).await
    }

    fn message_bytes_max(&self) -> usize {
        self.0.message_bytes_max()
    }

    fn new_id(&self) -> String {
        self.0.new_id()
    }

    fn now(&self) -> DateTime<Utc> {
        self.1
    }
}

fn journal(world: &World, of: &WarehouseId, now: &str) -> Journal<Invoices, Clocked> {
    let log = Clocked(world.log(of), now.parse().unwrap());
    Journal::new(subject::invoices_journal(of), Invoices::new(of.clone()), log)
}

#[tokio::test]
async fn a_year_begins_at_midnight_of_the_seller_and_no_clock_opens_the_old_one_again() {
    let world = World::with(5).await;
    let of = warehouse("year");
    // Each in a process of its own; in Paris the year begins an hour before UTC.
    for (number, now) in [
        (1, "2026-12-31T22:59:59Z"),
        (2, "2026-12-31T23:00:00Z"),
        (3, "2026-12-31T22:00:00Z"),
        (4, "2026-12-30T10:00:00Z"),
        (5, "2027-01-02T10:00:00Z"),
    ] {
        let events = sales(&of, number);
        world.issue(&journal(&world, &of, now), &of, &events, 9).await;
    }
    let documents = world.documents(&of).await;
    let issued: Vec<_> = documents
        .iter()
        .map(|it| format!("{} {} {}", it.number, it.issued_on, it.supply.order_id))
        .collect();
    assert_eq!(
        issued,
        [
            "A-year-2026-000001 2026-12-31 1",
            "A-year-2027-000001 2027-01-01 2",
            "A-year-2027-000002 2027-01-01 3",
            "A-year-2027-000003 2027-01-01 4",
            "A-year-2027-000004 2027-01-02 5",
        ]
    );
    world.check(&of, 5).await;
}

#[tokio::test]
async fn a_seller_that_is_renamed_between_decision_and_restart_changes_no_document() {
    let mut world = World::with(2).await;
    let of = warehouse("name");
    let events = sales(&of, 2);
    world.issue(&invoices::journal(&world.nats, &of), &of, &events[..1], 9).await;
    world.sellers.get_mut("ACME").unwrap().name = "Acme SA".into();
    // The facts of the entry are published again as they were.
    world.issue(&invoices::journal(&world.nats, &of), &of, &events, 9).await;
    let documents = world.documents(&of).await;
    let names: Vec<_> = documents.iter().map(|it| it.seller.name.as_str()).collect();
    assert_eq!(names, ["Acme SARL", "Acme SA"]);
    world.check(&of, 2).await;
}
