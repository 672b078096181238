//! Why a record is not read or changed, as an answer.

use super::asked::Asked;
use super::resource::Resource;
use axum::http::StatusCode;
use runtime::Problem;
use state::record::{Conflict, Error, NotFresh, WriteError};
use state::wire::Unclear;

/// 404.
pub(super) fn missing<T: Resource>(parts: &[String]) -> Problem {
    Problem::not_found(format!("there is no {} {}", T::NAME, parts.join("/")))
}

/// 428.
pub(super) fn unconditional<T: Resource>() -> Problem {
    let name = T::NAME;
    let detail = format!(
        "a {name} is replaced at the revision that was read: send its ETag in If-Match, so that no change \
         of others is undone. If-Match: * replaces whatever is there, If-None-Match: * makes a new one"
    );
    Problem::new(StatusCode::PRECONDITION_REQUIRED).detail(detail)
}

/// 503: what is in memory may lack the last changes.
pub(super) fn old(error: &NotFresh) -> Problem {
    tracing::warn!(%error, "a list is not answered");
    Problem::unavailable(format!("the list is not complete: {error}; try again"))
}

/// 503: nothing of the server's answer is shown.
pub(super) fn unclear(error: &Unclear) -> Problem {
    tracing::warn!(%error, "records do not answer");
    Problem::unavailable(
        "NATS does not answer, and a change may have been made; the same request again is safe with its \
         Idempotency-Key or If-Match",
    )
}

pub(super) fn unread(error: &Error) -> Problem {
    match error {
        Error::Unclear(error) => unclear(error),
        Error::Unreadable { .. } => {
            tracing::error!(%error, "a record cannot be read");
            Problem::internal().detail("what is stored cannot be read; see the log")
        }
    }
}

pub(super) fn unwritten<T: Resource>(
    asked: &Asked<T>,
    parts: &[String],
    error: &WriteError,
) -> Problem {
    match error {
        WriteError::Stale(stale) => {
            let problem = Problem::new(StatusCode::PRECONDITION_FAILED).detail(stale.to_string());
            match stale.current {
                Some(current) => problem.with("revision", current.0),
                None => problem,
            }
        }
        WriteError::Conflict(conflict @ Conflict::Exists { revision }) => {
            Problem::conflict(conflict.to_string()).with("revision", revision.0)
        }
        WriteError::Conflict(Conflict::Taken { name, owner }) => {
            // Another partner's record is not named.
            let by = if asked.sees(&owner.parts()) { owner.to_string() } else { "another".into() };
            let detail = format!("the {} is not changed: another one has its {name}", T::NAME);
            Problem::conflict(detail).field(name, format!("is taken by {by}"))
        }
        WriteError::Missing => missing::<T>(parts),
        WriteError::TooLarge { .. } | WriteError::TooManyUnique { .. } => {
            Problem::invalid(error.to_string())
        }
        WriteError::Store(error) => unread(error),
    }
}
