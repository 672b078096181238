//! Measures a file from the moment it is found to its last order, stage by stage.

use std::fmt::Write as _;
use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use async_nats::Subscriber;
use axum::http::Method;
use futures_util::StreamExt as _;
use machine::client::Level;
use machine::send;
use messaging::{streams, subject};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::made::{Orders, PRODUCTS, partner};
use crate::optional::{self, Optional};
use crate::pipeline::Own;
use crate::row::{Row, median, number};
use crate::usage;

const LOOK: Duration = Duration::from_millis(10);
/// How often daily-checker is called until it finds the file, which must first be old enough.
const ASK: Duration = Duration::from_millis(500);
/// How long a run may take for each thousand orders, and the minimum for small files.
const THOUSAND_MAX: Duration = Duration::from_secs(2);
const LEAST_MAX: Duration = Duration::from_secs(60);
const STORED_MAX: Duration = Duration::from_secs(5);
/// The stages, and the subject on which each order is published at that stage. There is stock for all
/// orders.
const STAGES: [(&str, &str); 3] = [
    ("found to all sent", subject::ORDERS),
    ("found to all placed", "orders.placed.>"),
    ("found to all decided", "orders.confirmed.>"),
];

/// Orders in a typical daily export, for which the total time matters.
const DAILY_ROWS: u64 = 3_000;

pub(crate) async fn run(count: u64, rounds: u32, without: &[Optional]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, count) in [("daily file", DAILY_ROWS), ("file", count)] {
        let mut seconds: [Vec<f64>; 3] = Default::default();
        let mut note = String::new();
        for _ in 0..rounds {
            let own = Own::start(1, without).await?;
            let before = own.usage()?;
            for (all, took) in seconds.iter_mut().zip(round(&own, count).await?) {
                all.push(took.as_secs_f64());
            }
            note = usage::per_one(&before, &own.usage()?, number(count));
            own.stop().await?;
        }
        for ((what, _), seconds) in STAGES.into_iter().zip(seconds) {
            let seconds = median(seconds);
            let without = optional::words(without);
            let what_for = format!("{count} one-line orders{without}");
            let note = format!("{what_for} in {seconds:.2} s, median of {rounds}; {note}");
            rows.push(Row::new(name, what, number(count) / seconds, "orders/s", note));
        }
    }
    Ok(rows)
}

/// How long after the file was found all orders had passed each stage.
async fn round(own: &Own, count: u64) -> Result<[Duration; 3]> {
    let path = own.pipeline.dir.root().join("bench.csv");
    std::fs::write(&path, csv(count)?).with_context(|| path.display().to_string())?;
    let mut stages = Vec::new();
    for (_, filter) in STAGES {
        stages.push(own.nats.client.subscribe(filter).await?);
    }
    // The server answers after it has processed the subscriptions; a flush returns earlier, in this
    // process.
    own.nats.client.request("$JS.API.INFO", "".into()).await?;
    let partner = partner(1).parse()?;
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    send::put(&own.pipeline.dir, &partner, file, "inbox/bench.csv").await?;
    let started = found(own).await?;
    let limit = LEAST_MAX + THOUSAND_MAX * u32::try_from(count / 1_000)?;
    let stages = stages.into_iter().map(|stage| all_of(stage, count, started));
    let took = timeout(limit, futures_util::future::join_all(stages)).await;
    let took = took.with_context(|| format!("not all decided within {} s", limit.as_secs()))?;
    // The messages seen must also be stored; the server forwards them a moment before.
    let stored = all_stored(own, 2 * count);
    timeout(STORED_MAX, stored).await.context("what was published is not stored")??;
    took.try_into().map_err(|_| anyhow!("three stages"))
}

/// How long after `started` the last of `count` messages arrived. Messages are counted as they are
/// published: repeated requests for the number of stored ones would distort the measurement.
async fn all_of(mut stage: Subscriber, count: u64, started: Instant) -> Duration {
    for _ in 0..count {
        if stage.next().await.is_none() {
            break;
        }
    }
    started.elapsed()
}

/// Waits until ORDERS holds this many messages.
async fn all_stored(own: &Own, count: u64) -> Result<()> {
    let stream = own.orders().await?;
    while stream.get_info().await?.state.messages < count {
        sleep(LOOK).await;
    }
    Ok(())
}

/// Calls daily-checker until it finds the file; the clock starts then.
async fn found(own: &Own) -> Result<Instant> {
    let stream = own.nats.js.get_stream(streams::FILES).await?;
    let before = stream.cached_info().state.messages;
    let arrived = async {
        while stream.get_info().await?.state.messages == before {
            sleep(LOOK).await;
        }
        anyhow::Ok(Instant::now())
    };
    let asking = async {
        loop {
            let call = own.pipeline.call(Level::Admin, Method::POST, "daily-checker", None);
            let _: Value = call.await?;
            sleep(ASK).await;
        }
    };
    tokio::select! {
        started = arrived => started,
        failed = asking => failed,
    }
}

/// A file with `count` orders of one line each.
fn csv(count: u64) -> Result<String> {
    let mut text = "order_id,product_id,quantity,price,timestamp,customer\n".to_owned();
    let orders = Orders::of(1, PRODUCTS)?;
    for (number, product) in (1..=count).zip(orders.products().cycle()) {
        let customer = number % 500;
        let line = writeln!(text, "F-{number},{product},1,19.99,2026-01-31T12:00:00Z,C-{customer}");
        line.expect("text is written to memory");
    }
    Ok(text)
}
