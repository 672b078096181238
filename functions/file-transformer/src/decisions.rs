//! What became of a file's orders, once all of them are decided: `….decisions.csv`.
//!
//! Asked for by `files.transformed.…`, which stays undone until everything is decided, so that a
//! crash forgets nothing. The orders are those that stand on the subject `orders` with ids of this
//! file: what a partner finds in its folder it could change.

use crate::App;
use crate::failure::Failure;
use crate::steps;
use crate::work::blocking;
use async_nats::HeaderMap;
use chrono::DateTime;
use domain::partner::Partner;
use domain::{OrderId, PartnerId};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use intake::ledger::{Outcome, Record};
use messaging::views::{self, Messages, Status};
use messaging::{Event, header, stored, streams, subject, tail};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
use tabular::output::guarded;

/// Orders that are looked up at once.
const AT_ONCE: usize = 64;

/// How far a file's orders are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The file with the decisions is there, or there is nothing to decide.
    Written,
    /// Not all of so many are decided.
    Waiting(u64),
}

/// One line.
struct Line {
    order_id: OrderId,
    decision: &'static str,
    reason: String,
    detail: String,
    total: String,
    decided_at: String,
}

/// Writes the decisions about the orders of a file that was transformed, if all are there.
pub(crate) async fn write(app: &App, record: &Record) -> Result<Progress, Failure> {
    let (Some(sha256), Some(receipt)) = (&record.sha256, &record.results.receipt) else {
        return Ok(Progress::Written);
    };
    let partners = app.partners.get();
    let account = partners.accounts.get(&record.partner);
    let Some(account) = account.filter(|_| record.outcome == Some(Outcome::Accepted)) else {
        return Ok(Progress::Written);
    };
    // Asked first: to read all orders of a large file takes time, and this is asked again and again.
    if let Some(to) = record.orders_to {
        let still = Progress::Waiting(record.counts.orders);
        if ingested(app).await? < to {
            return Ok(still);
        }
        let last = stored::at(&app.nats, streams::ORDERS, to).await?;
        if let Some(id) = last.and_then(|last| order_of(&last.headers, &record.partner, sha256))
            && look(app, &account.settings, record, sha256, &id).await?.is_none()
        {
            return Ok(still);
        }
    }
    let (orders, last) = published(app, record, sha256).await?;
    let waiting = Progress::Waiting(orders.len() as u64);
    if ingested(app).await? < last {
        return Ok(waiting);
    }
    // Mostly the last ones are decided last: who asks too early is told so at once.
    let mut lines = Vec::with_capacity(orders.len());
    for some in orders.rchunks(AT_ONCE) {
        let looks = some.iter().rev().map(|id| look(app, &account.settings, record, sha256, id));
        for line in try_join_all(looks).await? {
            let Some(line) = line else { return Ok(waiting) };
            lines.push(line);
        }
    }
    let csv = csv(lines.into_iter().rev()).map_err(Failure::spool)?;
    let name = format!("{}.decisions.csv", receipt.trim_end_matches(".receipt.json"));
    let account = account.clone();
    blocking(move || steps::put_small(&account, &[(name, csv)])).await?;
    tracing::info!(partner = %record.partner, file = %record.name, orders = orders.len(), "all decided");
    Ok(Progress::Written)
}

/// The file's orders as they stand on the subject `orders`, and the sequence of the last one.
async fn published(
    app: &App,
    record: &Record,
    sha256: &str,
) -> Result<(Vec<OrderId>, u64), Failure> {
    let (mut orders, mut seen, mut last) = (Vec::new(), HashSet::new(), 0);
    let from = record.orders_from.unwrap_or(1);
    let each = |message: &async_nats::jetstream::Message| {
        let order = message.headers.as_ref().and_then(|h| order_of(h, &record.partner, sha256));
        let Some(order) = order else { return };
        last = message.info().map_or(last, |info| info.stream_sequence);
        // A process that went on after a crash published it again.
        if seen.insert(order.clone()) {
            orders.push(order);
        }
    };
    tail::read(&app.nats, streams::ORDERS, subject::ORDERS, from, true, each).await?;
    Ok((orders, last))
}

/// The order of the partner's file that a message with these headers is.
fn order_of(headers: &HeaderMap, partner: &PartnerId, sha256: &str) -> Option<OrderId> {
    // One of before this header has none.
    if headers.get(header::SENDER).is_some_and(|sender| sender.as_str() != partner.as_str()) {
        return None;
    }
    let id = subject::text(headers.get(header::EVENT)?.as_str())?;
    OrderId::parse(id.strip_prefix(sha256)?.strip_prefix(':')?).ok()
}

/// Up to which sequence order-ingest is done with what stands on the subject `orders`: what it did
/// not place until then, it never will.
async fn ingested(app: &App) -> Result<u64, Failure> {
    let wrong = |error: &dyn std::error::Error| Failure::Consumers(error.to_string());
    let stream = app.nats.js.get_stream_no_info(streams::ORDERS).await.map_err(|e| wrong(&e))?;
    let mut consumers = stream.consumers();
    let mut floor = None;
    while let Some(consumer) = consumers.next().await {
        let consumer = consumer.map_err(|error| wrong(&error))?;
        if consumer.config.durable_name.is_some()
            && consumer.config.filter_subject == subject::ORDERS
        {
            let to = consumer.ack_floor.stream_sequence;
            floor = Some(floor.map_or(to, |floor: u64| floor.min(to)));
        }
    }
    Ok(floor.unwrap_or(0))
}

