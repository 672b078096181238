//! What version 0.1.0 left behind and this one reads once.
//!
//! Version 0.1.0 named a stream by the server's creation time, which the server changed when it
//! updated a stream after a restart. That a position with another time is of this stream is shown by
//! its input: the order that was decided last stands in it where the journal says, under its number.
//! Facts show nothing, because the next writer publishes those of the last entry again.

use crate::stored::{self, LookupError, Standing};
use crate::streams::identity::Identity;
use crate::streams::{JOURNAL, ORDERS};
use crate::subject::{self, Stage};
use crate::{Nats, tail};
use chrono::DateTime;
use domain::{OrderId, PartnerId, WarehouseId};
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How many entries of a journal are looked at. Orders are decided in most of them.
const ENTRIES_MAX: usize = 1_000;
/// How far back the last entry is looked for behind messages that are no entries.
const LOOK_BACK: u64 = 2_000;

/// What is read of an entry, in the form of 0.1.0. Journals have more kinds since then; those decide no
/// order, or set a position deliberately.
#[derive(Debug, Deserialize)]
struct Entry {
    prev: u64,
    decided_to: Option<Position>,
    #[serde(default)]
    body: Body,
    rebase: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Position {
    stream: String,
    #[serde(alias = "created")]
    identity: String,
    sequence: u64,
}

#[derive(Debug, Default, Deserialize)]
struct Body {
    orders: Option<Orders>,
    /// The first entry of a journal wraps its content.
    first: Option<Box<Self>>,
}

#[derive(Debug, Deserialize)]
struct Orders {
    outcomes: Vec<Outcome>,
}

#[derive(Clone, Debug, Deserialize)]
struct Outcome {
    sequence: u64,
    id: Option<Order>,
}

#[derive(Clone, Debug, Deserialize)]
struct Order {
    partner: PartnerId,
    order_id: OrderId,
}

impl Entry {
    fn read(message: &Standing) -> Option<Self> {
        serde_json::from_slice(&message.payload).ok()
    }

