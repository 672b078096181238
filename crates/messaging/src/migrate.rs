//! What version 0.1.0 left behind and this one reads once.

use crate::inventory::Inventory;
use crate::journal::{self, Book, Entry, LogError, Position, Record};
use crate::streams::identity::Identity;
use crate::streams::{JOURNAL, ORDERS};
use crate::{Nats, header, stored, streams, subject};
use domain::WarehouseId;
use domain::inventory::Body;
use futures_util::TryStreamExt as _;
use std::collections::BTreeSet;

/// How many entries of a journal are looked at. Orders are decided in most of them.
const ENTRIES_MAX: usize = 1_000;
/// How many entries without their facts are passed over: those of the last may not be stored yet.
const MISSES_MAX: usize = 5;

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

/// Names other than `identity` by which journals know the stream `ORDERS`, where it is shown that they
/// mean this one.
///
/// Version 0.1.0 named a stream by the server's creation time, which the server changed when it
/// updated a stream after a restart. That a position with another time is of this stream is shown by
/// what followed from the decisions: facts of the journal's last orders stand in it, with the id of
/// their decision. A stream that was made anew has none of them.
///
/// # Errors
/// The server does not answer.
pub(crate) async fn names_of_orders(
    nats: &Nats,
    identity: &Identity,
) -> Result<BTreeSet<String>, LogError> {
    let mut names = BTreeSet::new();
    for warehouse in warehouses(nats).await? {
        let subject = subject::inventory_journal(&warehouse);
        // Of a journal that cannot be read nothing is known here; its writers say so.
        let Ok(Some((last, _))) = journal::last(nats, &subject).await else { continue };
        let Some(last) = stored::at(nats, JOURNAL, last).await.map_err(unavailable)? else {
            continue;
        };
        let Ok(record) = Record::<Body>::parse(&last.payload) else { continue };
        let position = record.decided_to().filter(|position| position.stream == ORDERS).cloned();
        let Some(position) = position else { continue };
        let known = identity.is(&position.identity) || names.contains(&position.identity);
        if !known && holds_facts(nats, &warehouse, last.sequence, record, &position).await? {
            names.insert(position.identity);
        }
    }
    Ok(names)
}

/// The warehouses that have a journal.
async fn warehouses(nats: &Nats) -> Result<Vec<WarehouseId>, LogError> {
    let Ok(stream) = nats.js.get_stream(JOURNAL).await else { return Ok(Vec::new()) };
    let prefix = "journal.inventory.";
    let subjects = stream.info_with_subjects(format!("{prefix}*")).await.map_err(unavailable)?;
    let subjects: Vec<(String, usize)> = subjects.try_collect().await.map_err(unavailable)?;
    let ids = subjects.iter().filter_map(|(subject, _)| subject.strip_prefix(prefix));
    Ok(ids.filter_map(|token| WarehouseId::parse(token).ok()).collect())
}

/// Does `ORDERS` hold a fact of the last orders that were decided at `position`'s stream?
async fn holds_facts(
    nats: &Nats,
    warehouse: &WarehouseId,
    mut sequence: u64,
    mut record: Record<Body>,
    position: &Position,
) -> Result<bool, LogError> {
    let book = Inventory::new(warehouse.clone());
    let mut misses = 0;
    for _ in 0..ENTRIES_MAX {
        if record.decided_to().is_none_or(|at| at.identity != position.identity) {
            return Ok(false);
        }
        if let Record::Decision(entry) = &record
            && let Some(found) = fact(nats, &book, sequence, entry).await?
        {
            misses += 1;
            if found || misses == MISSES_MAX {
                return Ok(found);
            }
        }
        let prev = record.prev();
        if prev == 0 {
            return Ok(false);
        }
        let before = stored::at(nats, JOURNAL, prev).await.map_err(unavailable)?;
        let Some(before) = before else { return Ok(false) };
        let Ok(parsed) = Record::<Body>::parse(&before.payload) else { return Ok(false) };
        (sequence, record) = (prev, parsed);
    }
    Ok(false)
}

/// Is a fact about an order of `entry`, or what took its place, in `ORDERS`? Nothing if the entry
/// decided no order.
async fn fact(
    nats: &Nats,
    book: &Inventory,
    sequence: u64,
    entry: &Entry<Body>,
) -> Result<Option<bool>, LogError> {
    let facts = book.facts(sequence, entry);
    let of_orders =
        |subject: &str| streams::of_subject(subject).is_some_and(|stream| stream.name == ORDERS);
    let Some(fact) = facts.iter().find(|fact| of_orders(&fact.subject)) else { return Ok(None) };
    let standing = stored::last(nats, ORDERS, &fact.subject).await.map_err(unavailable)?;
    let found = standing.is_some_and(|standing| {
        standing.header(header::DECISION) == Some(entry.id.as_str())
            || standing.decision_sequence() > Some(sequence)
    });
    Ok(Some(found))
}
