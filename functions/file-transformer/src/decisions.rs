//! Writes `….decisions.csv`: what was decided about each order of a file, once all of them are decided.
//!
//! The event `files.transformed.…` calls this and is not acknowledged until everything is decided, so a
//! crash loses nothing. The orders are those on the subject `orders` with ids of this file; files in
//! the partner's folder are not used, because the partner could change them.

use crate::app::App;
use crate::failure::Failure;
use crate::given::Given;
use crate::steps;
use crate::threads::{blocking, now};
use async_nats::HeaderMap;
use chrono::DateTime;
use domain::order::Draft;
use domain::partner::Partner;
use domain::{OrderId, PartnerId};
use futures_util::future::try_join_all;
use intake::changed;
use intake::ledger::{Outcome, Record};
use messaging::earlier::Earlier;
use messaging::stored::Standing;
use messaging::views::{self, Messages, Status};
use messaging::{Event, header, stored, streams, subject, tail};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use tabular::output::guarded;

/// Most orders that are looked up at once.
const AT_ONCE: usize = 64;

/// Whether the decisions of a file are complete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The file with the decisions is written, or there is nothing to decide.
    Written,
    /// Not all of this many orders are decided.
    Waiting(u64),
}

/// One line of the file.
struct Line {
    order_id: OrderId,
    decision: &'static str,
    reason: String,
    detail: String,
    total: String,
    decided_at: String,
}

/// The file whose orders are looked up.
struct Asked<'a> {
    app: &'a App,
    settings: &'a Partner,
    partner: &'a PartnerId,
    sha256: &'a str,
}

/// Writes the decisions about the orders of a transformed file, if all are there.
///
/// Only the result of each order itself counts: how far the subject `orders` has been read, and other
/// messages on it, do not matter.
pub(crate) async fn write(app: &App, record: &Record) -> Result<Progress, Failure> {
    let (Some(sha256), Some(receipt)) = (&record.sha256, &record.results.receipt) else {
        return Ok(Progress::Written);
    };
    let partners = app.partners.get();
    let account = partners.accounts.get(&record.partner);
    let Some(account) = account.filter(|_| record.outcome == Some(Outcome::Accepted)) else {
        return Ok(Progress::Written);
    };
    let asked = Asked { app, settings: &account.settings, partner: &record.partner, sha256 };
    app.letters.refresh(&app.nats).await?;
    // Check the last order first: reading all orders of a large file takes time, and this is called
    // repeatedly.
    if let Some(to) = record.orders_to {
        let last = stored::at(&app.nats, stream(record), to).await?;
        let of = (record, sha256.as_str());
        if let Some(given) = last.and_then(|last| order_of(&last.headers, of, to))
            && asked.look(&given).await?.is_none()
        {
            return Ok(Progress::Waiting(record.counts.orders));
        }
    }
    let orders = published(app, record, sha256).await?;
    let waiting = Progress::Waiting(orders.len() as u64);
    // The last orders are mostly decided last, so begin with them: a call that comes too early returns
    // quickly.
    let mut lines = Vec::with_capacity(orders.len());
    for some in orders.rchunks(AT_ONCE) {
        let looks = some.iter().rev().map(|given| asked.look(given));
        for line in try_join_all(looks).await? {
            let Some(line) = line else { return Ok(waiting) };
            lines.push(line);
        }
    }
    if (lines.len() as u64) < record.counts.orders {
        let (partner, file, had) = (&record.partner, &record.name, record.counts.orders);
        tracing::error!(
            alert = "orders gone", %partner, file, had, found = lines.len(),
            "orders of the file are no longer stored on the subject orders"
        );
    }
    let csv = csv(lines.into_iter().rev()).map_err(Failure::spool)?;
    let name = format!("{}.decisions.csv", receipt.trim_end_matches(".receipt.json"));
    let (here, of, at) = (account.clone(), record.clone(), now());
    let put = move || steps::put_and_compare(&here, &of, &[(name, csv)], at);
    if blocking(put).await?.is_some() {
        let depth = changed::Depth::Content;
        changed::settle(&app.ledger, account, record, depth, now()).await?;
    }
    tracing::info!(partner = %record.partner, file = %record.name, orders = orders.len(), "all decided");
    Ok(Progress::Written)
}

/// The stream that holds what was published of a file's orders.
fn stream(record: &Record) -> &'static str {
    if record.intake { streams::INTAKE } else { streams::ORDERS }
}

/// The file's orders, as published on the subject `orders`.
async fn published(app: &App, record: &Record, sha256: &str) -> Result<Vec<Given>, Failure> {
    let (mut orders, mut places) = (Vec::<Given>::new(), HashMap::new());
    let from = record.orders_from.unwrap_or(1);
    let each = |message: &async_nats::jetstream::Message| {
        let sequence = message.info().map_or(0, |info| info.stream_sequence);
        let headers = message.headers.as_ref();
        let of = (record, sha256);
        let given = headers.and_then(|headers| order_of(headers, of, sequence));
        let Some(given) = given else { return };
        let place = *places.entry(given.order_id.clone()).or_insert(orders.len());
        match orders.get_mut(place) {
            // A process that continued after a crash has published it again.
            Some(before) => before.sequence = sequence,
            None => orders.push(given),
        }
    };
    tail::read(&app.nats, stream(record), subject::ORDERS, from, true, each).await?;
    Ok(orders)
}

