//! Lanes: does each warehouse decide what is placed?

use std::collections::BTreeSet;

use async_nats::jetstream::stream::Info;
use domain::WarehouseId;
use machine::clock;
use messaging::backlog::Backlog;
use messaging::{Nats, stored, streams, subject};
use serde::Deserialize;
use serde::de::IgnoredAny;
use state::journal::{self, Record};

use super::facts;
use super::finding::Finding;
use super::gateway;
use super::readers::STALLED_SECONDS;
use super::site::Site;
use crate::commands::journal::of::Of;
use stack::lanes::START_AGAIN;

pub(super) async fn look(nats: &Nats, site: &Site) -> Vec<Finding> {
    let partners = site.partners();
    let read = gateway::filters(site).await;
    let of_partners = partners.values().map(|partner| partner.warehouse.clone());
    let warehouses: BTreeSet<WarehouseId> = of_partners.chain([WarehouseId::main()]).collect();
    let mut findings = Vec::new();
    for warehouse in warehouses {
        let what = format!("lane {warehouse}");
        findings.push(match lane(nats, Of::Stock, &warehouse).await {
            Ok(lane)
                if read
                    .as_ref()
                    .is_some_and(|read| !read.contains(&subject::placed(&warehouse))) =>
            {
                lane.unread(&what, &gateway::mend(site))
            }
            Ok(lane) => lane.finding(&what, Of::Stock, &warehouse),
            Err(error) => {
                Finding::bad(what, format!("{error:#}"), "see the log of order-processor")
            }
        });
        findings.push(facts::look(nats, Of::Stock, &warehouse).await);
        let is_invoiced =
            |read: &BTreeSet<String>| read.contains(&subject::of_warehouse(&warehouse));
        if read.as_ref().is_some_and(is_invoiced) {
            findings.extend(invoiced(nats, &warehouse).await);
        }
    }
    if let Some(read) = read {
        for (warehouse, names) in stack::lanes::not_invoiced(&partners, &read) {
            let wrong = stack::lanes::wrong_of_invoices(warehouse, &names);
            let mend = format!("add {warehouse} to orderflow.lanes of billing, {START_AGAIN}");
            findings.push(Finding::bad(format!("invoices {warehouse}"), wrong, mend));
        }
    }
    findings
}

/// The lane of a warehouse's invoices, and its journal.
async fn invoiced(nats: &Nats, warehouse: &WarehouseId) -> [Finding; 2] {
    let what = format!("invoices {warehouse}");
    let lane = match lane(nats, Of::Invoices, warehouse).await {
        Ok(lane) => lane.finding(&what, Of::Invoices, warehouse),
        Err(error) => Finding::bad(what, format!("{error:#}"), "see the log of billing"),
    };
    [lane, facts::look(nats, Of::Invoices, warehouse).await]
}

/// Where a lane stands.
#[derive(Debug, PartialEq, Eq)]
enum Lane {
    /// Nothing that was placed waits.
    Decided,
    /// Its journal is about another stream of that name, or about one that was longer.
    OtherStream,
    /// So many are not decided; the oldest: its sequence, and for how long it waits; for how long none
    /// was decided.
    Waits { count: u64, sequence: u64, seconds: i64, idle: i64 },
    /// Messages behind the last decided one are gone: how many, and the first of them.
    Gone { count: u64, first: u64, decided_to: u64 },
}

impl Lane {
    /// Of a warehouse that order-processor is not called for: how long something waits does not matter.
    fn unread(&self, what: &str, mend: &str) -> Finding {
        let waits = match self {
            Self::Waits { count, sequence, seconds, .. } => {
                format!("; {count} wait, the oldest, {sequence}, for {seconds} s")
            }
            Self::Decided | Self::OtherStream | Self::Gone { .. } => String::new(),
        };
        let text = format!(
            "nothing reads it: no lane of order-processor is for this warehouse, and its orders are \
             never decided{waits}"
        );
        Finding::bad(what, text, mend)
    }

