//! `POST /journal/skip`: an operator's refusal of the next message, which nobody can decide.

use crate::{App, unavailable};
use ::stock::Inventory;
use axum::Json;
use axum::extract::State;
use chassis::{Body, Key};
use domain::WarehouseId;
use messaging::{streams, subject};
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::Applied;
use state::journal::skip::{REASON_MAX, Request, SkipError, skip as pass_over};
use std::sync::Arc;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skip {
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// The stream sequence of the message, so that no other one is skipped.
    sequence: u64,
    reason: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Skipped {
    warehouse: WarehouseId,
    sequence: u64,
    /// Was it this call that skipped it? Otherwise an earlier one with the same key did.
    applied: bool,
}

pub(crate) async fn skip(
    State(app): State<Arc<App>>,
    key: Key,
    Body(skip): Body<Skip>,
) -> Result<Json<Skipped>, Problem> {
    check(&skip)?;
    let key = key.bound_to("skip", &skip);
    let Skip { warehouse, sequence, reason } = skip;
    let journal = app.known_journal(&warehouse).await?;
    let filter = subject::placed(&warehouse);
    let request = Request { stream: streams::ORDERS, filter: &filter, sequence, reason: &reason };
    let book = Inventory::new(warehouse.clone());
    let done = pass_over(&app.nats, &journal, &book, &key, request).await;
    let done = done.map_err(|error| refused(&error))?;
    if done == Applied::Now {
        tracing::warn!(%warehouse, sequence, reason, "skipped");
    }
    Ok(Json(Skipped { warehouse, sequence, applied: done == Applied::Now }))
}

fn check(skip: &Skip) -> Result<(), Problem> {
    let count = skip.reason.chars().count();
    if skip.reason.trim().is_empty() || count > REASON_MAX {
        let reason =
            format!("has {count} characters; 1 to {REASON_MAX} are allowed, not only blanks");
        return Err(Problem::invalid("nothing is skipped").field("reason", reason));
    }
    Ok(())
}

fn refused(error: &SkipError) -> Problem {
    match error {
        SkipError::KeyUsed => Key::used_before(),
        SkipError::Moving => Problem::unavailable("the position is moving; nothing is skipped"),
        SkipError::Journal(error) => unavailable(error),
        SkipError::Lookup(_) | SkipError::Log(_) => {
            tracing::warn!(%error, "nothing is skipped");
            Problem::unavailable("NATS does not answer; nothing is skipped")
        }
        SkipError::Decided { decided_to, .. }
        | SkipError::NothingWaits { decided_to }
        | SkipError::NotNext { decided_to, .. }
        | SkipError::Foreign { decided_to } => {
            Problem::conflict(error.to_string()).with("decided_to", *decided_to)
        }
    }
}
