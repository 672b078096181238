//! `PUT /stock`: setting stock. Two functions answer it for one release, and a key is the same key at both.

use crate::StockLane;
use chassis::{Journals, Key};
use domain::inventory::{Body, LEVEL_MAX};
use domain::{ProductId, WarehouseId};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{Applied, Command};
use std::collections::BTreeMap;

/// Most products of one command; its entry must fit into one message.
pub const PRODUCTS_MAX: usize = 2_000;
/// Largest body of a command: so many products, with the longest ids.
pub const BYTES_MAX: u64 = 1024 * 1024;

/// Stock to set.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StockCommand {
    /// `main` if nothing is said.
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// What is available from now on, by product.
    available: BTreeMap<ProductId, i64>,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StockAnswer {
    warehouse: WarehouseId,
    products: usize,
    /// Was it this call that set them? Otherwise an earlier one with the same key did.
    applied: bool,
}

/// Sets stock once under its key.
///
/// # Errors
/// 422: there are no products or more than [`PRODUCTS_MAX`], a level is below 0 or above
/// [`LEVEL_MAX`], or the key was used for another command. 404: there is no such warehouse. 503: NATS does not
/// answer, and the same call may be repeated.
pub async fn set(
    journals: &Journals<StockLane>,
    key: &Key,
    command: StockCommand,
) -> Result<StockAnswer, Problem> {
    check(&command)?;
    let key = key.bound_to("stock", &command);
    let StockCommand { warehouse, available } = command;
    let done = journals.command(&warehouse, &key, |view| {
        let body = Body::Set { key: None, available: available.clone() };
        Ok(Command::decision(view.state.entry(body)))
    });
    let applied = done.await? == Applied::Now;
    Ok(StockAnswer { warehouse, products: available.len(), applied })
}

fn check(command: &StockCommand) -> Result<(), Problem> {
    let products = command.available.len();
    if !(1..=PRODUCTS_MAX).contains(&products) {
        let reason = format!("has {products} products; 1 to {PRODUCTS_MAX} are allowed");
        return Err(Problem::invalid("the stock cannot be set").field("available", reason));
    }
    let wrong = command.available.iter().filter(|(_, n)| !(0..=LEVEL_MAX).contains(*n));
    let problem = wrong.fold(Problem::invalid("the stock cannot be set"), |problem, (id, n)| {
        let reason = format!("is {n}; 0 to {LEVEL_MAX} are allowed");
        problem.field(format!("available.{id}"), reason)
    });
    if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
}
