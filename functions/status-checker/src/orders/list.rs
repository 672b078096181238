//! Lists and counts over all shards.

use super::rows::{Line, Rows};
use super::status::{Counts, Status, Wish};
use chrono::{DateTime, SecondsFormat};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BinaryHeap};

/// What is not written as it is in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) partner: Option<String>,
    pub(crate) status: Option<Wish>,
    /// Placed or changed since then, milliseconds since 1970.
    pub(crate) since_ms: Option<i64>,
    /// Placed before this sequence: the `next` of the page before.
    pub(crate) cursor: Option<u64>,
    pub(crate) limit: usize,
}

/// A page of a list, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page {
    pub(crate) orders: Vec<View>,
    /// The `cursor` of the next page; nothing if this is the last one.
    pub(crate) next: Option<u64>,
    /// Older orders are not listed, because there are more than this process may hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) older: Option<&'static str>,
}

/// One order of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct View {
    /// `PARTNER/ORDER`, as commands take it.
    pub(crate) id: String,
    pub(crate) partner: String,
    pub(crate) order_id: String,
    pub(crate) warehouse: String,
    pub(crate) status: Status,
    /// The status in words of people: `out of stock`, `returned` for a return that is confirmed and for a sale of
    /// which nothing is left, `partly returned` for one of which something is left, `shipped` and `partly shipped`.
    pub(crate) words: &'static str,
    pub(crate) explanation: &'static str,
    /// Why it was refused, or why it was not cancelled, as a code.
    pub(crate) reason: Option<String>,
    pub(crate) attempt: u32,
    #[serde(rename = "return")]
    pub(crate) is_return: bool,
    pub(crate) total: Option<String>,
    /// SHA-256 of the file it came in.
    pub(crate) file: Option<String>,
    pub(crate) placed_at: String,
    pub(crate) changed_at: String,
    pub(crate) changed_ms: i64,
    /// Its place in the list: the sequence of the first message about it.
    pub(crate) placed: u64,
    pub(crate) links: Links,
}

/// Where there is more of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Links {
    /// The order, here.
    #[serde(rename = "self")]
    pub(crate) own: String,
    /// What became of the file that it came in, here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
}

impl Links {
    pub(crate) fn new(partner: &str, id: &str, file: Option<&str>) -> Self {
        let id = percent_encoding::utf8_percent_encode(id, SEGMENT);
        Self {
            own: format!("/orders/{partner}/{id}"),
            file: file.map(|file| format!("/?depots=false&partner={partner}&file={file}")),
        }
    }
}

/// Milliseconds since 1970 as RFC 3339.
pub(crate) fn time(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl View {
    fn new(line: &Line<'_>) -> Self {
        let Line { rows, row, id, total } = line;
        let partner = rows.text(row.partner);
        let file = rows.sha256(row.file);
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let reason = text(rows.code(row.reason));
        Self {
            id: format!("{partner}/{id}"),
            partner: partner.to_owned(),
            order_id: (*id).to_owned(),
            warehouse: rows.code(row.warehouse).to_owned(),
            status: row.status,
            words: row.status.words(row.is_return, row.moved),
            explanation: row.status.explanation(row.is_return, row.moved, reason.as_deref()),
            reason,
            attempt: row.attempt,
            is_return: row.is_return,
            total: text(total),
            placed_at: time(row.placed_ms),
            changed_at: time(row.changed_ms),
            changed_ms: row.changed_ms,
            placed: row.placed,
            links: Links::new(partner, id, file.as_deref()),
            file,
        }
    }
}

/// One page. Where a shard had to forget orders, all of them end there: a list has no holes.
pub(crate) fn page(shards: &[&Rows], query: &Query) -> Page {
    let floor = shards.iter().map(|rows| rows.forgotten_to()).max().unwrap_or_default();
    let cursor = query.cursor.unwrap_or(u64::MAX);
    let since_ms = query.since_ms.unwrap_or(i64::MIN);
    let mut found: Vec<_> = shards
        .iter()
        .map(|rows| rows.find_all(query.partner.as_deref(), query.status, since_ms, cursor))
        .collect();
    let mut heads: Vec<Option<Line<'_>>> = found.iter_mut().map(Iterator::next).collect();
    let placed = |head: &Option<Line<'_>>| head.as_ref().map(|line| line.row.placed);
    let newest = heads.iter().enumerate().filter_map(|(at, head)| Some((placed(head)?, at)));
    let mut newest: BinaryHeap<(u64, usize)> = newest.collect();
    let mut orders: Vec<View> = Vec::new();
    let mut next = None;
    while let Some((placed_at, at)) = newest.pop() {
        if placed_at <= floor {
            break;
        }
        if query.limit <= orders.len() {
            next = orders.last().map(|order| order.placed);
            break;
        }
        let (Some(head), Some(found)) = (heads.get_mut(at), found.get_mut(at)) else { continue };
        if let Some(line) = head.take() {
            orders.push(View::new(&line));
        }
        *head = found.next();
        newest.extend(placed(head).map(|placed| (placed, at)));
    }
    let is_cut = 0 < floor && next.is_none();
    let older = is_cut.then_some(
        "older orders are not listed: ORDERFLOW_STATUS_ORDERS_MAX is how many are held; each one is \
         answered at /orders/PARTNER/ORDER",
    );
    Page { orders, next, older }
}

/// Counts of each partner that is asked for.
pub(crate) fn counts(shards: &[&Rows], partner: Option<&str>) -> BTreeMap<String, Counts> {
    let mut all = BTreeMap::<String, Counts>::new();
    for (name, counts) in shards.iter().flat_map(|rows| rows.partners()) {
        if counts != Counts::default() && partner.is_none_or(|partner| partner == name) {
            *all.entry(name.to_owned()).or_default() += counts;
        }
    }
    all
}
