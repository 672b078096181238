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
use domain::PartnerId;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::Pipeline;
use crate::args::{Global, Simulate};
use crate::confirm::confirm;
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
    let preview = preview(&pipeline, args, seed, &partners);
    let plan = Plan::new(args, seed, partners, clock::now())?;
    confirm(&preview, &format!("Send {} made-up messages?", args.orders), args.yes)?;
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

/// What would be sent, where, and what cannot be taken back about it.
fn preview(
    pipeline: &Pipeline,
    args: &Simulate,
    seed: u64,
    partners: &[Option<PartnerId>],
) -> Vec<String> {
    let Simulate { orders, rate, products, lines, .. } = args;
    let name =
        |name: &Option<PartnerId>| name.clone().unwrap_or_else(PartnerId::direct).to_string();
    let names = partners.iter().map(name).collect::<Vec<_>>().join(", ");
    let bad = [
        (args.returns, "returns"),
        (args.duplicates, "duplicates"),
        (args.conflicts, "conflicts"),
        (args.broken, "broken"),
    ];
    let bad = bad.iter().filter(|(share, _)| *share > 0);
    let bad: String = bad.map(|(share, what)| format!(", {} {what}", percent(*share))).collect();
    let place = pipeline.dir.root().display();
    vec![
        format!(
            "{orders} made-up messages would be sent to the pipeline of {place}, {rate} a second, \
             seed {seed}{bad}:"
        ),
        format!("  orders of {names} with 1 to {lines} lines of products P001 to P{products:03}"),
        "  They are decided like any other orders: stock moves, the journal and the streams keep \
         them, and listeners learn of them."
            .to_owned(),
    ]
}

/// A share, in parts of a million, as a percentage.
fn percent(share: u32) -> String {
    let (whole, rest) = (share / 10_000, share % 10_000);
    let text = format!("{whole}.{rest:04}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_shown_as_they_were_given() {
        for (share, expected) in [(50_000, "5 %"), (505_000, "50.5 %"), (1, "0.0001 %")] {
            assert_eq!(percent(share), expected);
        }
    }
}
