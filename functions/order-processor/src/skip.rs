//! `POST /journal/skip`: an operator's refusal of the next message, which nobody can decide.

use crate::key::{bound_key, used_before};
use crate::{App, unavailable};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::WarehouseId;
use domain::inventory::{Body, DETAIL_MAX, KeyUse};
use messaging::journal::{Applied, Command, Decide, LogError, Place, Position, extent};
use messaging::stored::Standing;
use messaging::views;
use messaging::{skipped, streams, subject};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How often the position is looked at again that others have just moved.
const LOOKS_MAX: u32 = 5;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skip {
    #[serde(default = "WarehouseId::main")]
    warehouse: WarehouseId,
    /// The stream sequence of the message, so that no other one is skipped.
    sequence: u64,
    reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    warehouse: WarehouseId,
    sequence: u64,
    /// Was it this call that skipped it? Otherwise an earlier one with the same key did.
    applied: bool,
}

/// The position moved between two looks.
struct Moved;

pub(crate) async fn skip(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Skipped>, Problem> {
    let skip: Skip = serde_json::from_slice(&body).map_err(|error| Problem::unreadable(&error))?;
    check(&skip)?;
    let key = bound_key(&headers, "skip", &skip)?;
    let Skip { warehouse, sequence, .. } = &skip;
    let journal = app.known_journal(warehouse).await?;
    let applied =
        |applied| Ok(Json(Skipped { warehouse: warehouse.clone(), sequence: *sequence, applied }));
    for _ in 0..LOOKS_MAX {
        let look = journal.commit(|view| match view.fresh {
            true => Decide::Answer((view.state.key_use(&key), view.decided_to.cloned())),
            false => Decide::Refresh,
        });
        let (known, decided_to) = look.await.map_err(|error| unavailable(&error))?;
        match known {
            KeyUse::Applied => return applied(false),
            KeyUse::Other => return Err(used_before()),
            KeyUse::New => {}
        }
        let (next, to) = next(&app, &skip, decided_to.as_ref()).await?;
        let appended = journal.command(
            |state| state.key_use(&key) == KeyUse::Applied,
            |view| {
                // In the second look the key is seen again that another call has used in between.
                let is_as_seen = view.decided_to == decided_to.as_ref();
                if !is_as_seen || view.state.key_use(&key) == KeyUse::Other {
                    return Err(Moved);
                }
                let body = view.state.entry(skipped(key.as_str(), &next, &skip.reason));
                Ok(Command { body, decided_to: Some(to.clone()) })
            },
        );
        // Otherwise the position moved between the two looks.
        if let Ok(done) = appended.await.map_err(|error| unavailable(&error))? {
            tracing::warn!(%warehouse, sequence, reason = skip.reason, "skipped");
            return applied(done == Applied::Now);
        }
    }
    Err(Problem::unavailable("the position is moving; nothing is skipped"))
}

fn check(skip: &Skip) -> Result<(), Problem> {
    let count = skip.reason.chars().count();
    if skip.reason.trim().is_empty() || count > DETAIL_MAX {
        let reason =
            format!("has {count} characters; 1 to {DETAIL_MAX} are allowed, not only blanks");
        return Err(Problem::invalid("nothing is skipped").field("reason", reason));
    }
    Ok(())
}

/// The message, if it is the next one, and the position behind it.
async fn next(
    app: &App,
    skip: &Skip,
    decided_to: Option<&Position>,
) -> Result<(Standing, Position), Problem> {
    let Skip { warehouse, sequence, .. } = skip;
    let to_sequence = decided_to.map_or(0, |position| position.sequence);
    let conflict = |detail: String| Err(Problem::conflict(detail).with("decided_to", to_sequence));
    if *sequence <= to_sequence {
        return conflict(format!("{sequence} is decided: everything up to {to_sequence} is"));
    }
    let next = views::next(&app.nats, warehouse, to_sequence).await.map_err(|error| {
        tracing::warn!(%error, "nothing is skipped");
        Problem::unavailable("NATS does not answer; nothing is skipped")
    })?;
    let Some(next) = next else {
        return conflict(format!("nothing waits behind {to_sequence}"));
    };
    if next.sequence != *sequence {
        return conflict(format!("the next message is {}, not {sequence}", next.sequence));
    }
    let filter = subject::placed(warehouse);
    let silent = |error: LogError| {
        tracing::warn!(%error, "nothing is skipped");
        Problem::unavailable("NATS does not answer; nothing is skipped")
    };
    let input = extent(&app.nats, streams::ORDERS, &filter).await.map_err(silent)?;
    let to = input.position(Place::After(*sequence)).map_err(silent)?;
    if !decided_to.is_none_or(|before| input.claim.is_of(before)) {
        return conflict("the stream is not the one that was decided so far: rebase first".into());
    }
    Ok((next, to))
}

fn skipped(key: &str, next: &Standing, reason: &str) -> Body {
    Body::Skip { key: key.to_owned(), outcome: skipped::outcome(next, reason) }
}
