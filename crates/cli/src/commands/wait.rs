//! `orderflow wait`: until nothing is left to do.

mod follow;
mod open;
mod unplaced;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use connector::annotations::durable_name;
use domain::WarehouseId;
use domain::partner::Inbox;
use futures_util::TryStreamExt as _;
use intake::complete;
use machine::client::Pipeline;
use messaging::backlog::Backlog;
use messaging::{Nats, streams, subject, views};
use serde::Deserialize as _;
use serde_json::{Value, json};
use terminal::Failure;
use terminal::output;

use self::follow::Followers;
use self::open::{Open, Waiting};
use super::files::{self, FileStatus};
use super::orders;
use crate::global::{Global, duration};

const EXAMPLES: &str = "Examples:
  orderflow wait
  orderflow wait --timeout 5m
  orderflow wait --decided";

/// Wait until no file is untransformed, every accepted order is decided, partners are told, and what follows is done:
/// billing has read every decision, and notifier what it sends. What one of them holds for a correction is not waited for.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Wait {
    /// Give up after this time: 90s, 5m.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Only until all is decided: neither for billing nor for notifier.
    #[arg(long)]
    pub(crate) decided: bool,
}

const LOOK: Duration = Duration::from_millis(250);
const LOOK_MAX: Duration = Duration::from_secs(2);
/// What is open is said no more often than this.
const SAY: Duration = Duration::from_secs(1);
/// States of a file that nothing follows.
const FINAL: [&str; 3] = ["done", "refused", "duplicate"];

/// Who is waited for, and what it is given.
const ARRIVED: (&str, &str) = (file_transformer::NAME, "files.arrived.>");
const TRANSFORMED: (&str, &str) = (file_transformer::NAME, "files.transformed.>");
const RAW: (&str, &str) = (order_ingest::NAME, subject::ORDERS);

pub(crate) async fn run(global: &Global, wait: &Wait) -> Result<()> {
    let Wait { timeout, decided } = *wait;
    let pipeline = global.pipeline()?;
    let followers = match decided {
        true => Followers::default(),
        false => Followers::find(global).await?,
    };
    let started = Instant::now();
    let mut view = views::Orders::default();
    let mut said: Option<(Instant, String)> = None;
    loop {
        let began = Instant::now();
        let mut open = look(&pipeline, &followers, &mut view).await;
        if open.is_empty() {
            match done(&pipeline, &view).await {
                Ok(()) => return Ok(()),
                // status-checker may be reading after a start.
                Err(error) => open.unknown = Some(format!("{error:#}")),
            }
        }
        let text = open.to_string();
        if timeout <= started.elapsed() {
            if pipeline.json {
                let counts: BTreeMap<_, u64> = open
                    .messages
                    .iter()
                    .map(|(subject, waiting)| (subject, waiting.count))
                    .collect();
                output::json(&json!({
                    "files": open.files, "messages": counts, "orders": open.orders(),
                    "invoices": open.invoices.values().map(|waiting| waiting.count).sum::<u64>(),
                    "unknown": open.unknown,
                }));
            }
            return Err(Failure::TimeIsUp { seconds: timeout.as_secs(), open: text }.into());
        }
        if said.as_ref().is_none_or(|(when, before)| SAY <= when.elapsed() && *before != text) {
            output::note(format_args!("waiting: {text}"));
            said = Some((Instant::now(), text));
        }
        // Counting many messages takes long, and must not slow down the pipeline that is waited for.
        tokio::time::sleep(began.elapsed().saturating_mul(4).clamp(LOOK, LOOK_MAX)).await;
    }
}

/// Says that all is done, and what is done only because it was given up.
async fn done(pipeline: &Pipeline, view: &views::Orders) -> Result<()> {
    let nats = pipeline.nats().await?;
    let mut counts = orders::counts(pipeline).await?;
    let dead = dead_letters(&nats).await?;
    let strange = unplaced::find(&nats, view).await?.strange;
    if pipeline.json {
        counts.insert("dead_letters".to_owned(), dead.into());
        counts.insert("no_orders".to_owned(), strange.into());
        output::json(&counts);
        return Ok(());
    }
    let of = |name| counts.get(name).and_then(Value::as_u64).unwrap_or_default();
    let outcomes = ["confirmed", "out_of_stock", "refused", "cancelled"];
    let outcomes = outcomes.map(|name| format!("{} {}", of(name), name.replace('_', " ")));
    output::line(format_args!("all done: {} orders placed, {}", of("placed"), outcomes.join(", ")));
    if dead > 0 {
        output::line(format_args!(
            "! {dead} dead letters are kept, which are not among them: orderflow doctor"
        ));
    }
    if let Some(first) = strange.first() {
        let more = match strange.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more (--json names all)"),
        };
        output::line(format_args!(
            "! published past order-ingest, and no orders: {first}{more}; nothing moves for them. Who \
             may publish on orders.placed.>?"
        ));
    }
    Ok(())
}

