//! `orderflow orders …`: from the stream itself, without asking a function.

use anyhow::Result;
use domain::{OrderId, PartnerId, WarehouseId};
use messaging::publish::Standing;
use messaging::views::{self, OrderView};
use serde::Serialize;
use serde_json::{Value, json};

use super::Pipeline;
use crate::args::{Global, Orders, Status};
use crate::failure::Failure;
use crate::output;

pub(crate) async fn run(global: &Global, command: &Orders) -> Result<()> {
    let pipeline = Pipeline::find(global)?;
    match command {
        Orders::Get { id, partner, warehouse } => get(&pipeline, id, partner, warehouse).await,
        Orders::List { partner, status, limit, cursor } => {
            let wanted = |order: &&OrderView| {
                partner.as_ref().is_none_or(|partner| order.partner == *partner)
                    && status.is_none_or(|status| state(order.status) == status)
            };
            list(&pipeline, wanted, *limit, *cursor).await
        }
        Orders::Count => count(&pipeline).await,
    }
}

/// What `orders get` answers.
#[derive(Debug, Serialize)]
struct Found {
    partner: PartnerId,
    order_id: OrderId,
    warehouse: WarehouseId,
    status: &'static str,
    attempt: u64,
    /// Why it was refused.
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
    warehouse: &WarehouseId,
) -> Result<()> {
    let nats = pipeline.nats().await?;
    let messages = views::lookup(&nats, warehouse, partner, id).await?;
    let (Some(status), Some(placed)) = (messages.status(), &messages.placed) else {
        let what = format!("order {id} of {partner}");
        return Err(Failure::NotFound { what }.into());
    };
    let status = state(status);
    let event = |message: &Standing| serde_json::from_slice::<Value>(&message.payload);
    let placed_event = event(placed)?;
    let reason = match (&messages.refused, status) {
        (Some(refused), Status::Refused) => Some(reason(&event(refused)?, refused)),
        _ => None,
    };
    let attempt = placed.header(messaging::header::ATTEMPT).and_then(|text| text.parse().ok());
    let found = Found {
        partner: partner.clone(),
        order_id: id.clone(),
        warehouse: warehouse.clone(),
        status: status.as_str(),
        attempt: attempt.unwrap_or(1),
        reason,
        file: placed.header(messaging::header::FILE).map(str::to_owned),
        order: placed_event.get("data").cloned().unwrap_or_default(),
    };
    if pipeline.json {
        output::json(&found);
        return Ok(());
    }
    output::line(format_args!("{} of {}: {}", found.order_id, found.partner, found.status));
    if let Some(reason) = &found.reason {
        output::line(format_args!("reason: {reason}"));
    }
    output::line(serde_json::to_string_pretty(&found.order)?);
    Ok(())
}

/// The code, and what the refusal says beside it.
fn reason(event: &Value, message: &Standing) -> String {
    let code = message.header(messaging::header::REASON).unwrap_or("refused");
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
    limit: u32,
    cursor: u64,
) -> Result<()> {
    let view = fold(pipeline).await?;
    let mut orders = view.after(cursor).filter(wanted);
    let page: Vec<_> = orders.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
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
            state(order.status).as_str().to_owned(),
            order.reason.as_deref().unwrap_or_default().to_owned(),
        ]
    });
    output::table(&["partner", "order", "kind", "total", "status", "reason"], &[3], rows);
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
