//! `orderflow simulate`: made-up orders, as shops would send them, good and bad.

mod after;
mod invoices;
mod partners;
mod sender;
mod tally;
mod used;
mod watch;

use std::time::Instant;

use anyhow::Result;
use bytes::BytesMut;
use clap::{Args, Subcommand};
use domain::{Money, PartnerId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use load::{ALL, Mix, Plan, Schedule};
use machine::client::Pipeline;
use machine::clock;
use terminal::output;

use crate::confirm::{Yes, confirm};
use crate::global::Global;
use after::{Chosen, Shares};
use sender::Sender;
use tally::Tally;

const EXAMPLES: &str = "Examples:
  orderflow simulate --orders 1000 --rate 200
  orderflow simulate --orders 10000 --rate 500 --duplicates 2 --conflicts 1 --broken 1 --seed 7
  orderflow simulate --orders 500 --rate 50 --shop
  orderflow simulate --orders 500 --rate 100 --returns 10 --ships 30 --cancels 5 --amends 5
  orderflow simulate --orders 100 --rate 20 --http --yes
  orderflow simulate invoices --rate 1";

/// Send made-up orders, good and bad, and say what should become of them.
///
/// Shares are percentages with at most four decimals.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Simulate {
    #[command(subcommand)]
    what: Option<What>,
    /// How many messages.
    #[arg(long, required = true, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    orders: Option<u64>,
    /// How many a second.
    #[arg(long, required = true, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
    /// The same seed makes the same orders; without it, another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// As a shop: 60 % with persons, 40 % with charges, 8 % returns, 60 % of the sales shipped, 3 % cancelled, 4 %
    /// amended, 2 % duplicates; each as it says itself, if it does.
    #[arg(long)]
    shop: bool,
    /// Share of messages that repeat an earlier order word for word.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "2"), value_parser = share)]
    duplicates: u32,
    /// Share of messages that are another order under an earlier order's id.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    conflicts: u32,
    /// Share of messages that are no order, in eight ways.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    broken: u32,
    /// Share of the orders that are returns. Every second one names an earlier sale and gives all of it back.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "8"), value_parser = share)]
    returns: u32,
    /// Share of the orders that have shipping and a coupon, or of returns a fee.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "40"), value_parser = share)]
    charges: u32,
    /// Share of the orders that say who the customer is: name, e-mail, telephone, address.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "60"), value_parser = share)]
    persons: u32,
    /// Share of the sales that are amended once they are confirmed: by one piece more.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "4"), value_parser = share)]
    amends: u32,
    /// Share of the sales that are shipped once they are confirmed, every second one in two parts.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "60"), value_parser = share)]
    ships: u32,
    /// Share of the sales that are cancelled once they are confirmed. To each sale one thing is done at most.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_value_if("shop", "true", "3"), value_parser = share)]
    cancels: u32,
    /// Share of lines that order P001.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    hot_product: u32,
    /// How many products there are; stock is known of the first five.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    products: u32,
    /// Most lines of an order.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    lines: u16,
    /// Spread the orders over partners of so many warehouses.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    lanes: u16,
    /// Post each one to order-ingest instead of publishing it on `orders`.
    #[arg(long)]
    http: bool,
    /// Asked before the first message is sent.
    #[command(flatten)]
    yes: Yes,
}

impl Simulate {
    fn mix(&self) -> Mix {
        Mix {
            duplicates: self.duplicates,
            conflicts: self.conflicts,
            broken: self.broken,
            returns: self.returns,
            named_returns: ALL / 2,
            charges: self.charges,
            persons: self.persons,
            hot_product: self.hot_product,
            products: self.products,
            lines: self.lines,
        }
    }
}

/// What else can be simulated.
#[derive(Clone, Debug, Subcommand)]
enum What {
    Invoices(invoices::Invoices),
}

/// A percentage, in parts of a million.
fn share(text: &str) -> Result<u32, String> {
    let percent = Money::parse(text).map_err(|error| error.to_string())?;
    match u32::try_from(percent.units()) {
        Ok(parts @ 0..=1_000_000) => Ok(parts),
        _ => Err("is not within 0 and 100".to_owned()),
    }
}

/// What the bodies of messages are cut from.
const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) async fn run(global: &Global, args: &Simulate) -> Result<()> {
    let pipeline = global.pipeline()?;
    if let Some(What::Invoices(args)) = &args.what {
        return invoices::run(&pipeline, args).await;
    }
    // Both are there where nothing else is asked for.
    let (orders, rate) = (args.orders.unwrap_or_default(), args.rate.unwrap_or(1));
    let partners = partners::of_lanes(&pipeline.dir, args.lanes)?;
    let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let mut preview = preview(&pipeline, args, (orders, rate, seed), &partners);
    let plan = Plan::new(&args.mix(), seed, partners, clock::now())?;
    let is_used = used::is_used(&pipeline, &plan, orders).await?;
    preview.extend(is_used.then(|| used::preview(seed)));
    confirm(&preview, &format!("Send {} made-up messages?", orders), args.yes)?;
    let sent = send(&pipeline, args, &plan, (orders, rate, seed), is_used);
    tokio::select! {
        sent = sent => sent,
        moved = watch::moved(&pipeline) => Err(moved),
    }
}

async fn send(
    pipeline: &Pipeline,
    args: &Simulate,
    plan: &Plan,
    (orders, rate, seed): (u64, u32, u64),
    is_used: bool,
) -> Result<()> {
    let sender = Sender::new(pipeline, args.http).await?;
    let bar = output::progress(orders, "{wide_bar} {pos}/{len} messages {per_sec} {msg}");
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    let mut tally = Tally::new(seed, is_used);
    let Simulate { amends, ships, cancels, .. } = *args;
    let mut chosen = Chosen::new(Shares { amends, ships, cancels }, seed);
    let mut open = FuturesUnordered::new();
    let started = Instant::now();
    let mut schedule = Schedule::new(rate);
    let mut index = 0;
    while index < orders {
        // What was begun is sent, and its answers are taken, while the next one is not due yet.
        // A slow confirmation slows the rest down, so nothing piles up here.
        tokio::select! {
            biased;
            Some(done) = open.next() => {
                tally.answered(done?);
                bar.inc(1);
            }
            () = schedule.ready(), if open.len() < sender.open_max() => {
                while index < orders && open.len() < sender.open_max() && schedule.take() {
                    index += 1;
                    let message = plan.message(index, &mut buffer);
                    tally.sent(message.what);
                    chosen.sent(index, &message);
                    open.push(sender.send(message));
                }
            }
        }
    }
    while let Some(done) = open.next().await {
        tally.answered(done?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let took = started.elapsed();
    let done = chosen.run(pipeline).await?;
    tally.print(pipeline.json, took, done.as_ref());
    Ok(())
}

/// What would be sent, where, and what cannot be taken back about it.
fn preview(
    pipeline: &Pipeline,
    args: &Simulate,
    (orders, rate, seed): (u64, u32, u64),
    partners: &[Option<PartnerId>],
) -> Vec<String> {
    let Simulate { products, lines, .. } = args;
    let name =
        |name: &Option<PartnerId>| name.clone().unwrap_or_else(PartnerId::direct).to_string();
    let names = partners.iter().map(name).collect::<Vec<_>>().join(", ");
    let bad = [
        (args.returns, "returns"),
        (args.amends, "of the sales amended"),
        (args.ships, "of the sales shipped"),
        (args.cancels, "of the sales cancelled"),
        (args.charges, "with charges"),
        (args.persons, "with persons"),
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
