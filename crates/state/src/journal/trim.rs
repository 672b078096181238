//! Removing entries that no start needs any more.

use super::LogError;
use chrono::{DateTime, Utc};
use messaging::{Nats, stored, streams};

fn unavailable(error: impl ToString) -> LogError {
    LogError(error.to_string())
}

/// Removes the entries on `subject` before sequence `below` that were stored before `young`.
///
/// The stream denies the deletion of single messages; a purge takes everything up to a sequence, so
/// no hole can arise. Entry `below` stays, however old it is.
pub(super) async fn trim(
    nats: &Nats,
    subject: &str,
    below: u64,
    young: DateTime<Utc>,
) -> Result<(), LogError> {
    let Some(first) = at_or_after(nats, subject, 1).await? else { return Ok(()) };
    // Of the sequences below `low` all entries are old, from `high` on they are young or needed.
    let (mut low, mut high) = (first.0, below);
    while low < high {
        let middle = low + (high - low) / 2;
        match at_or_after(nats, subject, middle).await? {
            Some((sequence, stored)) if sequence < high && stored < young => low = sequence + 1,
            _ => high = middle,
        }
    }
    if first.0 < low {
        let stream = nats.js.get_stream_no_info(streams::JOURNAL).await.map_err(unavailable)?;
        let purge = stream.purge().filter(subject).sequence(low);
        let purged = purge.await.map_err(unavailable)?.purged;
        tracing::info!(journal = subject, purged, below = low, "old entries removed");
    }
    Ok(())
}

/// The first entry from `sequence` on, and when it was stored.
async fn at_or_after(
    nats: &Nats,
    subject: &str,
    sequence: u64,
) -> Result<Option<(u64, DateTime<Utc>)>, LogError> {
    let first = stored::first(nats, streams::JOURNAL, subject, sequence).await;
    let Some(first) = first.map_err(unavailable)? else { return Ok(None) };
    let stored = DateTime::from_timestamp_millis(first.time_ms);
    stored.map(|stored| (first.sequence, stored)).map(Some).ok_or_else(|| {
        LogError(format!("message {} of {subject} was stored at no time", first.sequence))
    })
}
