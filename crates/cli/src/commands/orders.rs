//! `orderflow orders …`: lists and counts as status-checker has them, one order from the stream itself.

pub(crate) mod again;
mod amend;
mod cancel;
mod find;
mod refusal;
mod ship;

use anyhow::{Context as _, Result};
use axum::http::Method;
use chrono::{DateTime, Utc};
use clap::{Subcommand, ValueEnum};
use domain::inventory::{Pieces, Shipment};
use domain::{OrderId, PartnerId, WarehouseId};
use machine::client::{Level, Pipeline, query_value};
use messaging::stored::Standing;
use messaging::subject::{self, Stage};
use messaging::views;
use messaging::{header, inventory, streams};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use terminal::output::{self, NATS_CLI};

use crate::global::Global;
use again::Retry;
use amend::Amend;
use cancel::Cancel;
use find::Named;
use refusal::refused;
use ship::Ship;

const EXAMPLES: &str = "Examples:
  orderflow orders get US1/536365
  orderflow orders list --status out-of-stock --limit 20
  orderflow orders list --status partly-returned --since 2h
  orderflow orders count --json
  orderflow orders retry US1/536365
  orderflow orders retry --all-refused --since 2h
  orderflow orders cancel US1/536365
  orderflow orders amend US1/536365 order.json
  orderflow orders ship US1/536365 --line P001=2 --carrier DHL --tracking 00340434161094042557
  orderflow orders ship US1/536365";

/// What became of orders.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Orders {
    /// One order: its state, its content, why it was refused.
    Get {
        /// `PARTNER/ORDER`, or the partner's number with --partner; of DIRECT the number alone.
        #[arg(value_name = "ORDER")]
        id: OrderId,
        /// Whose order.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Whose stock; without it, the warehouse that the partner has in partners.yml, else main.
        #[arg(long)]
        warehouse: Option<WarehouseId>,
    },
    /// Many orders, newest first, as status-checker has them.
    List {
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Only those in this state.
        #[arg(long)]
        status: Option<Status>,
        /// Only those that were placed or changed after this time, as 2h or 2026-01-31T08:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = again::since)]
        since: Option<DateTime<Utc>>,
        /// At most so many; more than 5,000 are fetched page by page.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Go on after this one: the `next` of the answer before.
        #[arg(long, default_value_t = 0)]
        cursor: u64,
    },
    /// How many there are, and what became of them.
    Count,
    /// Try refused orders again: one, or all that were refused for a reason.
    Retry(Retry),
    /// Cancel a confirmed order: its stock moves back. Shows what is cancelled, and asks.
    Cancel(Cancel),
    /// Give an order another content: of a confirmed one the stock is given back and taken again in one decision, or
    /// nothing changes. Shows what changes, and asks.
    Amend(Amend),
    /// Say what was shipped of a confirmed order: all that is left, or the lines that are named. No stock moves:
    /// it was reserved when the order was confirmed.
    Ship(Ship),
}

/// State of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// Accepted, not decided.
    Pending,
    /// Stock is reserved.
    Confirmed,
    /// Refused, because less is in stock than was ordered.
    OutOfStock,
    /// Refused for another reason.
    Refused,
    /// Confirmed, and then cancelled.
    Cancelled,
    /// A return that is confirmed, or a sale of which nothing is left.
    Returned,
    /// A sale of which something came back.
    PartlyReturned,
    /// A sale of which all was shipped.
    Shipped,
    /// A sale of which something was shipped.
    PartlyShipped,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::OutOfStock => "out_of_stock",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
            Self::PartlyReturned => "partly_returned",
            Self::Shipped => "shipped",
            Self::PartlyShipped => "partly_shipped",
        }
    }
}

/// How long status-checker may take to read what was stored before it is asked.
const WAIT: &str = "30s";

pub(crate) async fn run(global: &Global, command: &Orders) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Orders::Get { id, partner, warehouse } => {
            get(&pipeline, id, partner.as_ref(), warehouse.as_ref()).await
        }
        Orders::List { partner, status, since, limit, cursor } => {
            let filter = filter(partner.as_ref(), *status, *since);
            list(&pipeline, partner.as_ref(), &filter, *limit, *cursor).await
        }
        Orders::Count => count(&pipeline).await,
        Orders::Retry(retry) => match &retry.order {
            Some(order) => {
                let words = (order, retry.number.as_ref(), retry.of.as_ref());
                again::one(&pipeline, words).await
            }
            None => again::all(&pipeline, &fold(&pipeline).await?, retry).await,
        },
        Orders::Cancel(args) => cancel::run(&pipeline, args).await,
        Orders::Amend(args) => amend::run(&pipeline, args).await,
        Orders::Ship(args) => ship::run(&pipeline, args).await,
    }
}

