//! Measures from the first message on `orders` to the last decision.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use messaging::Nats;
use messaging::publish::{self, Outgoing};
use tokio::time::sleep;

use crate::made::{Orders, PRODUCTS};
use crate::optional::{self, Optional};
use crate::pipeline::Own;
use crate::row::{Row, median, number};
use crate::stage::Stage;
use crate::usage;

/// Most messages that are published but not confirmed.
const CHUNK: usize = 2_000;
const LOOK: Duration = Duration::from_millis(20);
/// After this time without progress, the run is broken rather than slow.
const STALL: Duration = Duration::from_secs(30);
/// Messages in ORDERS for each order: placed, decided.
const STAGES: u64 = 2;

pub(crate) async fn run(
    stage: Stage,
    orders: u64,
    rounds: u32,
    without: &[Optional],
) -> Result<Vec<Row>> {
    let warehouses = if stage == Stage::Warehouses { 20 } else { 1 };
    let mut rates = Vec::new();
    let mut note = String::new();
    for _ in 0..rounds {
        let own = Own::start(warehouses, without).await?;
        let before = own.usage()?;
        let seconds = round(&own, stage, orders, warehouses).await?;
        note = usage::per_one(&before, &own.usage()?, number(orders));
        own.stop().await?;
        rates.push(number(orders) / seconds);
    }
    let what = "received, placed and decided";
    let without = optional::words(without);
    let note = format!("{orders} one-line orders{without}, median of {rounds}; {note}");
    Ok(vec![Row::new(stage.as_str(), what, median(rates), "orders/s", note)])
}

/// Seconds from the first publish to the last decision.
async fn round(own: &Own, stage: Stage, orders: u64, warehouses: u32) -> Result<f64> {
    let before = own.orders().await?.cached_info().state.messages;
    let started = Instant::now();
    let products = if stage == Stage::HotProduct { 1 } else { PRODUCTS };
    let made = Orders::of(warehouses, products)?;
    let publish = publish_all(&own.nats, messaging::subject::ORDERS, orders, &made);
    let decided = decided(own, before + STAGES * orders);
    tokio::try_join!(publish, decided)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Publishes `count` orders on `subject` and waits until all are stored.
pub(crate) async fn publish_all(
    nats: &Nats,
    subject: &str,
    count: u64,
    orders: &Orders,
) -> Result<()> {
    let mut first = 0;
    while first < count {
        let numbers = (first..count).take(CHUNK);
        let chunk: Vec<Outgoing> =
            numbers.map(|number| Outgoing::new(subject.to_owned(), orders.body(number))).collect();
        first += u64::try_from(chunk.len())?;
        for stored in publish::all(nats, &chunk, None).await {
            stored?;
        }
    }
    Ok(())
}

/// Waits until the stream has this many messages.
async fn decided(own: &Own, messages: u64) -> Result<()> {
    let stream = own.orders().await?;
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = stream.get_info().await?.state.messages;
        if messages <= now {
            return Ok(());
        }
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if STALL < since.elapsed() {
            bail!("{} messages of ORDERS are missing, and there is no progress", messages - now);
        }
        sleep(LOOK).await;
    }
}
