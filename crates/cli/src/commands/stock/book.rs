//! What order-processor says is in stock.

use std::collections::BTreeMap;

use anyhow::Result;
use axum::http::Method;
use domain::{ProductId, WarehouseId};
use machine::client::{Level, Pipeline};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What order-processor answers.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Answer {
    pub(super) warehouse: WarehouseId,
    pub(super) products: BTreeMap<ProductId, Item>,
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

/// All that is available, as order-processor says.
pub(super) async fn book(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<Answer> {
    let path = format!("order-processor/stock?warehouse={warehouse}");
    pipeline.call(Level::Read, Method::GET, &path, None).await
}
