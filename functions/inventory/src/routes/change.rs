//! `POST /stock/restock`, `/stock/adjust` and `/stock/count`: what people do to the stock of one warehouse.

use super::check::{self, Checked};
use crate::app::App;
use axum::Json;
use axum::extract::State;
use chassis::{Body, Key};
use domain::inventory::{self, Cause, Change, Counted, LEVEL_MAX, Quantities, Refused};
use domain::{ProductId, WarehouseId};
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{Applied, BoundKey, Command};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Goods that came in.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestockCommand {
    /// `main` if nothing is said.
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// How many of each came in.
    products: Quantities,
    /// Whatever names the delivery; up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

/// A correction by differences.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdjustCommand {
    /// `main` if nothing is said.
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// How many of each are more, or fewer if below zero.
    products: Quantities,
    /// Why; 1 to 500 characters.
    reason: String,
}

/// What was counted.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CountCommand {
    /// `main` if nothing is said.
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// What was counted of each, and what the count was made against.
    products: BTreeMap<ProductId, Counted>,
    /// Whatever is to be said of it; up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StockChanged {
    warehouse: WarehouseId,
    /// Was it this call that did it? Otherwise an earlier one with the same key did.
    applied: bool,
    /// What is available now, by product; orders may have moved it since.
    available: Quantities,
}

pub(crate) async fn restock(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<RestockCommand>,
) -> Result<Json<StockChanged>, Problem> {
    let mut checked = Checked::new("nothing is restocked");
    checked.products(&command.products, |n| check::quantity(*n));
    checked.text("reference", command.reference.as_deref(), check::REFERENCE_CHARS_MAX);
    checked.end()?;
    let key = key.bound_to("restock", &command);
    let RestockCommand { warehouse, products, reference } = command;
    let cause = Cause::Restock { reference };
    let decide = |state: &inventory::State| inventory::restock(&state.stock, &products);
    one(&app, &key, warehouse, (cause, by(&actor)), products.keys(), decide).await
}

pub(crate) async fn adjust(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<AdjustCommand>,
) -> Result<Json<StockChanged>, Problem> {
    let mut checked = Checked::new("nothing is adjusted");
    checked.products(&command.products, |n| {
        let fits = *n != 0 && (-LEVEL_MAX..=LEVEL_MAX).contains(n);
        (!fits).then(|| format!("is {n}; -{LEVEL_MAX} to {LEVEL_MAX} are allowed, but not 0"))
    });
    checked.text("reason", Some(&command.reason), check::REASON_CHARS_MAX);
    checked.end()?;
    let key = key.bound_to("adjust", &command);
    let AdjustCommand { warehouse, products, reason } = command;
    let cause = Cause::Adjustment { reason };
    let decide = |state: &inventory::State| inventory::adjust(&state.stock, &products);
    one(&app, &key, warehouse, (cause, by(&actor)), products.keys(), decide).await
}

pub(crate) async fn count(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<CountCommand>,
) -> Result<Json<StockChanged>, Problem> {
    let mut checked = Checked::new("nothing is counted");
    checked.products(&command.products, |Counted { available: n, .. }| {
        let fits = (0..=LEVEL_MAX).contains(n);
        (!fits).then(|| format!("available is {n}; 0 to {LEVEL_MAX} are allowed"))
    });
    checked.text("reason", command.reason.as_deref(), check::REASON_CHARS_MAX);
    checked.end()?;
    let key = key.bound_to("count", &command);
    let CountCommand { warehouse, products, reason } = command;
    let cause = Cause::Count { reason };
    let decide = |state: &inventory::State| inventory::count(&state.stock, &products);
    one(&app, &key, warehouse, (cause, by(&actor)), products.keys(), decide).await
}

/// Whose token it is, for the journal.
pub(super) fn by(actor: &Actor) -> Option<String> {
    Some(actor.name().to_owned())
}

/// Changes the stock of one warehouse once, and returns the new levels.
async fn one<'a>(
    app: &App,
    key: &BoundKey,
    warehouse: WarehouseId,
    (cause, by): (Cause, Option<String>),
    products: impl Iterator<Item = &'a ProductId> + Clone,
    decide: impl Fn(&inventory::State) -> Result<Quantities, Refused>,
) -> Result<Json<StockChanged>, Problem> {
    let done = app.journals.command(&warehouse, key, |view| {
        let moved = decide(view.state).map_err(|why| refused(&warehouse, &why))?;
        Ok(entry(view.state, Change { cause: cause.clone(), moved, by: by.clone() }))
    });
    let applied = done.await? == Applied::Now;
    let available = app.journals.look(&warehouse, |view| {
        let level = |product| view.state.stock.get(product).map_or(0, |item| item.available);
        products.clone().map(|product| (product.clone(), level(product))).collect()
    });
    let available = available.await?;
    Ok(Json(StockChanged { warehouse, applied, available }))
}

/// A change as it is appended.
pub(super) fn entry(state: &inventory::State, change: Change) -> Command<inventory::Body> {
    Command::decision(state.entry(inventory::Body::Change(Box::new(change))))
}

/// 409: the stock does not allow it.
pub(super) fn refused(warehouse: &WarehouseId, why: &Refused) -> Problem {
    match why {
        Refused::Products(wrong) => {
            let detail =
                format!("the stock of warehouse {warehouse} does not allow it; nothing has moved");
            let add = |problem: Problem, (product, why): (&ProductId, &inventory::Wrong)| {
                problem.field(format!("products.{product}"), why.to_string())
            };
            wrong.iter().fold(Problem::conflict(detail), add)
        }
        Refused::Unfinished => Problem::conflict(why.to_string()),
    }
}
