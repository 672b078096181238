//! Is a warehouse's input the one that its journal decided? Shown by the order that was decided last: it
//! stands in the stream where the journal says, under its number.
//!
//! A stream's name and its end do not show it: an older copy has the same name, and grows past the
//! position, if only by the facts that the next writer publishes again.

use crate::journal::{self, LogError, Position, Record};
use crate::streams::{JOURNAL, ORDERS};
use crate::subject::{self, Stage};
use crate::{Nats, stored};
use domain::WarehouseId;
use domain::inventory::{Body, Outcome};

/// How many entries of a journal are looked at. Orders are decided in most of them.
const ENTRIES_MAX: usize = 1_000;

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

/// What stands where the order was that a journal decided last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// That order.
    Same,
    /// Something else: its sequence and its subject.
    Other(u64, String),
    /// Nothing, because it expired or was removed; or no order was decided since the position was set.
    None,
}

/// Looks where the order stood that `warehouse` decided last at the stream that `is_it` accepts.
///
/// # Errors
/// The server does not answer.
pub async fn of_input(
    nats: &Nats,
    warehouse: &WarehouseId,
    is_it: impl Fn(&Position) -> bool,
) -> Result<Evidence, LogError> {
    match last_decided(nats, warehouse, is_it).await? {
        Some(outcome) => stands(nats, warehouse, &outcome).await,
        None => Ok(Evidence::None),
    }
}

async fn last_decided(
    nats: &Nats,
    warehouse: &WarehouseId,
    is_it: impl Fn(&Position) -> bool,
) -> Result<Option<Outcome>, LogError> {
    let subject = subject::inventory_journal(warehouse);
    let Some((mut at, _)) = journal::last(nats, &subject).await? else { return Ok(None) };
    for _ in 0..ENTRIES_MAX {
        let entry = stored::at(nats, JOURNAL, at).await.map_err(unavailable)?;
        let record = entry.and_then(|entry| Record::<Body>::parse(&entry.payload).ok());
        // A rebase is deliberate: what was decided before it shows nothing.
        let Some(Record::Decision(entry)) = record else { return Ok(None) };
        let Some(position) = entry.decided_to.as_ref().filter(|position| is_it(position)) else {
            return Ok(None);
        };
        // What a rebase passed over is refused before the position moves.
        let decided =
            |outcome: &&Outcome| outcome.id.is_some() && outcome.sequence <= position.sequence;
        if let Some(outcome) = entry.body.outcomes().iter().rev().find(decided) {
            return Ok(Some(outcome.clone()));
        }
        if entry.prev == 0 {
            return Ok(None);
        }
        at = entry.prev;
    }
    Ok(None)
}

async fn stands(
    nats: &Nats,
    warehouse: &WarehouseId,
    outcome: &Outcome,
) -> Result<Evidence, LogError> {
    let Some(id) = &outcome.id else { return Ok(Evidence::None) };
    let subject = subject::order(Stage::Placed, warehouse, &id.partner, &id.order_id);
    match stored::at(nats, ORDERS, outcome.sequence).await.map_err(unavailable)? {
        Some(message) if message.subject == subject => Ok(Evidence::Same),
        Some(message) => Ok(Evidence::Other(outcome.sequence, message.subject)),
        None => Ok(Evidence::None),
    }
}
