//! The receipt that a partner gets for a file.

mod table;

use crate::results::{Example, Results};
use chrono::{DateTime, Utc};
use domain::Money;
use domain::assemble::Totals;
use domain::charge::ChargeKind;
use domain::control::Compared;
use domain::partner::Partner;
use intake::changed;
use intake::ledger::{self, Outcome, Record};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tabular::{ColumnProfile, Detected, Summary};

/// The receipt.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt<'a> {
    partner: &'a str,
    file: &'a str,
    arrival: &'a str,
    size: u64,
    sha256: Option<&'a str>,
    arrived_at: DateTime<Utc>,
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// Physical lines of the file. A row may have several lines; headers and blank lines are not rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    rows: u64,
    accepted: u64,
    rejected: u64,
    /// Rows that the partner's transform filters out; these are not rejects.
    #[serde(skip_serializing_if = "is_zero")]
    filtered: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rejected_by_rule: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<Example>,
    /// The control totals: declared by the sender, and computed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    control: &'a [Compared],
    orders: Orders,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
    /// The detected format; `None` if the file is unreadable.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Detected>,
    results: &'a ledger::Results,
    /// The file was changed after it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Value>,
    #[serde(skip)]
    changed_row: Option<[String; 3]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<ColumnProfile>,
}

#[derive(Debug, Default, Serialize)]
struct Orders {
    placed: u64,
    rejected: u64,
    sales: u64,
    sales_total: Money,
    returns: u64,
    returns_total: Money,
    /// Sums of the charges of sales and returns, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    charges: BTreeMap<ChargeKind, Money>,
    currency: String,
}

/// The configured format.
#[derive(Debug, Serialize)]
struct Format<'a> {
    delimiter: domain::partner::Delimiter,
    encoding: domain::partner::Encoding,
    decimal_mark: char,
    dates: &'a [String],
    time_zone: &'a str,
}

/// The additional content for a readable file.
pub(crate) struct Readable<'a> {
    pub(crate) summary: &'a Summary,
    pub(crate) totals: Totals,
    pub(crate) results: &'a Results,
    pub(crate) control: &'a [Compared],
}

impl<'a> Receipt<'a> {
    /// The receipt of `record`, which was judged.
    pub(crate) fn new(
        record: &'a Record,
        outcome: &'a Outcome,
        partner: &'a Partner,
        readable: Option<&Readable<'a>>,
    ) -> Self {
        let accepted = *outcome == Outcome::Accepted;
        let orders = readable.map_or_else(Orders::default, |readable| {
            let totals = &readable.totals;
            Orders {
                placed: if accepted { totals.sales + totals.returns } else { 0 },
                rejected: totals.rejected,
                sales: totals.sales,
                sales_total: totals.sales_total,
                returns: totals.returns,
                returns_total: totals.returns_total,
                charges: totals.charges.clone(),
                currency: partner.currency.clone(),
            }
        });
        let results = readable.map(|readable| readable.results);
        Self {
            partner: record.partner.as_str(),
            file: &record.name,
            arrival: &record.arrival,
            size: record.size,
            sha256: record.sha256.as_deref(),
            arrived_at: record.arrived_at,
            outcome,
            lines: readable.map(|readable| readable.summary.lines),
            rows: record.counts.rows,
            accepted: record.counts.accepted,
            rejected: record.counts.rejected,
            filtered: readable.map_or(0, |readable| readable.summary.filtered),
            rejected_by_rule: results.map(|r| r.rejected_by_rule.clone()).unwrap_or_default(),
            examples: results.map(|r| r.examples.clone()).unwrap_or_default(),
            control: readable.map_or(&[], |readable| readable.control),
            orders,
            format: partner.file.as_ref().map(|format| Format {
                delimiter: format.delimiter,
                encoding: format.encoding,
                decimal_mark: format.decimal_mark,
                dates: &format.dates,
                time_zone: &partner.time_zone,
            }),
            found: readable.map(|readable| readable.summary.detected.clone()),
            results: &record.results,
            changed: record.changed.as_ref().map(changed::told),
            changed_row: record.changed.as_ref().map(|it| changed::told_row(record, it)),
            columns: readable.map_or_else(Vec::new, |readable| columns(&readable.summary.profile)),
        }
    }

    /// The receipt as JSON.
    pub(crate) fn json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("receipts have only string keys")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Hides personal data: readers of a receipt need not know who bought.
fn columns(profile: &[ColumnProfile]) -> Vec<ColumnProfile> {
    let hide = |column: &ColumnProfile| match column.column.as_str() {
        "customer_id" => ColumnProfile { min: None, max: None, ..column.clone() },
        _ => column.clone(),
    };
    profile.iter().map(hide).collect()
}