    fn finding(&self, what: &str, of: Of, warehouse: &WarehouseId) -> Finding {
        let (function, flag) = (of.function(), of.flag());
        match *self {
            Self::Decided => Finding::good(
                what,
                match of {
                    Of::Stock => "everything that was placed is decided",
                    Of::Invoices => {
                        "everything that was decided is read; what is held is said below"
                    }
                },
            ),
            Self::OtherStream => Finding::bad(
                what,
                "the stream ORDERS was created again or lost messages after its orders were decided",
                format!("restore it, or go on deliberately: {}", rebase(of, warehouse)),
            ),
            Self::Gone { count, first, decided_to } => Finding::bad(
                what,
                format!(
                    "decided up to {decided_to}, and {count} messages of ORDERS behind that are gone, \
                     the first is {first}: orders that were among them were never decided"
                ),
                format!(
                    "see who purged ORDERS or set a limit on it (nats stream info ORDERS); restore it \
                     from a backup, or let the senders send those orders again; then {}",
                    rebase(of, warehouse)
                ),
            ),
            Self::Waits { count, sequence, seconds, .. } if seconds < STALLED_SECONDS => {
                Finding::good(
                    what,
                    format!("{count} wait, the oldest, {sequence}, for {seconds} s"),
                )
            }
            // A large file is placed faster than it is decided.
            Self::Waits { count, sequence, seconds, idle } if idle < STALLED_SECONDS => {
                Finding::warning(
                    what,
                    format!(
                        "{count} wait, the oldest, {sequence}, for {seconds} s; they are being decided"
                    ),
                    format!(
                        "nothing, unless there are more and more: then see the log of {function}"
                    ),
                )
            }
            Self::Waits { count, sequence, seconds, .. } => Finding::bad(
                what,
                format!("stalls: {count} wait, the oldest, {sequence}, for {seconds} s"),
                format!(
                    "see the logs of connector and {function}; one that cannot be decided can be \
                     refused: orderflow journal skip{flag} --warehouse {warehouse} {sequence} --reason \"…\""
                ),
            ),
        }
    }
}

/// The whole command, but for why.
fn rebase(of: Of, warehouse: &WarehouseId) -> String {
    let flag = of.flag();
    format!("orderflow journal rebase{flag} --warehouse {warehouse} --reason \"…\"")
}

async fn lane(nats: &Nats, of: Of, warehouse: &WarehouseId) -> anyhow::Result<Lane> {
    let last = journal::last(nats, &of.journal(warehouse)).await?;
    let last = last.map(|(_, entry)| entry);
    let decided_to = last.as_ref().and_then(|entry| entry.decided_to().cloned());
    let stream = nats.js.get_stream(streams::ORDERS).await?;
    let info = stream.cached_info();
    let after = match &decided_to {
        Some(position) if !journal::is_of(position, info) => return Ok(Lane::OtherStream),
        Some(position) => position.sequence,
        None => 0,
    };
    if let Some(position) = &decided_to
        && let Some(gone) = gone(nats, position.sequence, info).await?
    {
        return Ok(gone);
    }
    let filter = of.filter(warehouse);
    let backlog = Backlog::of_lane(nats, streams::ORDERS, &filter, after).await?;
    let Some(oldest) = backlog.oldest else { return Ok(Lane::Decided) };
    let seconds = oldest.age_seconds(clock::now().timestamp_millis());
    let idle = match last {
        // What has only just come cannot have been decided before.
        Some(last) if STALLED_SECONDS <= seconds => idle(nats, last).await?.min(seconds),
        _ => seconds,
    };
    Ok(Lane::Waits { count: backlog.count(), sequence: oldest.sequence, seconds, idle })
}

/// For how many seconds the lane was not moved, as its journal says; not counted beyond
/// [`STALLED_SECONDS`]. An entry that decides no order, as one of `stock`, repeats the position of the
/// one before it.
async fn idle(nats: &Nats, last: Record<IgnoredAny>) -> anyhow::Result<i64> {
    let now = clock::now();
    let mut entry = last;
    loop {
        let seconds = (now - entry.at()).num_seconds().max(0);
        if STALLED_SECONDS <= seconds || entry.prev() == 0 {
            return Ok(seconds);
        }
        let before = stored::at(nats, streams::JOURNAL, entry.prev()).await?;
        // It may have been trimmed.
        let Some(before) = before else { return Ok(seconds) };
        let before = Record::parse(&before.payload)?;
        if before.decided_to() != entry.decided_to() {
            return Ok(seconds);
        }
        entry = before;
    }
}

