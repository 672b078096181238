//! What is said of windows: `analytics.invoices.5s.<window>`, and `….<sequence>` for each correction.

use super::hours::SECONDS;
use crate::invoiced::{self, Sums};
use crate::issued::Issued;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use messaging::publish::Outgoing;
use messaging::{Event, events};
use schemars::JsonSchema;
use serde::Serialize;
use state::fold;
use std::collections::BTreeMap;

/// All of them.
pub(super) const FILTER: &str = "analytics.invoices.5s.>";
const PREFIX: &str = "analytics.invoices.5s.";
/// A window's name: when it begins.
const WINDOW: &str = "%Y%m%dT%H%M%SZ";
/// Of a final result: the sequence of INVOICES up to which it has counted.
const TO: &str = "Orderflow-Counted-To";

/// A second as RFC 3339.
pub(crate) fn time(second: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp(second, 0).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn name(start: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp(start, 0).unwrap_or_default();
    time.format(WINDOW).to_string()
}

/// The subject of a window's final result.
pub(super) fn subject(start: i64) -> String {
    format!("{PREFIX}{}", name(start))
}

/// When the window begins that a subject names.
pub(super) fn start(subject: &str) -> Option<i64> {
    let window = subject.strip_prefix(PREFIX)?.split('.').next()?;
    let time = NaiveDateTime::parse_from_str(window, WINDOW).ok()?.and_utc().timestamp();
    (time.rem_euclid(SECONDS) == 0).then_some(time)
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The final result, which has counted up to this sequence.
    Final { to: u64 },
    /// A correction for the document at this sequence.
    Correction { of: u64 },
}

/// Reads one; nothing if it is of a later release.
///
/// # Errors
/// A final result does not say how far it has counted.
pub(super) fn read(event: &fold::Event<'_>) -> Result<Option<(i64, Said)>, String> {
    let Some(start) = start(event.subject) else { return Ok(None) };
    let said = match event.subject.split('.').nth(4) {
        Some(sequence) => sequence.parse().ok().map(|of| Said::Correction { of }),
        None => Some(Said::Final { to: counted_to(event.header(TO))? }),
    };
    Ok(said.map(|said| (start, said)))
}

/// The value of the header of a final result.
pub(super) fn counted_to(value: Option<&str>) -> Result<u64, String> {
    let to = value.and_then(|value| value.parse().ok()).filter(|to| 0 < *to);
    to.ok_or_else(|| format!("the header {TO} is {value:?}, no sequence"))
}

/// The header of a final result as it is stored.
pub(super) fn header(standing: &messaging::stored::Standing) -> Option<&str> {
    standing.header(TO)
}

/// How a window was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClosedBy {
    /// A later document was stored, beyond the lateness.
    Position,
    /// Nothing was stored for so long.
    Clock,
}

#[derive(Serialize)]
struct Final {
    start: String,
    end: String,
    counted_to: u64,
    closed_by: ClosedBy,
    count: u64,
    totals: BTreeMap<String, invoiced::Shown>,
}

/// The final result of a window.
pub(super) fn result(start: i64, sums: &Sums, to: u64, closed_by: ClosedBy) -> Outgoing {
    let subject = subject(start);
    let data = Final {
        start: time(start),
        end: time(start + SECONDS),
        counted_to: to,
        closed_by,
        count: sums.count(),
        totals: invoiced::shown(sums),
    };
    let id = format!("analytics:{}", name(start));
    outgoing(id, events::WINDOW_CLOSED, &subject, data).header(TO, &to.to_string())
}

/// A document that a window's final result has not counted.
pub(super) fn correction(start: i64, sequence: u64, number: &str, issued: &Issued<'_>) -> Outgoing {
    let subject = format!("{}.{sequence}", subject(start));
    let kind = if issued.is_credit { "credit_note" } else { "invoice" };
    let data = serde_json::json!({
        "start": time(start),
        "end": time(start + SECONDS),
        "sequence": sequence,
        "number": number,
        "kind": kind,
        "currency": issued.currency,
        "amount": crate::amount::Units(issued.signed()),
    });
    let id = format!("analytics:{}:{sequence}", name(start));
    outgoing(id, events::WINDOW_CORRECTED, &subject, data)
}

fn outgoing<D: Serialize>(id: String, kind: &str, subject: &str, data: D) -> Outgoing {
    let event = Event::new(id, "/functions/analytics", kind, subject, data);
    Outgoing::new(subject.to_owned(), event.to_bytes())
}
