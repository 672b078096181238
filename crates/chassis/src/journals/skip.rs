//! `POST /journal/skip`: an operator's refusal of the next message, which nobody can decide.

use super::lane::Lane;
use super::open::{Journals, unavailable};
use crate::key::Key;
use domain::WarehouseId;
use runtime::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::journal::Applied;
use state::journal::skip::{REASON_MAX, Request, SkipError, skip as pass_over};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Skip {
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// The stream sequence of the message, so that no other one is skipped.
    sequence: u64,
    reason: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SkipAnswer {
    warehouse: WarehouseId,
    sequence: u64,
    /// Was it this call that skipped it? Otherwise an earlier one with the same key did.
    applied: bool,
}

pub(super) async fn skip<L: Lane>(
    journals: &Journals<L>,
    key: Key,
    skip: Skip,
) -> Result<SkipAnswer, Problem> {
    check(&skip)?;
    let key = key.bound_to("skip", &skip);
    let Skip { warehouse, sequence, reason } = skip;
    let journal = journals.known(&warehouse).await?;
    let filter = L::filter(&warehouse);
    let request = Request { stream: L::INPUT, filter: &filter, sequence, reason: &reason };
    let book = L::book(&warehouse);
    let done = pass_over(&journals.nats, &journal, &book, &key, request).await;
    let done = done.map_err(|error| refused(&error))?;
    if done == Applied::Now {
        tracing::warn!(%warehouse, sequence, reason, "skipped");
    }
    Ok(SkipAnswer { warehouse, sequence, applied: done == Applied::Now })
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
