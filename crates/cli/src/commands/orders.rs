//! `orderflow orders …`: from the stream itself, without asking a function.

mod again;

use anyhow::{Context as _, Result};
use clap::{Subcommand, ValueEnum};
use domain::{OrderId, PartnerId, WarehouseId};
use machine::client::Pipeline;
use messaging::stored::Standing;
use messaging::subject::{self, Stage};
use messaging::views::{self, OrderView};
use messaging::{header, streams};
use serde::Serialize;
use serde_json::{Value, json};
use terminal::Failure;
use terminal::output::{self, NATS_CLI};

use crate::global::Global;
use again::{Retry, Verb};

const EXAMPLES: &str = "Examples:
  orderflow orders get 536365 --partner US1
  orderflow orders list --status refused --limit 20
  orderflow orders count --json
  orderflow orders retry US1 536365
  orderflow orders retry --all-refused --since 2h
  orderflow orders cancel US1 536365";

/// What became of orders.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Orders {
    /// One order: its state, its content, why it was refused.
    Get {
        /// The partner's number.
        id: OrderId,
        /// Whose order.
        #[arg(long, default_value = "DIRECT")]
        partner: PartnerId,
        /// Whose stock; without it, the warehouse that the partner has in partners.yml, else main.
        #[arg(long)]
        warehouse: Option<WarehouseId>,
    },
    /// Many orders, oldest first.
    List {
        /// Only this partner's.
        #[arg(long)]
        partner: Option<PartnerId>,
        /// Only those in this state.
        #[arg(long)]
        status: Option<Status>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
        /// Go on after this one: the `next` of the answer before.
        #[arg(long, default_value_t = 0)]
        cursor: u64,
    },
    /// How many were placed, confirmed, refused.
    Count,
    /// Try refused orders again: one, or all that were refused for a reason.
    Retry(Retry),
    /// Cancel a confirmed order: its stock moves back.
    Cancel {
        /// Whose order.
        partner: PartnerId,
        /// The partner's number.
        order: OrderId,
    },
}

/// State of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Status {
    /// Accepted, not decided.
    Pending,
    /// Stock is reserved.
    Confirmed,
    /// Decided against.
    Refused,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
        }
    }
}

pub(crate) async fn run(global: &Global, command: &Orders) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Orders::Get { id, partner, warehouse } => {
            get(&pipeline, id, partner, warehouse.as_ref()).await
        }
        Orders::List { partner, status, limit, cursor } => {
            let wanted = |order: &&OrderView| {
                partner.as_ref().is_none_or(|partner| order.partner == *partner)
                    && status.is_none_or(|status| state(order.status) == status)
            };
            list(&pipeline, wanted, partner.as_ref(), *limit, *cursor).await
        }
        Orders::Count => count(&pipeline).await,
        Orders::Retry(retry) => match (&retry.partner, &retry.order) {
            (Some(partner), Some(order)) => {
                again::one(&pipeline, Verb::Retry, partner, order).await
            }
            _ => again::all(&pipeline, &fold(&pipeline).await?, retry).await,
        },
        Orders::Cancel { partner, order } => {
            again::one(&pipeline, Verb::Cancel, partner, order).await
        }
    }
}

/// What `orders get` answers.
#[derive(Debug, Serialize)]
struct Found {
    partner: PartnerId,
    order_id: OrderId,
    warehouse: WarehouseId,
    status: &'static str,
    attempt: u32,
    /// Why it was refused, or why it was not cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The file it came in, by its SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// As it was placed.
    order: Value,
}

