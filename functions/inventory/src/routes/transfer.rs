//! `/stock/transfer`: goods that go from one warehouse to another.
//!
//! Each warehouse has a journal of its own, so a transfer is three entries: out of the one, into the other, and a
//! note in the first that they have arrived. A transfer that has left and not arrived is part of the first one's state. If the
//! process ends between two entries it stays there; the same call again completes it, and so does `finish` with its number.

use super::change::{by, entry, refused};
use super::check::{self, Checked};
use crate::app::App;
use axum::Json;
use axum::extract::State;
use chassis::{Answer, Body, Key, Query};
use domain::WarehouseId;
use domain::inventory::{self, Cause, Change, Quantities};
use runtime::{Actor, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::{Applied, BoundKey};
use std::sync::Arc;

/// Goods to transfer.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferCommand {
    /// Where they are.
    from: WarehouseId,
    /// Where they go.
    to: WarehouseId,
    /// How many of each.
    products: Quantities,
    /// Whatever names it; up to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

/// One transfer, by its number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferNumber {
    /// Where the goods were.
    from: WarehouseId,
    /// Where they go.
    to: WarehouseId,
    /// Its number among those from the one to the other.
    number: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TransferAnswer {
    from: WarehouseId,
    to: WarehouseId,
    /// Its number among those from the one to the other; nothing if an earlier call has finished it.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    /// Was it this call that did it, or the rest of it?
    applied: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Which {
    /// `main` if nothing is said.
    warehouse: Option<WarehouseId>,
}

/// Transfers that have left a warehouse and have not arrived.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UnfinishedTransfers {
    warehouse: WarehouseId,
    /// In the order in which they left.
    transfers: Vec<UnfinishedTransfer>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UnfinishedTransfer {
    to: WarehouseId,
    number: u64,
    products: Quantities,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Whose token asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

pub(crate) async fn transfer(
    State(app): State<Arc<App>>,
    actor: Actor,
    key: Key,
    Body(command): Body<TransferCommand>,
) -> Result<Json<TransferAnswer>, Problem> {
    let mut checked = Checked::new("nothing is transferred");
    checked.products(&command.products, |n| check::quantity(*n));
    checked.text("reference", command.reference.as_deref(), check::REFERENCE_CHARS_MAX);
    checked.differ("to", &command.from, &command.to);
    checked.end()?;
    // The receiving warehouse must exist.
    app.journals.known(&command.to).await?;
    let key = key.bound_to("transfer", &command);
    let id = key.id();
    let TransferCommand { from, to, products, reference } = command;
    // Also where the journal has forgotten the key since.
    if let Some(left) = on_its_way(&app, &from, &id).await? {
        let number = left.number;
        arrive(&app, &from, left).await.map_err(|problem| underway(&from, &to, problem))?;
        return Ok(Json(TransferAnswer { from, to, number: Some(number), applied: true }));
    }
    let out = app.journals.command(&from, &key, |view| {
        let transfers = &view.state.transfers;
        let moved = inventory::send(&view.state.stock, transfers, &products)
            .map_err(|why| refused(&from, &why))?;
        let (command, reference) = (id.clone(), reference.clone());
        let number = transfers.next(&to);
        let cause = Cause::TransferOut { to: to.clone(), number, command, reference };
        Ok(entry(view.state, Change { cause, moved, by: by(&actor) }))
    });
    let out = out.await?;
    let left = on_its_way(&app, &from, &id).await;
    let left = left.map_err(|problem| underway(&from, &to, problem))?;
    let Some(left) = left else {
        return Ok(Json(TransferAnswer { from, to, number: None, applied: out == Applied::Now }));
    };
    let number = left.number;
    arrive(&app, &from, left).await.map_err(|problem| underway(&from, &to, problem))?;
    Ok(Json(TransferAnswer { from, to, number: Some(number), applied: true }))
}

/// The transfer of a command that has left `from` and not arrived.
async fn on_its_way(
    app: &App,
    from: &WarehouseId,
    command: &str,
) -> Result<Option<inventory::Transfer>, Problem> {
    let found = app.journals.look(from, |view| {
        view.state.transfers.unfinished().iter().find(|left| left.command == command).cloned()
    });
    found.await
}

pub(crate) async fn finish(
    State(app): State<Arc<App>>,
    Body(TransferNumber { from, to, number }): Body<TransferNumber>,
) -> Result<Json<TransferAnswer>, Problem> {
    let (left, next) = app
        .journals
        .look(&from, |view| {
            let transfers = &view.state.transfers;
            let is = |left: &&inventory::Transfer| (&left.to, left.number) == (&to, number);
            (transfers.unfinished().iter().find(is).cloned(), transfers.next(&to))
        })
        .await?;
    let applied = left.is_some();
    match left {
        Some(left) => arrive(&app, &from, left).await?,
        None if (1..next).contains(&number) => {}
        None => {
            let detail = format!("no transfer {number} has left {from} for {to}");
            return Err(Problem::not_found(detail));
        }
    }
    Ok(Json(TransferAnswer { from, to, number: Some(number), applied }))
}

pub(crate) async fn unfinished(
    State(app): State<Arc<App>>,
    Query(Which { warehouse }): Query<Which>,
) -> Result<Answer<UnfinishedTransfers>, Problem> {
    let warehouse = warehouse.unwrap_or_else(WarehouseId::main);
    let left = |left: &inventory::Transfer| {
        let inventory::Transfer { to, number, reference, products, by, .. } = left.clone();
        UnfinishedTransfer { to, number, products, reference, by }
    };
    let transfers = app.journals.look(&warehouse, |view| {
        view.state.transfers.unfinished().iter().map(left).collect::<Vec<_>>()
    });
    let transfers = transfers.await?;
    let products: usize = transfers.iter().map(|left| left.products.len()).sum();
    Ok(Answer::ok(products.saturating_mul(100), &UnfinishedTransfers { warehouse, transfers }))
}

/// Completes a transfer that has left: adds the goods to the other warehouse, and notes their arrival in the first. The
/// number of the transfer makes sure that each is done once.
async fn arrive(app: &App, from: &WarehouseId, left: inventory::Transfer) -> Result<(), Problem> {
    let inventory::Transfer { to, number, reference, products, by, .. } = left;
    once(app, &to, &format!("in→{from}→{number}"), |state| {
        let (from, reference) = (from.clone(), reference.clone());
        let is_new = !state.transfers.has_received(&from, number);
        let cause = Cause::TransferIn { from, number, reference };
        is_new.then(|| Change { cause, moved: products.clone(), by: by.clone() })
    })
    .await?;
    once(app, from, &format!("done→{to}→{number}"), |state| {
        let is_new = state.transfers.is_unfinished(&to, number);
        let cause = Cause::TransferDone { to: to.clone(), number };
        is_new.then(|| Change { cause, moved: Quantities::new(), by: None })
    })
    .await
}

/// Appends what `change` says unless it says nothing. No client has such a key: it is not ASCII.
async fn once(
    app: &App,
    warehouse: &WarehouseId,
    key: &str,
    change: impl Fn(&inventory::State) -> Option<Change>,
) -> Result<(), Problem> {
    let mut is_there = false;
    let key = BoundKey::new(key, &());
    let done = app.journals.command(warehouse, &key, |view| match change(view.state) {
        Some(change) => Ok(entry(view.state, change)),
        None => {
            is_there = true;
            Err(Problem::conflict("it is there"))
        }
    });
    let done = done.await;
    if is_there { Ok(()) } else { done.map(drop) }
}

/// The goods have left, and what is to be done.
fn underway(from: &WarehouseId, to: &WarehouseId, problem: Problem) -> Problem {
    let said = problem.detail.clone().unwrap_or_default();
    problem.detail(format!(
        "{said}. The goods may have left {from} without being in {to}: send the same again, with the same \
         Idempotency-Key, until it is answered"
    ))
}
