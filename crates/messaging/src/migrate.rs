//! What version 0.1.0 left behind and this one reads once.

use crate::evidence::{self, Evidence};
use crate::journal::{self, LogError, Position};
use crate::streams::identity::Identity;
use crate::streams::{JOURNAL, ORDERS};
use crate::{Nats, subject};
use chrono::DateTime;
use domain::WarehouseId;
use futures_util::TryStreamExt as _;
use std::collections::BTreeSet;

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

/// Names other than `identity` by which journals know the stream `ORDERS`, where it is shown that they
/// mean this one.
///
/// Version 0.1.0 named a stream by the server's creation time, which the server changed when it
/// updated a stream after a restart. That a position with another time is of this stream is shown by
/// its input: the orders that were decided last stand in it where the journal says, under their
/// numbers. Facts show nothing, because whoever writes next publishes those of the last entry again.
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
        let Ok(Some((_, last))) = journal::last(nats, &subject).await else { continue };
        let position = last.decided_to().filter(|position| position.stream == ORDERS).cloned();
        let Some(position) = position else { continue };
        let known = identity.is(&position.identity) || names.contains(&position.identity);
        // Names that `setup` gave never change.
        let is_time = DateTime::parse_from_rfc3339(&position.identity).is_ok();
        if known || !is_time {
            continue;
        }
        let it = |at: &Position| at.identity == position.identity;
        if evidence::of_input(nats, &warehouse, it).await? == Evidence::Same {
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