/// What `orders get` answers.
#[derive(Debug, Serialize)]
struct Found {
    partner: PartnerId,
    order_id: OrderId,
    warehouse: WarehouseId,
    status: &'static str,
    /// The same in words of people: `returned`, `partly returned`, `shipped`, `partly shipped`.
    words: &'static str,
    /// What that means.
    explanation: &'static str,
    attempt: u32,
    /// Of a sale: the pieces by product that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    returned: Option<Pieces>,
    /// Of a sale: its shipments, the first one first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shipments: Vec<Shipment>,
    /// Of a sale of which something was shipped: is nothing left to ship?
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_complete: Option<bool>,
    /// Why it was refused, or why it was not cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What was refused since it was confirmed, such as an amendment, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// The file it came in, by its SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// As it was placed.
    order: Value,
}

async fn get(
    pipeline: &Pipeline,
    id: &OrderId,
    partner: Option<&PartnerId>,
    warehouse: Option<&WarehouseId>,
) -> Result<()> {
    let nats = pipeline.nats().await?;
    let named = find::resolve(pipeline, &nats, (partner, id), warehouse).await?;
    let Named { partner, id, warehouse, messages, status, placed } = named;
    let (partner, id) = (&partner, &id);
    let code = messages.last().and_then(|last| last.header(header::REASON));
    let status = of_people(status, code);
    let kind = placed.header(header::KIND).or_else(|| messages.last()?.header(header::KIND));
    let is_return = kind == Some("return");
    let returned = inventory::returned(&messages);
    let moved = inventory::moved(&messages);
    let shipped = inventory::shipped(&messages);
    let shipments = match &shipped {
        Some(last) => inventory::shipments(&nats, &warehouse, last).await?,
        None => Vec::new(),
    };
    let subject = subject::order(Stage::Placed, &warehouse, partner, id);
    let placed_event = event(&placed, &subject)?;
    let said = messages.last().filter(|last| last.header(header::REASON).is_some());
    let reason = match said {
        // Read above, if it is the placed one; of the others this is the place.
        Some(said) => Some(reason(&event(said, &subject)?, said)),
        None => None,
    };
    let kept = messages.in_force().and(messages.last());
    let refusal = kept.map(|kept| event(kept, &subject)).transpose()?;
    let refusal = refusal.as_ref().and_then(|event| event.pointer("/data/refusal"));
    let found = Found {
        partner: partner.clone(),
        order_id: id.clone(),
        warehouse,
        status: status.as_str(),
        words: status.words(is_return, moved),
        explanation: status.explanation(is_return, moved, code),
        attempt: messages.attempt().unwrap_or(1),
        returned: returned.map(|sale| sale.returned),
        shipments: shipments.into_iter().map(|one| one.shipment).collect(),
        shipped_complete: shipped.map(|last| last.complete),
        reason,
        refused: refusal.map(|refusal| refused(refusal, "refused")),
        file: placed.header(header::FILE).map(str::to_owned),
        order: order_of(&placed_event),
    };
    if pipeline.json {
        output::json(&found);
        return Ok(());
    }
    let Found { order_id, partner, words, explanation, attempt, .. } = &found;
    output::line(format_args!("{order_id} of {partner}: {words}, attempt {attempt}"));
    output::line(format_args!("that is: {explanation}"));
    for (product, pieces) in found.returned.iter().flatten() {
        output::line(format_args!("returned: {pieces} of {product}"));
    }
    found.shipments.iter().for_each(|shipment| output::line(ship::words(shipment)));
    if let Some(reason) = &found.reason {
        output::line(format_args!("reason: {reason}"));
    }
    if let Some(refused) = &found.refused {
        output::line(format_args!("refused since: {refused}"));
    }
    output::line(serde_json::to_string_pretty(&found.order)?);
    Ok(())
}

/// The event that a message holds.
///
/// # Errors
/// The message is not JSON, so it was not published by a function.
fn event(message: &Standing, subject: &str) -> Result<Value> {
    let sequence = message.sequence;
    serde_json::from_slice(&message.payload).with_context(|| {
        format!(
            "message {sequence} of the stream {0} ({subject}) cannot be read, since no function of \
             orderflow published it; see it {NATS_CLI}: nats stream get {0} {sequence}. Its lane \
             refuses what it cannot read, and goes on",
            streams::ORDERS
        )
    })
}

/// The order of a placed message: an amendment has it one level deeper.
fn order_of(event: &Value) -> Value {
    let data = event.get("data");
    data.and_then(|data| data.get("order").or(Some(data))).cloned().unwrap_or_default()
}

/// The code, and what the refusal says beside it.
fn reason(event: &Value, message: &Standing) -> String {
    let code = message.header(header::REASON).unwrap_or("refused");
    event.pointer("/data/refusal").map_or_else(|| code.to_owned(), |refusal| refused(refusal, code))
}