/// What became of one order; nothing if it is not decided.
async fn look(
    app: &App,
    settings: &Partner,
    record: &Record,
    sha256: &str,
    order_id: &OrderId,
) -> Result<Option<Line>, Failure> {
    let partner = &record.partner;
    let found = views::lookup(&app.nats, &settings.warehouse, partner, order_id).await?;
    let Some(placed) = &found.placed else {
        let reason = "order-ingest did not take it; it stands on errors.dead.order-ingest";
        return Ok(Some(Line::new(order_id, "not_placed", reason, None)));
    };
    if placed.header(header::FILE) == Some(sha256) {
        return Ok(decided(order_id, &found));
    }
    Ok(Some(match conflict(app, partner, sha256, order_id).await? {
        Some(said) => {
            let reason = "another order of this number was placed before";
            Line::new(order_id, "conflict", reason, Some(said))
        }
        None => {
            let reason = "the same order was placed before";
            Line::new(order_id, "duplicate", reason, Some(placed.time_ms))
        }
    }))
}

/// When order-ingest said that another order stands where this one of the file belongs, if it did.
async fn conflict(
    app: &App,
    partner: &PartnerId,
    sha256: &str,
    order_id: &OrderId,
) -> Result<Option<i64>, Failure> {
    let subject = subject::conflict(partner, order_id);
    let Some(last) = stored::last(&app.nats, streams::ERRORS, &subject).await? else {
        return Ok(None);
    };
    let id = format!("{sha256}:{order_id}");
    let is_ours =
        |payload: &[u8]| serde_json::from_slice::<Event>(payload).is_ok_and(|event| event.id == id);
    if is_ours(&last.payload) {
        return Ok(Some(last.time_ms));
    }
    // That of another file may have come behind it.
    let mut said = None;
    let each = |message: &async_nats::jetstream::Message| {
        if said.is_none() && is_ours(&message.payload) {
            let stored = message.info().map(|info| info.published.unix_timestamp_nanos());
            said = stored.ok().and_then(|nanos| i64::try_from(nanos / 1_000_000).ok());
        }
    };
    tail::read(&app.nats, streams::ERRORS, &subject, 1, false, each).await?;
    Ok(said)
}

/// The fact about the last attempt.
fn decided(order_id: &OrderId, found: &Messages) -> Option<Line> {
    let (decision, fact) = match found.status()? {
        Status::Pending => return None,
        Status::Confirmed => ("confirmed", found.confirmed.as_ref()?),
        Status::Refused => ("refused", found.refused.as_ref()?),
    };
    let reason = fact.header(header::REASON).unwrap_or_default();
    let mut line = Line::new(order_id, decision, reason, Some(fact.time_ms));
    line.detail = detail(&fact.payload);
    line.total = fact
        .header(header::TOTAL)
        .or_else(|| found.placed.as_ref()?.header(header::TOTAL))
        .unwrap_or_default()
        .to_owned();
    Some(line)
}

/// The numbers of a refusal: `available 3, product P001, requested 5`.
fn detail(payload: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    struct Refused {
        #[serde(default)]
        refusal: Map<String, Value>,
    }
    let event = serde_json::from_slice::<Event<Refused>>(payload).ok();
    let refusal = event.and_then(|event| event.data).unwrap_or_default().refusal;
    let parts = refusal.iter().filter(|(name, _)| *name != "reason").map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        format!("{name} {value}")
    });
    parts.collect::<Vec<_>>().join(", ")
}

impl Line {
    /// `said` is when, in milliseconds since 1970.
    fn new(id: &OrderId, decision: &'static str, reason: &str, said: Option<i64>) -> Self {
        let time = said.and_then(DateTime::from_timestamp_millis);
        let time = time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        Self {
            order_id: id.clone(),
            decision,
            reason: reason.to_owned(),
            detail: String::new(),
            total: String::new(),
            decided_at: time.unwrap_or_default(),
        }
    }
}

fn csv(lines: impl Iterator<Item = Line>) -> Result<Vec<u8>, csv::Error> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["order_id", "decision", "reason", "detail", "total", "decided_at"])?;
    for line in lines {
        csv.write_record([
            guarded(line.order_id.as_str()).as_ref(),
            line.decision,
            &guarded(&line.reason),
            &guarded(&line.detail),
            &line.total,
            &line.decided_at,
        ])?;
    }
    csv.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_the_same_file_of_another_partner_is_not_ours() {
        let us1 = PartnerId::parse("US1").expect("a name");
        let headers = |sender: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::EVENT, subject::token("f00:A1"));
            sender.into_iter().for_each(|sender| headers.insert(header::SENDER, sender));
            headers
        };
        let order = |sender, file| order_of(&headers(sender), &us1, file).map(|id| id.to_string());
        assert_eq!(order(Some("US1"), "f00").as_deref(), Some("A1"));
        assert_eq!(order(Some("US2"), "f00"), None);
        assert_eq!(order(Some("US1"), "f01"), None);
        // One that was sent before there was such a header.
        assert_eq!(order(None, "f00").as_deref(), Some("A1"));
    }
}
