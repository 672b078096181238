//! `stock movements`: what moved a product, the newest first.

use anyhow::Result;
use axum::http::Method;
use domain::{ProductId, WarehouseId};
use machine::client::{Level, Pipeline, query_value};
use serde::{Deserialize, Serialize};
use terminal::output;

use super::at::At;

/// Movements of one call.
const PAGE_MAX: usize = 1_000;

/// What inventory answers.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    movements: Vec<Row>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    complete: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Row {
    at: String,
    kind: String,
    #[serde(default)]
    quantity: Option<i64>,
    #[serde(default)]
    available: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Order {
    partner: String,
    order_id: String,
    attempt: u32,
}

impl Row {
    /// What it was about.
    fn about(&self) -> String {
        if let Some(Order { partner, order_id, attempt }) = &self.order {
            let attempt =
                if *attempt == 1 { String::new() } else { format!(", attempt {attempt}") };
            return format!("{partner}/{order_id}{attempt}");
        }
        let text = |name: &str| self.more.get(name).and_then(serde_json::Value::as_str);
        let told = |name: &str, word: &str| text(name).map(|text| format!("{word}{text}"));
        let number = self.more.get("transfer").map(|number| format!("transfer {number}"));
        let parts = [
            number,
            told("from", "from "),
            told("to", "to "),
            told("reason", ""),
            told("reference", ""),
            told("by", "by "),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

pub(super) async fn run(
    pipeline: &Pipeline,
    product: &ProductId,
    limit: usize,
    after: Option<&str>,
    At { warehouse }: &At,
) -> Result<()> {
    let answer = read(pipeline, warehouse, product, limit, after).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let text = |n: Option<i64>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let row = |row: &Row| {
        let quantity = row.quantity.map_or_else(|| "?".to_owned(), |n| format!("{n:+}"));
        let kind = row.kind.replace('_', " ");
        vec![row.at.clone(), kind, quantity, text(row.available), row.about()]
    };
    let head = ["at", "what", "quantity", "available", "about"];
    output::table(&head, &[2, 3], answer.movements.iter().map(row));
    match answer.next {
        Some(next) => output::note(format_args!("there are older ones: --after {next}")),
        None if !answer.complete => {
            output::note("older ones are no longer held; docs/OPERATIONS.md says how many are");
        }
        None => {}
    }
    Ok(())
}

/// Up to `limit` movements, page by page.
async fn read(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    product: &ProductId,
    limit: usize,
    after: Option<&str>,
) -> Result<Answer> {
    let product = query_value(product.as_str());
    let base = format!("inventory/stock/movements?warehouse={warehouse}&product={product}");
    let mut all = Answer { movements: Vec::new(), next: after.map(str::to_owned), complete: true };
    loop {
        let count = (limit - all.movements.len()).min(PAGE_MAX);
        let after = all.next.take().map(|next| format!("&after={}", query_value(&next)));
        let path = format!("{base}&limit={count}{}", after.unwrap_or_default());
        let page: Answer = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        all.movements.extend(page.movements);
        (all.next, all.complete) = (page.next, page.complete);
        if limit <= all.movements.len() || all.next.is_none() {
            return Ok(all);
        }
    }
}
