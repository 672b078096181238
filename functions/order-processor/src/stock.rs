//! `/stock`: looking at stock and setting it.

use crate::key::idempotency_key;
use crate::{App, unavailable};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use domain::inventory::Body;
use domain::{ProductId, WarehouseId};
use messaging::journal::{self, Applied, Decide};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

/// Most products that one command may set; its entry must fit into one message.
const PRODUCTS_MAX: usize = 2_000;
/// Largest stock of a product.
const AVAILABLE_MAX: i64 = 1_000_000_000_000;

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    warehouse: Option<WarehouseId>,
    product: Option<ProductId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Stock {
    warehouse: WarehouseId,
    products: BTreeMap<ProductId, Item>,
}

#[derive(Debug, Serialize)]
struct Item {
    available: i64,
    known: bool,
    /// Nobody's order takes it below zero, whatever the partner's stock policy.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    checked: bool,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(filter): Query<Filter>,
) -> Result<Json<Stock>, Problem> {
    let warehouse = filter.warehouse.unwrap_or_else(WarehouseId::main);
    let journal = app.journal(&warehouse);
    let products = journal.commit(|view| {
        if !view.fresh {
            return Decide::Refresh;
        }
        let wanted = |id: &ProductId| filter.product.as_ref().is_none_or(|product| product == id);
        let items = view.state.stock.iter().filter(|(product, _)| wanted(product));
        let item = |item: domain::stock::Item| {
            let domain::stock::Item { available, known, checked } = item;
            Item { available, known, checked }
        };
        Decide::Answer(items.map(|(product, found)| (product.clone(), item(found))).collect())
    });
    let products: BTreeMap<_, _> = products.await.map_err(|error| unavailable(&error))?;
    match filter.product {
        Some(product) if products.is_empty() => {
            Err(Problem::not_found(format!("warehouse {warehouse} has no product {product}")))
        }
        _ => Ok(Json(Stock { warehouse, products })),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    available: BTreeMap<ProductId, i64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Done {
    warehouse: WarehouseId,
    products: usize,
    /// Was it this call that set them? Otherwise an earlier one with the same key did.
    applied: bool,
}

pub(crate) async fn set(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Result<Json<Done>, Problem> {
    let key = idempotency_key(&headers)?;
    let command: Command =
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    check(&command)?;
    let journal = app.journal(&command.warehouse);
    let done = journal.command(
        |state| state.keys.contains_key(key),
        |_| {
            let body = Body::Set { key: key.to_owned(), available: command.available.clone() };
            Ok::<_, Infallible>(journal::Command { body, decided_to: None })
        },
    );
    let Ok(done) = done.await.map_err(|error| unavailable(&error))?;
    let products = command.available.len();
    Ok(Json(Done { warehouse: command.warehouse, products, applied: done == Applied::Now }))
}

fn check(command: &Command) -> Result<(), Problem> {
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