async fn dead_letters(nats: &Nats) -> Result<usize> {
    let stream = nats.js.get_stream_no_info(streams::ERRORS).await?;
    let mut subjects = stream.info_with_subjects("errors.dead.>").await?;
    let mut dead = 0;
    while let Some((_, count)) = subjects.try_next().await? {
        dead += count;
    }
    Ok(dead)
}

/// Looks until something is open. The inboxes are asked only when nothing else is open, because that
/// takes a login to each partner's server; what has left one meanwhile is found by the last look.
async fn look(pipeline: &Pipeline, followers: &Followers, view: &mut views::Orders) -> Open {
    let mut open = look_inside(pipeline, followers, view).await;
    if open.is_empty() {
        open = look_into_inboxes(pipeline).await;
    }
    if open.is_empty() {
        open = look_inside(pipeline, followers, view).await;
    }
    open
}

/// One look from the front of the pipeline to its end, so that nothing moves past it unseen: what
/// has left a place before it is looked at is found at a later one.
///
/// Files and orders are counted only when no message waits: it takes a reading of every order, and
/// waiting must not slow down the work.
async fn look_inside(pipeline: &Pipeline, followers: &Followers, view: &mut views::Orders) -> Open {
    let mut open = Open::default();
    let looked = async {
        let nats = pipeline.nats().await?;
        waiting(&nats, streams::FILES, ARRIVED, &mut open).await?;
        raw(&nats, &mut open).await?;
        if !open.messages.is_empty() {
            return Ok(());
        }
        for file in files::status(pipeline, false).await?.files {
            let file = FileStatus::deserialize(&file)?;
            if !FINAL.contains(&file.state.as_str()) {
                let name = output::name(&file.name);
                open.files.push(format!("{}/{name} ({})", file.partner, file.state));
            }
        }
        // A file's orders may have come after the first look at them.
        raw(&nats, &mut open).await?;
        view.refresh(&nats).await?;
        lanes(pipeline, &nats, view, &mut open).await?;
        if open.is_empty() {
            // What became of a file's orders is written once all are decided.
            waiting(&nats, streams::FILES, TRANSFORMED, &mut open).await?;
        }
        if open.is_empty() {
            followers.look(&nats, warehouses(pipeline, view), &mut open).await?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = looked.await {
        open.unknown = Some(format!("{error:#}"));
    }
    open
}

/// What is not decided in each lane, and what is decided and not said yet.
async fn lanes(
    pipeline: &Pipeline,
    nats: &Nats,
    view: &views::Orders,
    open: &mut Open,
) -> Result<()> {
    for warehouse in warehouses(pipeline, view) {
        let filter = subject::placed(&warehouse);
        let decided_to = state::journal::decided_up_to(nats, &filter).await?.unwrap_or(0);
        let backlog = Backlog::of_lane(nats, streams::ORDERS, &filter, decided_to).await?;
        open.lanes.extend(Waiting::of(&backlog).map(|waiting| (warehouse, waiting)));
    }
    if open.lanes.is_empty() {
        open.unsaid = unplaced::find(nats, view).await?.unsaid;
    }
    Ok(())
}

/// Those of partners and of orders that wait, and `main`.
fn warehouses(pipeline: &Pipeline, view: &views::Orders) -> BTreeSet<WarehouseId> {
    let partners = pipeline.partners();
    let of_partners = partners.values().map(|partner| partner.warehouse.clone());
    let of_orders = view.pending().map(|order| order.warehouse.clone());
    of_partners.chain(of_orders).chain([WarehouseId::main()]).collect()
}

async fn look_into_inboxes(pipeline: &Pipeline) -> Open {
    let mut open = Open::default();
    match files::status(pipeline, true).await {
        Ok(status) => {
            for depot in status.depots {
                if let Some(error) = depot.error {
                    open.unknown = Some(format!("the inbox of {}: {error}", depot.partner));
                }
                let names = depot.inbox.into_iter().filter(|file| file.never.is_none());
                let names = names.map(|file| file.name).filter(|name| is_taken(name));
                let partner = &depot.partner;
                let said =
                    |name: String| format!("{partner}/{} (in the inbox)", output::name(&name));
                open.files.extend(names.map(said));
            }
        }
        Err(error) => open.unknown = Some(format!("{error:#}")),
    }
    open
}

/// Is a file of this name ever taken? An earlier status-checker does not say.
fn is_taken(name: &str) -> bool {
    complete::never_by_name(name, &Inbox::default()).is_none()
}

/// Messages on `orders`, also those that another stream kept before.
async fn raw(nats: &Nats, open: &mut Open) -> Result<()> {
    let (_, filter) = RAW;
    for stream in [streams::INTAKE].into_iter().chain(streams::formerly(filter)) {
        waiting(nats, stream, RAW, open).await?;
    }
    Ok(())
}

/// Messages under `filter` that the connector has not given out for `function`, or that it has not
/// answered. Other consumers of the subject are not waited for.
async fn waiting(
    nats: &Nats,
    stream: &str,
    (function, filter): (&str, &'static str),
    open: &mut Open,
) -> Result<()> {
    let name = durable_name(function, filter);
    let reader = Backlog::of_reader(nats, stream, &name, filter).await?;
    if let Some(waiting) = Waiting::of(&reader.backlog) {
        open.messages.entry(filter).and_modify(|before| before.add(&waiting)).or_insert(waiting);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_said_in_one_line() {
        let mut open = Open::default();
        assert!(open.is_empty());
        open.files = vec!["US1/a.csv (claimed)".to_owned(), "US1/b.csv (arrived)".to_owned()];
        open.messages.insert("orders", Waiting { count: 3, seconds: Some(95) });
        open.messages.insert("files.arrived.>", Waiting { count: 1, seconds: Some(2) });
        open.lanes.insert(WarehouseId::main(), Waiting { count: 2, seconds: Some(11) });
        open.unsaid = 1;
        open.invoices.insert(WarehouseId::main(), Waiting { count: 4, seconds: Some(1) });
        assert_eq!(open.orders(), 3);
        assert_eq!(
            open.to_string(),
            "file US1/a.csv (claimed) and 1 more, 1 messages on files.arrived.>, 3 messages on \
             orders, the oldest for 95 s, 2 orders of warehouse main not decided, the oldest for 11 s, \
             1 orders whose outcome is not stored yet, 4 messages about orders of warehouse main not read by \
             billing"
        );
        assert!(!open.is_empty());
    }

    #[tokio::test]
    async fn what_others_read_of_orders_is_not_waited_for() {
        use async_nats::jetstream::consumer::{AckPolicy, pull};
        use futures_util::StreamExt as _;
        let server = testkit::nats::Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        nats.js.publish("orders", "1".into()).await.unwrap().await.unwrap();
        let count = async || {
            let mut open = Open::default();
            raw(&nats, &mut open).await.unwrap();
            open.messages.get("orders").map_or(0, |waiting| waiting.count)
        };
        let stream = nats.js.get_stream(streams::INTAKE).await.unwrap();
        let consumer = async |name: &str| {
            let config = pull::Config {
                durable_name: Some(name.to_owned()),
                filter_subject: "orders".into(),
                ack_policy: AckPolicy::Explicit,
                ..pull::Config::default()
            };
            stream.create_consumer(config).await.unwrap()
        };
        consumer("stranger").await;
        assert_eq!(count().await, 1, "nobody has taken it yet");
        let own = consumer(&connector::durable_name(order_ingest::NAME, "orders")).await;
        assert_eq!(count().await, 1);
        let message = own.messages().await.unwrap().next().await.unwrap().unwrap();
        message.double_ack().await.unwrap();
        assert_eq!(count().await, 0, "a stranger has not");
    }

    #[test]
    fn what_is_never_taken_is_not_waited_for() {
        let taken = ["a.csv", "a.csv.part", "~a.csv", "a\u{1b}[2J.csv", ".a"].map(is_taken);
        assert_eq!(taken, [true, false, false, false, false]);
    }
}
