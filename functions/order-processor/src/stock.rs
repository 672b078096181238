//! `/stock`: looking at stock and setting it.

use crate::App;
use ::stock::{StockAnswer, StockCommand};
use axum::Json;
use axum::extract::State;
use chassis::{Answer, Body, Key, Query};
use domain::{ProductId, WarehouseId};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// About what a product takes in an answer.
const ITEM_BYTES: usize = 50;

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Filter {
    /// `main` if nothing is said.
    warehouse: Option<WarehouseId>,
    /// All of them if nothing is said.
    product: Option<ProductId>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Stock {
    warehouse: WarehouseId,
    products: BTreeMap<ProductId, Item>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Item {
    available: i64,
    known: bool,
    /// Nobody's order takes it below zero, whatever the partner's stock policy.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    checked: bool,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(filter): Query<Filter>,
) -> Result<Answer<Stock>, Problem> {
    let warehouse = filter.warehouse.unwrap_or_else(WarehouseId::main);
    let wanted = |id: &ProductId| filter.product.as_ref().is_none_or(|product| product == id);
    let item = |item: domain::stock::Item| {
        let domain::stock::Item { available, known, checked } = item;
        Item { available, known, checked }
    };
    let products = app.journals.look(&warehouse, |view| {
        let items = view.state.stock.iter().filter(|(product, _)| wanted(product));
        items.map(|(product, found)| (product.clone(), item(found))).collect()
    });
    let products: BTreeMap<_, _> = products.await?;
    match filter.product {
        Some(product) if products.is_empty() => {
            Err(Problem::not_found(format!("warehouse {warehouse} has no product {product}")))
        }
        _ => {
            let bytes = products.len().saturating_mul(ITEM_BYTES);
            Ok(Answer::ok(bytes, &Stock { warehouse, products }))
        }
    }
}

pub(crate) async fn set(
    State(app): State<Arc<App>>,
    key: Key,
    Body(command): Body<StockCommand>,
) -> Result<Json<StockAnswer>, Problem> {
    ::stock::set(&app.journals, &key, command).await.map(Json)
}
