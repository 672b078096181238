//! Publishes an event for each complete file, once.

use crate::NAME;
use crate::clock::now;
use crate::look::{self, INBOX, Seen};
use crate::report::{Found, PartnerReport, Skipped, State};
use chrono::DateTime;
use domain::PartnerId;
use futures_util::{StreamExt as _, TryStreamExt as _};
use intake::access::Account;
use intake::arrival::{self, ARRIVED, Arrived};
use intake::complete::Entry;
use intake::ledger::{self, Ledger};
use messaging::publish::{self, Outgoing, Published, Unclear};
use messaging::store::Store;
use messaging::{Event, Nats, subject};
use std::collections::HashSet;
use std::sync::Arc;

/// Most events that are published but not confirmed; the client has a limit for all its users.
const PUBLISH_MAX: usize = 500;
/// Most records of the ledger that are requested at the same time.
const RECORDS_AT_ONCE: usize = 64;
/// How often a file may arrive with the same name, size and modification time.
const ARRIVALS_MAX: usize = 50;

/// The stores for arrivals.
pub(crate) struct Stores {
    pub(crate) nats: Nats,
    /// Detects another store or an older copy: files that such a store calls new have not arrived.
    pub(crate) store: Arc<Store>,
    pub(crate) ledger: Ledger,
}

/// Publishes the complete files, and reports on all entries.
pub(crate) async fn claim(stores: &Stores, account: &Arc<Account>, seen: Seen) -> PartnerReport {
    let mut report = PartnerReport::empty(account.partner.clone());
    let complete = seen.decision.complete.into_iter();
    let mut arrivals: Vec<Arrived> =
        complete.map(|entry| arrived(&account.partner, entry)).collect();
    for _ in 0..ARRIVALS_MAX {
        let known = publish(stores, arrivals, &mut report).await;
        arrivals = match again(stores, account, &known).await {
            Ok(again) => again,
            Err(error) => {
                let partner = &account.partner;
                tracing::warn!(%partner, error, "cannot look up known files");
                Vec::new()
            }
        };
        let names: HashSet<&str> = arrivals.iter().map(|file| file.name.as_str()).collect();
        let known = known.into_iter().filter(|file| !names.contains(file.name.as_str()));
        report.found.extend(known.map(|arrived| found(arrived, State::Known)));
        if arrivals.is_empty() {
            break;
        }
    }
    let reason =
        format!("came {ARRIVALS_MAX} times with the same name, size and modification time");
    report.skipped.extend(
        arrivals.into_iter().map(|file| Skipped { name: file.name, reason: reason.clone() }),
    );
    report.found.sort_by(|a, b| a.name.cmp(&b.name));
    let skipped = seen.decision.skipped.into_iter();
    report
        .skipped
        .extend(skipped.map(|skip| Skipped { name: skip.name, reason: skip.reason.to_string() }));
    if seen.is_cut {
        report.skipped.push(Skipped { name: "*".into(), reason: look::cut_reason() });
    }
    if 0 < seen.aside {
        report.skipped.push(Skipped { name: "*".into(), reason: look::aside_reason(seen.aside) });
    }
    report
}

/// Publishes arrivals; returns those whose event already exists.
async fn publish(
    stores: &Stores,
    arrivals: Vec<Arrived>,
    report: &mut PartnerReport,
) -> Vec<Arrived> {
    if let Err(fault) = stores.store.check().await {
        let skipped = |arrived: Arrived| Skipped { name: arrived.name, reason: fault.to_string() };
        report.skipped.extend(arrivals.into_iter().map(skipped));
        report.error = Some("not everything that arrived could be published".into());
        return Vec::new();
    }
    let messages: Vec<Outgoing> = arrivals.iter().map(message).collect();
    let mut results = Vec::with_capacity(messages.len());
    for some in messages.chunks(PUBLISH_MAX) {
        results.extend(publish::all(&stores.nats, some, Some(0)).await);
    }
    let mut known = Vec::new();
    for (arrived, result) in arrivals.into_iter().zip(results) {
        match result {
            Ok(Published::Stored(_)) => report.found.push(found(arrived, State::New)),
            Ok(Published::Occupied) => known.push(arrived),
            Err(error) => {
                report.skipped.push(Skipped { name: arrived.name, reason: unclear(&error) });
                report.error = Some("not everything that arrived could be published".into());
            }
        }
    }
    known
}

/// Of the files whose event already exists, returns those that were uploaded again, with their next
/// arrival. Processing moves a file out of the inbox. So a file that is still there after its arrival
/// has ended was put there later: uploaded again with its old time, or with other content of the same
/// size.
async fn again(
    stores: &Stores,
    account: &Arc<Account>,
    known: &[Arrived],
) -> Result<Vec<Arrived>, String> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let ledger = &stores.ledger;
    let looks = futures_util::stream::iter(known.to_vec()).map(|file| async move {
        let record = ledger.get(&file.partner, &file.arrival).await?;
        let is_final = record.is_some_and(|record| record.state.is_final());
        Ok::<_, ledger::Error>(is_final.then_some(file))
    });
    let ended: Vec<_> = looks.buffered(RECORDS_AT_ONCE).try_collect().await.map_err(said)?;
    let files: Vec<Arrived> = ended.into_iter().flatten().collect();
    if files.is_empty() {
        return Ok(files);
    }
    // The list of files may be older than the end of their arrivals, so check again.
    let here = account.clone();
    let there = tokio::task::spawn_blocking(move || look::standing(&here, files)).await;
    let there = there.map_err(said)?.map_err(said)?;
    let next = |file: Arrived| Arrived { arrival: arrival::again(&file.arrival), ..file };
    Ok(there.into_iter().map(next).collect())
}

fn said(error: impl std::error::Error) -> String {
    error.to_string()
}

/// Includes the causes: a missing stream looks the same without them.
fn unclear(error: &Unclear) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    format!("{text}; the next check tries again")
}

fn arrived(partner: &PartnerId, entry: Entry) -> Arrived {
    let path = format!("{INBOX}/{}", entry.name);
    let arrival = arrival::id(partner, &path, entry.size, entry.mtime);
    let (name, size, mtime) = (entry.name, entry.size, entry.mtime);
    Arrived { partner: partner.clone(), name, size, mtime, arrival }
}

fn message(arrived: &Arrived) -> Outgoing {
    let subject = subject::file("arrived", &arrived.partner, &arrived.arrival);
    let source = format!("/functions/{NAME}");
    let mut event = Event::new(arrived.arrival.clone(), &source, ARRIVED, &subject, arrived);
    event.partner = Some(arrived.partner.clone());
    event.time = Some(now());
    Outgoing::new(subject, event.to_bytes())
}

fn found(arrived: Arrived, state: State) -> Found {
    let seconds = i64::try_from(arrived.mtime).ok();
    Found {
        name: arrived.name,
        size: arrived.size,
        modified: seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        arrival: arrived.arrival,
        state,
    }
}
