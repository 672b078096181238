//! `POST /journal/skip`: an operator's refusal of the next message, which nobody can decide.

use crate::key::{bound_key, used_before};
use crate::{App, unavailable};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::inventory::{Body, DETAIL_MAX, FILE_BYTES_MAX, Identity, KeyUse, Outcome, Verdict};
use domain::stock::Refusal;
use domain::{Kind, WarehouseId};
use messaging::journal::{Applied, Command, Decide, Place, Position, position};
use messaging::views::{self, Next};
use messaging::{Event, events, header, streams, subject};
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
    let skip: Skip =
        serde_json::from_slice(&body).map_err(|error| Problem::invalid(error.to_string()))?;
    check(&skip)?;
    let key = bound_key(&headers, "skip", &skip)?;
    let Skip { warehouse, sequence, .. } = &skip;
    let journal = app.journal(warehouse);
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
                let (key, outcome) = (key.as_str().to_owned(), outcome(&next, &skip.reason));
                Ok(Command { body: Body::Skip { key, outcome }, decided_to: Some(to.clone()) })
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
) -> Result<(Next, Position), Problem> {
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
    let to = position(&app.nats, streams::ORDERS, &filter, Place::After(*sequence)).await;
    let to = to.map_err(|error| {
        tracing::warn!(%error, "nothing is skipped");
        Problem::unavailable("NATS does not answer; nothing is skipped")
    })?;
    let same = |before: &Position| {
        (&before.stream, &before.created, &before.filter) == (&to.stream, &to.created, &to.filter)
    };
    if !decided_to.is_none_or(same) {
        return conflict("the stream is not the one that was decided so far: rebase first".into());
    }
    Ok((next, to))
}

/// From subject and headers: what the message holds may be what nobody can take.
fn outcome(next: &Next, reason: &str) -> Outcome {
    let header = |name| next.headers.get(name).map(|value| value.as_str());
    let id = subject::OrderSubject::parse(&next.subject).map(|order| Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: if header(header::KIND) == Some("return") { Kind::Return } else { Kind::Sale },
        attempt: header(header::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1),
        file: header(header::FILE).filter(|file| file.len() <= FILE_BYTES_MAX).map(str::to_owned),
    });
    let event: Option<Event> = serde_json::from_slice(&next.payload).ok();
    let refusal = Refusal::Skipped { detail: reason.to_owned() };
    // An order whose cancellation is not decided stays confirmed.
    let verdict = match event.is_some_and(|event| event.kind == events::ORDER_CANCELLING) {
        true => Verdict::Kept(refusal),
        false => Verdict::Refused(refusal),
    };
    Outcome { sequence: next.sequence, order: None, id, verdict }
}
