//! What became of every file: the ledger's records beside the counts of their orders.

use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::ledger::{Outcome, Record, Results, State};
use messaging::views::Counts;
use serde::Serialize;

/// One file that arrived.
#[derive(Debug, Serialize)]
pub(crate) struct File {
    pub(crate) partner: PartnerId,
    name: String,
    arrival: String,
    size: u64,
    pub(crate) modified: Option<DateTime<Utc>>,
    arrived_at: DateTime<Utc>,
    state: State,
    sha256: Option<String>,
    rows: u64,
    accepted: u64,
    rejected: u64,
    orders: u64,
    placed: u64,
    confirmed: u64,
    refused: u64,
    pending: u64,
    /// Orders of the file that are not placed for it.
    not_placed: u64,
    /// Where the partner finds which decision was made about each of its orders, once all are decided.
    decisions: Option<String>,
    results: Vec<String>,
    reason: Option<String>,
}

impl File {
    /// A record with the counts of the orders that came in its content.
    pub(crate) fn new(record: Record, counts: Counts) -> Self {
        // A duplicate's orders belong to the file that came first.
        let accepted = record.outcome == Some(Outcome::Accepted);
        let counts = if accepted { counts } else { Counts::default() };
        let results = record.results;
        let decisions = results.receipt.as_deref().filter(|_| accepted);
        let decisions = decisions.and_then(|receipt| receipt.strip_suffix(".receipt.json"));
        let decisions = decisions.map(|tag| format!("{tag}.decisions.csv"));
        let not_placed = match accepted {
            true => record.counts.orders.saturating_sub(counts.placed),
            false => 0,
        };
        let Results { output, rejects, receipt, receipt_csv, original } = results;
        let results = [output, rejects, receipt, receipt_csv, original];
        let reason = match record.outcome {
            Some(Outcome::Refused { reason }) => Some(reason),
            Some(Outcome::Duplicate { of }) => Some(format!("the same content came as {of}")),
            Some(Outcome::Accepted) | None => None,
        };
        Self {
            partner: record.partner,
            name: record.name,
            arrival: record.arrival,
            size: record.size,
            modified: i64::try_from(record.mtime).ok().and_then(|s| DateTime::from_timestamp(s, 0)),
            arrived_at: record.arrived_at,
            state: record.state,
            sha256: record.sha256,
            rows: record.counts.rows,
            accepted: record.counts.accepted,
            rejected: record.counts.rejected,
            orders: record.counts.orders,
            placed: counts.placed,
            confirmed: counts.confirmed,
            refused: counts.refused,
            pending: counts.pending,
            not_placed,
            decisions,
            results: results.into_iter().flatten().collect(),
            reason,
        }
    }
}