    /// The last order that it decides up to its own position. What a rebase passed over was refused
    /// before the position moved.
    fn last_order(&self, to: u64) -> Option<(u64, &Order)> {
        let mut body = &self.body;
        while let Some(first) = &body.first {
            body = first;
        }
        let outcomes = body.orders.as_ref().map_or(&[][..], |orders| &orders.outcomes);
        let mut decided = outcomes.iter().rev().filter(|outcome| outcome.sequence <= to);
        decided.find_map(|outcome| Some((outcome.sequence, outcome.id.as_ref()?)))
    }
}

/// Names other than `identity` by which journals know the stream `ORDERS`, where it is shown that they
/// mean this one.
///
/// # Errors
/// The server does not answer.
pub(crate) async fn names_of_orders(
    nats: &Nats,
    identity: &Identity,
) -> Result<BTreeSet<String>, LookupError> {
    let mut names = BTreeSet::new();
    for warehouse in warehouses(nats).await? {
        // Of a journal that cannot be read nothing is known here; its writers say so.
        let Some((last, entry)) = last(nats, &subject::inventory_journal(&warehouse)).await? else {
            continue;
        };
        let position = entry.decided_to.as_ref().filter(|position| position.stream == ORDERS);
        let Some(name) = position.map(|position| position.identity.clone()) else { continue };
        let known = identity.is(&name) || names.contains(&name);
        // Names that `setup` gave never change.
        let is_time = DateTime::parse_from_rfc3339(&name).is_ok();
        if !known && is_time && is_shown(nats, &warehouse, &name, (last, entry)).await? {
            names.insert(name);
        }
    }
    Ok(names)
}

/// Does the order that was decided last, at the stream `name`, stand where the journal says?
async fn is_shown(
    nats: &Nats,
    warehouse: &WarehouseId,
    name: &str,
    (mut at, mut entry): (u64, Entry),
) -> Result<bool, LookupError> {
    for _ in 0..ENTRIES_MAX {
        // A rebase is deliberate: what was decided before it shows nothing.
        let position = entry.decided_to.as_ref().filter(|_| entry.rebase.is_none());
        let position = position.filter(|at| at.stream == ORDERS && at.identity == name);
        let Some(position) = position else { return Ok(false) };
        if let Some((sequence, order)) = entry.last_order(position.sequence) {
            let subject = subject::order(Stage::Placed, warehouse, &order.partner, &order.order_id);
            let message = stored::at(nats, ORDERS, sequence).await?;
            return Ok(message.is_some_and(|message| message.subject == subject));
        }
        if entry.prev == 0 || at <= entry.prev {
            return Ok(false);
        }
        at = entry.prev;
        let before = stored::at(nats, JOURNAL, at).await?;
        let Some(before) = before.as_ref().and_then(Entry::read) else { return Ok(false) };
        entry = before;
    }
    Ok(false)
}

/// The last entry on `subject`, and its sequence.
async fn last(nats: &Nats, subject: &str) -> Result<Option<(u64, Entry)>, LookupError> {
    let Some(message) = stored::last(nats, JOURNAL, subject).await? else { return Ok(None) };
    if let Some(entry) = Entry::read(&message) {
        return Ok(Some((message.sequence, entry)));
    }
    let mut found = None;
    let from = message.sequence.saturating_sub(LOOK_BACK).max(1);
    let each = |message: &async_nats::jetstream::Message| {
        let entry = serde_json::from_slice::<Entry>(&message.payload).ok();
        let sequence = message.info().ok().map(|info| info.stream_sequence);
        found = sequence.zip(entry).or_else(|| found.take());
    };
    let read = tail::read(nats, JOURNAL, subject, from, false, each).await;
    read.map_err(|error| LookupError::new(format!("the end of {subject}"), error.to_string()))?;
    Ok(found)
}

/// The warehouses that have a journal.
async fn warehouses(nats: &Nats) -> Result<Vec<WarehouseId>, LookupError> {
    let wrong = |reason| LookupError::new("which journals there are".to_owned(), reason);
    let Ok(stream) = nats.js.get_stream(JOURNAL).await else { return Ok(Vec::new()) };
    let prefix = "journal.inventory.";
    let subjects = stream.info_with_subjects(format!("{prefix}*")).await;
    let subjects = subjects.map_err(|error| wrong(error.to_string()))?;
    let subjects: Vec<(String, usize)> =
        subjects.try_collect().await.map_err(|error| wrong(error.to_string()))?;
    let ids = subjects.iter().filter_map(|(subject, _)| subject.strip_prefix(prefix));
    Ok(ids.filter_map(|token| WarehouseId::parse(token).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_0_1_0_names_the_order_that_it_decided_last() {
        let text = r#"{"id":"a","prev":3,"at":"2026-01-02T03:04:05Z","decided_to":{"stream":"ORDERS",
            "created":"2026-01-01T00:00:00Z","filter":"orders.placed.main.>","sequence":8},
            "body":{"orders":{"outcomes":[
            {"sequence":7,"id":{"partner":"US1","order_id":"A","kind":"sale","attempt":1},
             "verdict":{"confirmed":[]}},
            {"sequence":8,"verdict":{"refused":{"unreadable":{"detail":"x"}}}},
            {"sequence":9,"id":{"partner":"US1","order_id":"B","kind":"sale","attempt":1},
             "verdict":{"confirmed":[]}}]}}}"#;
        let entry: Entry = serde_json::from_str(text).unwrap();
        let (sequence, order) = entry.last_order(8).unwrap();
        assert_eq!((sequence, order.order_id.as_str()), (7, "A"));
        assert_eq!(entry.decided_to.unwrap().identity, "2026-01-01T00:00:00Z");
    }

    #[test]
    fn what_decides_no_order_names_none() {
        for rest in [r#""body":{"set":{"key":"k","available":{}}}"#, r#""rebase":"restored""#] {
            let text = format!(r#"{{"id":"a","prev":0,"at":"2026-01-02T03:04:05Z",{rest}}}"#);
            let entry: Entry = serde_json::from_str(&text).unwrap();
            assert!(entry.last_order(9).is_none(), "{rest}");
        }
    }
}
