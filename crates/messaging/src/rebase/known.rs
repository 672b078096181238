//! What of a lane's input is decided.

use crate::journal::{self, Extent, LogError, Record};
use crate::subject::{self, Stage};
use crate::{Nats, header, streams, tail};
use async_nats::jetstream::Message;
use domain::WarehouseId;
use domain::inventory::{Body, Outcome};
use std::collections::{HashMap, HashSet};

/// What is decided, by the journal and by the facts.
#[derive(Default)]
pub(super) struct Known {
    prefix: String,
    /// The last attempt of each order that is decided, by `<partner>.<order>` as in subjects.
    attempts: HashMap<String, u32>,
    /// The same of those whose facts are there.
    told: HashMap<String, u32>,
    /// Of messages that name no order: their sequences in this very stream.
    sequences: HashSet<u64>,
}

impl Known {
    pub(super) async fn read(
        nats: &Nats,
        warehouse: &WarehouseId,
        extent: &Extent,
    ) -> Result<Self, LogError> {
        let prefix = |stage: &str| format!("orders.{stage}.{warehouse}.");
        let mut known = Self { prefix: prefix("placed"), ..Self::default() };
        let journal = subject::inventory_journal(warehouse);
        let entries = journal::entries::<Body>(nats, &journal, 0, |_, record| {
            let Ok(record) = record else { return };
            let here = record.decided_to().is_some_and(|at| extent.claim.is_of(at));
            if let Record::Decision(entry) = &record {
                for outcome in entry.body.outcomes() {
                    known.decided(warehouse, outcome, here);
                }
            }
        });
        entries.await?;
        for stage in ["confirmed", "refused"] {
            let (filter, prefix) = (format!("{}>", prefix(stage)), prefix(stage));
            let facts = tail::read(nats, streams::ORDERS, &filter, 1, true, |message| {
                if let Some(order) = message.subject.strip_prefix(&prefix) {
                    later(&mut known.attempts, order, attempt(message));
                    later(&mut known.told, order, attempt(message));
                }
            });
            facts.await.map_err(|error| LogError(error.to_string()))?;
        }
        Ok(known)
    }

    fn decided(&mut self, warehouse: &WarehouseId, outcome: &Outcome, here: bool) {
        let Some(id) = &outcome.id else {
            // A message that names no order is known by its place only.
            if here {
                self.sequences.insert(outcome.sequence);
            }
            return;
        };
        let subject = subject::order(Stage::Placed, warehouse, &id.partner, &id.order_id);
        if let Some(order) = subject.strip_prefix(&self.prefix) {
            later(&mut self.attempts, order, id.attempt);
        }
    }

    /// The order of a decided message whose fact is not there.
    pub(super) fn untold(&self, message: &Message) -> Option<String> {
        let order = message.subject.strip_prefix(&self.prefix)?;
        let told = self.told.get(order).is_some_and(|told| attempt(message) <= *told);
        (!told).then(|| order.to_owned())
    }

    pub(super) fn holds(&self, message: &Message, sequence: u64) -> bool {
        let known = message.subject.strip_prefix(&self.prefix).and_then(|o| self.attempts.get(o));
        self.sequences.contains(&sequence) || known.is_some_and(|known| attempt(message) <= *known)
    }
}

fn later(attempts: &mut HashMap<String, u32>, order: &str, attempt: u32) {
    match attempts.get_mut(order) {
        Some(known) => *known = attempt.max(*known),
        None => drop(attempts.insert(order.to_owned(), attempt)),
    }
}

fn attempt(message: &Message) -> u32 {
    let headers = message.headers.as_ref();
    let attempt = headers.and_then(|headers| headers.get(header::ATTEMPT));
    attempt.and_then(|text| text.as_str().parse().ok()).unwrap_or(1)
}