/// Messages behind `decided_to` that the stream had and has no longer. Whose they were is gone with
/// them.
async fn gone(nats: &Nats, decided_to: u64, info: &Info) -> anyhow::Result<Option<Lane>> {
    let state = &info.state;
    let next = decided_to + 1;
    let before = state.first_sequence.saturating_sub(next);
    let mut gone: Vec<u64> = Vec::new();
    if state.deleted_count.is_some_and(|count| 0 < count) {
        gone = deleted(nats).await?;
        gone.retain(|sequence| next <= *sequence);
    }
    let count = before.saturating_add(u64::try_from(gone.len())?);
    let first = if 0 < before { Some(next) } else { gone.iter().min().copied() };
    Ok(first.map(|first| Lane::Gone { count, first, decided_to }))
}

/// Sequences of ORDERS that are gone from the middle of it.
async fn deleted(nats: &Nats) -> anyhow::Result<Vec<u64>> {
    let subject = format!("$JS.API.STREAM.INFO.{}", streams::ORDERS);
    let answer = nats.client.request(subject, r#"{"deleted_details":true}"#.into()).await?;
    let answer: Answer = serde_json::from_slice(&answer.payload)?;
    Ok(answer.state.deleted)
}

#[derive(Deserialize)]
struct Answer {
    state: Deleted,
}

#[derive(Deserialize)]
struct Deleted {
    #[serde(default)]
    deleted: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn a_lane_stalls_when_an_order_waits_too_long() {
        for (lane, expected) in [
            (Lane::Decided, "✓ l: everything"),
            (
                Lane::Waits { count: 2, sequence: 7, seconds: 3, idle: 3 },
                "✓ l: 2 wait, the oldest, 7, for 3 s",
            ),
            (
                Lane::Waits { count: 100_000, sequence: 7, seconds: 90, idle: 29 },
                "! l: 100000 wait, the oldest, 7, for 90 s; they are being decided",
            ),
            (
                Lane::Waits { count: 2, sequence: 7, seconds: 30, idle: 30 },
                "✗ l: stalls: 2 wait, the oldest, 7, for 30 s",
            ),
            (
                Lane::Gone { count: 3, first: 9, decided_to: 8 },
                "✗ l: decided up to 8, and 3 messages of ORDERS behind that are gone, the first is 9",
            ),
            (Lane::OtherStream, "✗ l: the stream ORDERS was created again"),
        ] {
            let found = lane.finding("l", Of::Stock, &WarehouseId::main()).to_string();
            assert!(found.starts_with(expected), "{found}");
        }
    }

    /// Every command that is advised can be typed as it is, with a reason in it.
    #[test]
    fn what_is_advised_names_all_that_its_command_needs() {
        for lane in [
            Lane::OtherStream,
            Lane::Gone { count: 3, first: 9, decided_to: 8 },
            Lane::Waits { count: 1, sequence: 7, seconds: 90, idle: 90 },
        ] {
            for of in [Of::Stock, Of::Invoices] {
                let found = lane.finding("l", of, &WarehouseId::parse("west").unwrap()).to_string();
                let command =
                    found.find("orderflow journal").and_then(|at| found.get(at..)).unwrap();
                let command = command.replace("\"…\"", "broken");
                let command = command.split_whitespace();
                let parsed = crate::cli::Cli::try_parse_from(command);
                assert!(parsed.is_ok(), "{found}: {}", parsed.unwrap_err());
                assert!(found.contains("--warehouse west") && found.contains(of.flag()), "{found}");
            }
        }
    }

    #[test]
    fn a_lane_that_nothing_reads_is_never_fine() {
        for lane in [Lane::Decided, Lane::Waits { count: 1, sequence: 499, seconds: 9, idle: 9 }] {
            let found = lane.unread("l", "mend it").to_string();
            assert!(found.starts_with("✗ l: nothing reads it"), "{found}");
            assert!(found.ends_with("→ mend it"), "{found}");
        }
    }
}