async fn get(
    pipeline: &Pipeline,
    id: &OrderId,
    partner: &PartnerId,
    warehouse: Option<&WarehouseId>,
) -> Result<()> {
    let nats = pipeline.nats().await?;
    let warehouse = match warehouse {
        Some(warehouse) => warehouse.clone(),
        None => {
            let partners = pipeline.partners();
            partners.get(partner).map_or_else(WarehouseId::main, |found| found.warehouse.clone())
        }
    };
    let messages = views::lookup(&nats, &warehouse, partner, id).await?;
    let (Some(status), Some(placed)) = (messages.status(), &messages.placed) else {
        let what = format!(
            "order {id} of {partner} in warehouse {warehouse}; an order of another partner: orderflow \
             orders get {id} --partner NAME (orderflow orders list shows partners and orders)"
        );
        return Err(Failure::NotFound { what }.into());
    };
    let status = state(status);
    let subject = subject::order(Stage::Placed, &warehouse, partner, id);
    let placed_event = event(placed, &subject)?;
    let said = messages.last().filter(|last| last.header(header::REASON).is_some());
    let reason = match said {
        // Read above, if it is the placed one; of the others this is the place.
        Some(said) => Some(reason(&event(said, &subject)?, said)),
        None => None,
    };
    let found = Found {
        partner: partner.clone(),
        order_id: id.clone(),
        warehouse,
        status: status.as_str(),
        attempt: messages.attempt().unwrap_or(1),
        reason,
        file: placed.header(header::FILE).map(str::to_owned),
        order: placed_event.get("data").cloned().unwrap_or_default(),
    };
    if pipeline.json {
        output::json(&found);
        return Ok(());
    }
    let Found { order_id, partner, status, attempt, .. } = &found;
    output::line(format_args!("{order_id} of {partner}: {status}, attempt {attempt}"));
    if let Some(reason) = &found.reason {
        output::line(format_args!("reason: {reason}"));
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

/// The code, and what the refusal says beside it.
fn reason(event: &Value, message: &Standing) -> String {
    let code = message.header(header::REASON).unwrap_or("refused");
    match event.pointer("/data/refusal").and_then(Value::as_object) {
        Some(refusal) => {
            let details = refusal.iter().filter(|(_, value)| value.as_str() != Some(code));
            let details: Vec<String> = details
                .map(|(name, value)| match value.as_str() {
                    Some(text) => format!("{name} {text}"),
                    None => format!("{name} {value}"),
                })
                .collect();
            if details.is_empty() {
                code.to_owned()
            } else {
                format!("{code}: {}", details.join(", "))
            }
        }
        None => code.to_owned(),
    }
}

async fn list(
    pipeline: &Pipeline,
    wanted: impl Fn(&&OrderView) -> bool,
    partner: Option<&PartnerId>,
    limit: u32,
    cursor: u64,
) -> Result<()> {
    let view = fold(pipeline).await?;
    let mut orders = view.after(cursor).filter(wanted);
    let page: Vec<_> = orders.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    if let (Some(partner), [], 0) = (partner, page.as_slice(), cursor) {
        pipeline.partner_known(partner)?;
    }
    let next = orders.next().and(page.last()).map(|order| order.placed);
    if pipeline.json {
        output::json(&json!({"orders": page, "next": next}));
        return Ok(());
    }
    let rows = page.iter().map(|order| {
        vec![
            order.partner.to_string(),
            order.order_id.to_string(),
            if order.is_return { "return" } else { "sale" }.to_owned(),
            order.total.as_deref().unwrap_or_default().to_owned(),
            order.attempt.to_string(),
            state(order.status).as_str().to_owned(),
            order.reason.as_deref().unwrap_or_default().to_owned(),
        ]
    });
    let head = ["partner", "order", "kind", "total", "attempt", "status", "reason"];
    output::table(&head, &[3, 4], rows);
    if let Some(next) = next {
        output::note(format_args!("there are more: --cursor {next}"));
    }
    Ok(())
}

async fn count(pipeline: &Pipeline) -> Result<()> {
    let counts = fold(pipeline).await?.counts();
    let sales = counts.placed.saturating_sub(counts.returns);
    if pipeline.json {
        let mut value = serde_json::to_value(counts)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("sales".to_owned(), sales.into());
        }
        output::json(&value);
        return Ok(());
    }
    let row =
        [counts.placed, sales, counts.returns, counts.confirmed, counts.refused, counts.pending];
    let head = ["placed", "sales", "returns", "confirmed", "refused", "pending"];
    output::table(&head, &[0, 1, 2, 3, 4, 5], [row.map(|number| number.to_string()).to_vec()]);
    Ok(())
}

async fn fold(pipeline: &Pipeline) -> Result<views::Orders> {
    let nats = pipeline.nats().await?;
    let mut view = views::Orders::default();
    view.refresh(&nats).await?;
    Ok(view)
}

fn state(status: views::Status) -> Status {
    match status {
        views::Status::Pending => Status::Pending,
        views::Status::Confirmed => Status::Confirmed,
        views::Status::Refused => Status::Refused,
    }
}