/// An order of a list, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    #[serde(rename = "return")]
    is_return: bool,
    total: Option<String>,
    attempt: u32,
    status: String,
    /// Of a status-checker of this release.
    words: Option<String>,
    reason: Option<String>,
    changed_at: String,
}

/// The most orders that status-checker gives at once.
const PAGE_MAX: u32 = 5_000;

/// A page of a list, or several after each other.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    orders: Vec<Value>,
    next: Option<u64>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

async fn fetch(pipeline: &Pipeline, filter: &str, limit: u32, cursor: u64) -> Result<Page> {
    let path = format!("status-checker/orders?wait={WAIT}&limit={limit}&cursor={cursor}{filter}");
    pipeline.call(Level::Read, Method::GET, &path, None).await
}

/// The part of a query that chooses orders.
fn filter(
    partner: Option<&PartnerId>,
    status: Option<Status>,
    since: Option<DateTime<Utc>>,
) -> String {
    let mut filter = String::new();
    if let Some(partner) = partner {
        filter.push_str(&format!("&partner={}", query_value(partner.as_str())));
    }
    if let Some(status) = status {
        filter.push_str(&format!("&status={}", status.as_str()));
    }
    if let Some(since) = since {
        filter.push_str(&format!("&since={}", query_value(&since.to_rfc3339())));
    }
    filter
}

async fn list(
    pipeline: &Pipeline,
    partner: Option<&PartnerId>,
    filter: &str,
    limit: u32,
    cursor: u64,
) -> Result<()> {
    let mut page = fetch(pipeline, filter, limit.min(PAGE_MAX), cursor).await?;
    let mut missing = limit - limit.min(PAGE_MAX);
    while let (Some(next), 1..) = (page.next, missing) {
        let more = fetch(pipeline, filter, missing.min(PAGE_MAX), next).await?;
        missing -= missing.min(PAGE_MAX);
        page.orders.extend(more.orders);
        (page.next, page.other) = (more.next, more.other);
    }
    if let (Some(partner), [], 0) = (partner, page.orders.as_slice(), cursor) {
        pipeline.partner_known(partner)?;
    }
    if pipeline.json {
        output::json(&page);
        return Ok(());
    }
    let rows = page.orders.iter().map(Row::deserialize).collect::<Result<Vec<_>, _>>()?;
    let rows = rows.into_iter().map(|row| {
        vec![
            row.id,
            if row.is_return { "return" } else { "sale" }.to_owned(),
            row.total.unwrap_or_default(),
            row.attempt.to_string(),
            row.words.unwrap_or_else(|| row.status.replace('_', " ")),
            row.reason.unwrap_or_default(),
            row.changed_at,
        ]
    });
    let head = ["order", "kind", "total", "attempt", "status", "reason", "changed"];
    output::table(&head, &[2, 3], rows);
    if let Some(next) = page.next {
        output::note(format_args!("there are more: --cursor {next}"));
    }
    if let Some(older) = page.other.get("older").and_then(Value::as_str) {
        output::note(format_args!("{older}"));
    }
    Ok(())
}

/// How many orders status-checker has, by what became of them.
///
/// # Errors
/// It does not answer.
pub(crate) async fn counts(pipeline: &Pipeline) -> Result<Map<String, Value>> {
    let path = format!("status-checker/counts?wait={WAIT}");
    let counts: Counted = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    Ok(counts.orders)
}

/// What status-checker answers.
#[derive(Debug, Deserialize)]
struct Counted {
    orders: Map<String, Value>,
}

async fn count(pipeline: &Pipeline) -> Result<()> {
    let counts = counts(pipeline).await?;
    if pipeline.json {
        output::json(&counts);
        return Ok(());
    }
    let names = [
        "placed",
        "sales",
        "returns",
        "pending",
        "confirmed",
        "out_of_stock",
        "refused",
        "cancelled",
    ];
    let of = |name| counts.get(name).map(Value::to_string).unwrap_or_default();
    let row = names.map(of).to_vec();
    let head = names.map(|name| name.replace('_', " "));
    output::table(&head.each_ref().map(String::as_str), &[0, 1, 2, 3, 4, 5, 6, 7], [row]);
    Ok(())
}

/// All orders, read from the stream: for what changes them.
async fn fold(pipeline: &Pipeline) -> Result<views::Orders> {
    let nats = pipeline.nats().await?;
    let mut view = views::Orders::default();
    view.refresh(&nats).await?;
    Ok(view)
}

/// The status in words of people.
fn of_people(status: views::Status, reason: Option<&str>) -> status_checker::Status {
    let stage = match status {
        views::Status::Pending => Stage::Placed,
        views::Status::Confirmed => Stage::Confirmed,
        views::Status::Refused => Stage::Refused,
    };
    status_checker::Status::of(stage, reason)
}
