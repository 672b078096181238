//! How long a process takes to know a journal with many decided orders.
//!
//! `cargo run -p stock --example cold_start -- 1000000` writes the journal of a warehouse on a
//! server of its own, with snapshots as they come, and opens it from nothing.

use anyhow::{Context as _, anyhow};
use domain::inventory::{Body, Input, Lookup, State, decide};
use domain::order::Terms;
use domain::{OrderId, PartnerId, WarehouseId, raw};
use messaging::publish::Outgoing;
use messaging::{Nats, streams, subject};
use serde_json::{json, value::RawValue};
use state::journal::{Book, Decide, Entry, Journal, NatsLog, Position};
use std::time::Instant;
use stock::Inventory;

/// Orders of one entry, as many as the connector sends at once.
const BATCH: usize = 500;

/// The journal of a warehouse without its facts, which a start does not read.
#[derive(Debug)]
struct Silent(Inventory);

impl Book for Silent {
    type Body = Body;
    type State = State;

    fn initial(&self) -> State {
        self.0.initial()
    }

    fn apply(&self, state: &mut State, body: &Body) {
        self.0.apply(state, body);
    }

    fn facts(&self, _: u64, _: &Entry<Body>) -> Vec<Outgoing> {
        Vec::new()
    }

    fn fact_filters(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let orders: usize = std::env::args().nth(1).context("how many orders?")?.parse()?;
    let server = testkit::nats::Server::start();
    let nats = Nats::connect(&server.url(), "cold start", false).await?;
    streams::setup(&nats, streams::Settings::default()).await;
    let main = WarehouseId::main();

    let began = Instant::now();
    let subject = subject::inventory_journal(&main);
    let log = NatsLog::new(nats.clone(), subject.clone());
    let writer = Journal::new(subject, Silent(Inventory::new(main.clone())), log);
    for first in (0..orders).step_by(BATCH) {
        append(&writer, first, BATCH.min(orders - first)).await?;
    }
    report(&format!("{orders} orders written in {:.1?}", began.elapsed()));

    let began = Instant::now();
    let nats = Nats::connect(&server.url(), "cold start", false).await?;
    let journal = stock::journal(&nats, &main);
    let decided_to = journal.commit(|view| Decide::Answer(view.decided_to.cloned())).await?;
    let took = began.elapsed();
    anyhow::ensure!(decided_to.is_some_and(|position| position.sequence == orders as u64));
    let status = journal.status();
    report(&format!(
        "known in {took:.3?}: a snapshot of entry {}, and {} entries after it",
        status.snapshot,
        status.sequence - status.snapshot
    ));
    Ok(())
}

async fn append(
    journal: &Journal<Silent, NatsLog>,
    first: usize,
    count: usize,
) -> anyhow::Result<()> {
    let last = (first + count) as u64;
    let orders: Vec<Box<RawValue>> = (first..first + count)
        .map(|n| {
            let product = format!("P{:04}", n % 5_000);
            let json = json!({
                "order_id": n.to_string(), "product_id": product, "quantity": 1, "price": "19.99",
                "customer": {"id": format!("C{}", n % 1_000)}, "region": "EU", "category": "shoes",
            });
            let draft = raw::read(&json, None).map_err(|problems| anyhow!("{problems:?}"))?;
            let order = draft
                .place(&Terms::direct(), chrono::DateTime::UNIX_EPOCH)
                .map_err(|problems| anyhow!("{problems:?}"))?;
            Ok(serde_json::value::to_raw_value(&order)?)
        })
        .collect::<anyhow::Result<_>>()?;
    let inputs: Vec<Input<'_>> = (first as u64 + 1..)
        .zip(&orders)
        .map(|(sequence, data)| {
            let named = Some((PartnerId::direct(), OrderId::parse(&(sequence - 1).to_string())?));
            let (looked, sale) = (Lookup::Nothing, Lookup::Unknown);
            Ok(Input { sequence, data: Some(data), file: None, named, looked, sale })
        })
        .collect::<anyhow::Result<_>>()?;
    let commit = journal.commit(|view| {
        if view.decided_to.is_some_and(|position| position.sequence == last) {
            return Decide::Answer(());
        }
        let decision = decide(&view.state.stock, &WarehouseId::main(), &inputs, usize::MAX)
            .expect("all is looked up");
        let filter = "orders.placed.main.>".to_owned();
        let (stream, identity) = (streams::ORDERS.to_owned(), "now".to_owned());
        let decided_to = Some(Position { stream, identity, filter, sequence: last });
        Decide::Append { body: view.state.entry(decision.into()), decided_to }
    });
    Ok(commit.await?)
}

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn report(line: &str) {
    println!("{line}");
}
