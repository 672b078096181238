//! `orderflow simulate`: made-up orders, as shops would send them, good and bad.

mod partners;
mod plan;
mod schedule;
mod sender;
mod tally;
mod wire;

use std::time::Instant;

use anyhow::Result;
use bytes::BytesMut;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::Pipeline;
use crate::args::{Global, Simulate};
use crate::{clock, output};
use plan::Plan;
use schedule::Schedule;
use sender::Sender;
use tally::Tally;

/// What the bodies of messages are cut from.
const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) async fn run(global: &Global, args: &Simulate) -> Result<()> {
    let pipeline = Pipeline::find(global)?;
    let partners = partners::of_lanes(&pipeline.dir, args.lanes)?;
    let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let plan = Plan::new(args, seed, partners, clock::now())?;
    let sender = Sender::new(&pipeline, args.http).await?;
    let bar = output::progress(args.orders, "{wide_bar} {pos}/{len} messages {per_sec} {msg}");
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    let mut tally = Tally::default();
    let mut open = FuturesUnordered::new();
    let started = Instant::now();
    let mut schedule = Schedule::new(args.rate);
    let mut index = 0;
    while index < args.orders {
        schedule.ready().await;
        while index < args.orders && schedule.take() {
            index += 1;
            let message = plan.message(index, &mut buffer);
            tally.sent(message.what);
            open.push(sender.send(message));
            // Whoever does not confirm in time slows the rest down; nothing piles up here.
            if sender.open_max() <= open.len()
                && let Some(done) = open.next().await
            {
                tally.answered(done?);
                bar.inc(1);
                schedule.refill();
            }
        }
    }
    while let Some(done) = open.next().await {
        tally.answered(done?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    tally.print(pipeline.json, seed, started.elapsed());
    Ok(())
}