/// The order of the file in a message with these headers, if it is one.
fn order_of(
    headers: &HeaderMap,
    (record, sha256): (&Record, &str),
    sequence: u64,
) -> Option<Given> {
    let partner = record.partner.as_str();
    // Messages from before this header was introduced do not have it.
    if headers.get(header::SENDER).is_some_and(|sender| sender.as_str() != partner) {
        return None;
    }
    let event = headers.get(header::EVENT)?.as_str();
    let id = subject::text(event)?;
    let order_id = OrderId::parse(id.strip_prefix(sha256)?.strip_prefix(':')?).ok()?;
    Some(Given { order_id, stream: stream(record), sequence, event: event.to_owned() })
}

impl Asked<'_> {
    /// The decision on one order; `None` if it is not decided.
    async fn look(&self, given: &Given) -> Result<Option<Line>, Failure> {
        let Self { app, settings, partner, sha256 } = self;
        let order_id = &given.order_id;
        let found = views::lookup(&app.nats, &settings.warehouse, partner, order_id).await?;
        let placed = found.placed.as_ref();
        if placed.is_some_and(|placed| placed.header(header::FILE) == Some(sha256)) {
            return Ok(decided(order_id, &found));
        }
        if let Some(why) = app.letters.reason(&app.nats, given).await? {
            let reason =
                "order-ingest rejected it; see the dead letter on errors.dead.order-ingest";
            let mut line = Line::new(order_id, "not_placed", reason, why.time_ms);
            line.detail = why.text;
            return Ok(Some(line));
        }
        match placed {
            Some(placed) => self.beside(given, placed).await,
            // order-ingest has not read it yet.
            None => Ok(None),
        }
    }

    /// The result of an order with the same number as `placed`, which came earlier: with the same
    /// content a duplicate, with other content a conflict, whether order-ingest has already reported
    /// the conflict or not.
    async fn beside(&self, given: &Given, placed: &Standing) -> Result<Option<Line>, Failure> {
        let nats = &self.app.nats;
        let said = conflict(self.app, self.partner, given).await?;
        let message = stored::at(nats, given.stream, given.sequence).await?;
        let is_same = match (said, message) {
            (Some(_), _) => false,
            (None, None) => true,
            (None, Some(message)) => {
                let draft = draft(&message.payload, self.partner);
                let is = |it: Earlier<'_>| draft.as_ref()?.has_content(it.content);
                match is(Earlier::own(placed)) {
                    // It may be what the order said before it was amended.
                    Some(is_same) => is_same || Earlier::of(placed).any(|it| is(it) == Some(true)),
                    // It is not an order or cannot be compared here; order-ingest will report it soon.
                    None => return Ok(None),
                }
            }
        };
        let order_id = &given.order_id;
        Ok(Some(if is_same {
            let reason = "the same order was placed before";
            Line::new(order_id, "duplicate", reason, Some(placed.time_ms))
        } else {
            let reason = "another order of this number was placed before";
            Line::new(order_id, "conflict", reason, said)
        }))
    }
}

/// The order in a message on the subject `orders`, as order-ingest reads it.
fn draft(payload: &[u8], partner: &PartnerId) -> Option<Draft> {
    let event: Event = serde_json::from_slice(payload).ok()?;
    domain::raw::parse(event.data?.get().as_bytes(), Some(partner)).ok()
}

/// When order-ingest reported that this order of the file conflicts with another one, if it did.
async fn conflict(app: &App, partner: &PartnerId, given: &Given) -> Result<Option<i64>, Failure> {
    let subject = subject::conflict(partner, &given.order_id);
    let Some(last) = stored::last(&app.nats, streams::ERRORS, &subject).await? else {
        return Ok(None);
    };
    let Some(id) = subject::text(&given.event) else { return Ok(None) };
    let is_ours =
        |payload: &[u8]| serde_json::from_slice::<Event>(payload).is_ok_and(|event| event.id == id);
    if is_ours(&last.payload) {
        return Ok(Some(last.time_ms));
    }
    // A conflict of another file may have been stored after it.
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

/// The decision of the last attempt.
fn decided(order_id: &OrderId, found: &Messages) -> Option<Line> {
    let (decision, fact) = match found.status()? {
        Status::Pending => return None,
        Status::Confirmed => ("confirmed", found.confirmed.as_ref()?),
        Status::Refused => ("refused", found.refused.as_ref()?),
    };
    let reason = fact.header(header::REASON).unwrap_or_default();
    let mut line = Line::new(order_id, decision, reason, Some(fact.time_ms));
    // Why a later attempt was refused is no detail of what is confirmed.
    if fact.header(header::IN_FORCE).is_none() {
        line.detail = detail(&fact.payload);
    }
    line.total = fact
        .header(header::TOTAL)
        .or_else(|| found.placed.as_ref()?.header(header::TOTAL))
        .unwrap_or_default()
        .to_owned();
    Some(line)
}

/// The details of a refusal: `available 3, product P001, requested 5`.
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
    /// `said` is the time of the decision, in milliseconds since 1970.
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
        let name = "a.csv".to_owned();
        let record = Record::new(String::new(), us1, name, 1, 1, DateTime::UNIX_EPOCH);
        let headers = |sender: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::EVENT, subject::token("f00:A1"));
            sender.into_iter().for_each(|sender| headers.insert(header::SENDER, sender));
            headers
        };
        let order = |sender, file| {
            order_of(&headers(sender), (&record, file), 1).map(|given| given.order_id.to_string())
        };
        assert_eq!(order(Some("US1"), "f00").as_deref(), Some("A1"));
        assert_eq!(order(Some("US2"), "f00"), None);
        assert_eq!(order(Some("US1"), "f01"), None);
        // A message from before this header was introduced.
        assert_eq!(order(None, "f00").as_deref(), Some("A1"));
    }
}
