//! What became of every file: the ledger's records beside the counts of their orders.

use crate::orders::{Counts, Status};
use chrono::{DateTime, Utc};
use domain::PartnerId;
use intake::ledger::{Outcome, Record, Results, State};
use schemars::JsonSchema;
use serde::Serialize;

/// One file that arrived.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct File {
    pub(crate) partner: PartnerId,
    name: String,
    arrival: String,
    size: u64,
    pub(crate) modified: Option<DateTime<Utc>>,
    arrived_at: DateTime<Utc>,
    #[schemars(with = "String")]
    state: State,
    sha256: Option<String>,
    rows: u64,
    accepted: u64,
    rejected: u64,
    orders: u64,
    placed: u64,
    confirmed: u64,
    /// Decided against, for whatever reason, or cancelled.
    refused: u64,
    /// Of these.
    out_of_stock: u64,
    /// Of these.
    cancelled: u64,
    pending: u64,
    /// Orders of the file that are not placed for it.
    not_placed: u64,
    /// Where the partner finds which decision was made about each of its orders, once all are decided.
    decisions: Option<String>,
    results: Vec<String>,
    reason: Option<String>,
}

impl File {
    /// Is it known by this SHA-256, arrival or name?
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.name == wanted || self.arrival == wanted || self.sha256.as_deref() == Some(wanted)
    }

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
            true => record.counts.orders.saturating_sub(counts.placed()),
            false => 0,
        };
        let refused = [Status::Refused, Status::OutOfStock, Status::Cancelled];
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
            placed: counts.placed(),
            confirmed: counts.of(Status::Confirmed),
            refused: refused.map(|status| counts.of(status)).iter().sum(),
            out_of_stock: counts.of(Status::OutOfStock),
            cancelled: counts.of(Status::Cancelled),
            pending: counts.of(Status::Pending),
            not_placed,
            decisions,
            results: results.into_iter().flatten().collect(),
            reason,
        }
    }
}
