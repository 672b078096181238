//! `/stock`: looking at stock and setting it.

use crate::App;
use axum::Json;
use axum::extract::State;
use chassis::{Answer, Body, Key, Query};
use domain::inventory;
use domain::{ProductId, WarehouseId};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{Applied, Command as Entry};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most products that one command may set; its entry must fit into one message.
const PRODUCTS_MAX: usize = 2_000;
/// Largest body of a command: so many products, with the longest ids.
pub(crate) const BYTES_MAX: u64 = 1024 * 1024;
/// About what a product takes in an answer.
const ITEM_BYTES: usize = 50;
/// Largest stock of a product.
const AVAILABLE_MAX: i64 = 1_000_000_000_000;

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

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StockCommand {
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    available: BTreeMap<ProductId, i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StockAnswer {
    warehouse: WarehouseId,
    products: usize,
    /// Was it this call that set them? Otherwise an earlier one with the same key did.
    applied: bool,
}

pub(crate) async fn set(
    State(app): State<Arc<App>>,
    key: Key,
    Body(command): Body<StockCommand>,
) -> Result<Json<StockAnswer>, Problem> {
    check(&command)?;
    let key = key.bound_to("stock", &command);
    let done = app.journals.command(&command.warehouse, &key, |view| {
        let body = inventory::Body::Set { key: None, available: command.available.clone() };
        Ok(Entry::decision(view.state.entry(body)))
    });
    let done = done.await?;
    let products = command.available.len();
    Ok(Json(StockAnswer { warehouse: command.warehouse, products, applied: done == Applied::Now }))
}

fn check(command: &StockCommand) -> Result<(), Problem> {
    let products = command.available.len();
    if !(1..=PRODUCTS_MAX).contains(&products) {
        let reason = format!("has {products} products; 1 to {PRODUCTS_MAX} are allowed");
        return Err(Problem::invalid("the stock cannot be set").field("available", reason));
    }
    let wrong = command.available.iter().filter(|(_, n)| !(0..=AVAILABLE_MAX).contains(*n));
    let problem = wrong.fold(Problem::invalid("the stock cannot be set"), |problem, (id, n)| {
        let reason = format!("is {n}; 0 to {AVAILABLE_MAX} are allowed");
        problem.field(format!("available.{id}"), reason)
    });
    if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
}
