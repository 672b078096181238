//! What a function says is in stock.

use std::collections::BTreeMap;

use anyhow::Result;
use axum::http::Method;
use domain::{ProductId, WarehouseId};
use machine::client::{Level, Pipeline, query_value};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ask::function;

/// Products of a page.
const PAGE: usize = 10_000;

/// What it answers: a page, or all of it.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Answer {
    pub(super) warehouse: WarehouseId,
    pub(super) products: BTreeMap<ProductId, Item>,
    /// The last product of a page, if there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<ProductId>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Item {
    pub(super) available: i64,
    #[serde(flatten)]
    more: serde_json::Map<String, Value>,
}

impl Item {
    /// Was its stock ever set? Otherwise it is known only by orders that were not checked.
    pub(super) fn is_set(&self) -> bool {
        self.more.get("known").and_then(Value::as_bool).unwrap_or(true)
    }
}

/// All that is available. Pages are read one after another: what moves meanwhile is in some of them.
pub(super) async fn book(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<Answer> {
    let function = function(pipeline);
    let base = format!("{function}/stock?warehouse={warehouse}");
    // order-processor knows no pages.
    let first = if function == "inventory" { format!("{base}&limit={PAGE}") } else { base };
    let mut all: Answer = pipeline.call(Level::Read, Method::GET, &first, None).await?;
    while let Some(after) = all.next.take() {
        let path = format!("{first}&after={}", query_value(after.as_str()));
        let page: Answer = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        all.products.extend(page.products);
        all.next = page.next;
    }
    Ok(all)
}

/// What is available of one product.
pub(super) async fn one(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    product: &ProductId,
) -> Result<Answer> {
    let product = query_value(product.as_str());
    let path = format!("{}/stock?warehouse={warehouse}&product={product}", function(pipeline));
    pipeline.call(Level::Read, Method::GET, &path, None).await
}

/// All that is available at one moment, as order-processor says.
pub(super) async fn at_once(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<Answer> {
    let path = format!("order-processor/stock?warehouse={warehouse}");
    pipeline.call(Level::Read, Method::GET, &path, None).await
}
