//! Changing records: each request once, whatever ends when.

use super::asked::{Asked, Sent, checked};
use super::kept::Kept;
use super::merge::merge;
use super::problem::{missing, unclear, unconditional, unread, unwritten};
use super::resource::{Resource, key_of, parts};
use super::shown::{Gone, Shown};
use crate::key;
use axum::http::StatusCode;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use state::record::{Author, Key, Revision, When, WriteError};
use state::wire::Wire;

/// How often a merge is tried again because somebody else was faster.
const ROUNDS: usize = 32;

/// What came of a request, for when it comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Outcome {
    key: Vec<String>,
    revision: Revision,
}

/// A change that was made: now, with its value, or by the same request before.
struct Made<T> {
    outcome: Outcome,
    value: Option<T>,
    is_replayed: bool,
}

/// Carries a request out unless that was done before. `change` writes under the author that it is given, and
/// may use the text, which is the same each time, as a new id.
async fn once<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: &Asked<T>,
    sent: &Map<String, Value>,
    change: impl AsyncFnOnce(Author, String) -> Result<(Outcome, Option<T>), Problem>,
) -> Result<Made<T>, Problem> {
    let Some(retry) = asked.retry()? else {
        let (outcome, value) = change(asked.author(None), kept.wire.unique()).await?;
        return Ok(Made { outcome, value, is_replayed: false });
    };
    let matches = asked.headers.get("if-match").and_then(|value| value.to_str().ok());
    let request = (asked.method.as_str(), &asked.path, matches, sent);
    let whose = [T::BUCKET, asked.by.as_str()];
    let bound = kept.requests.bind::<Outcome>(&whose, retry, &request).await;
    let bound = bound.map_err(|error| unclear(&error))?.map_err(|_| key::Key::used_before())?;
    if let Some(outcome) = bound.done {
        return Ok(Made { outcome, value: None, is_replayed: true });
    }
    let author = asked.author(Some(bound.write.clone()));
    let (outcome, value) = change(author, bound.write.clone()).await?;
    if let Err(error) = kept.requests.done(&bound, outcome.clone()).await {
        tracing::debug!(%error, "what came of a request is known by its change alone");
    }
    Ok(Made { outcome, value, is_replayed: false })
}

/// The answer to a change. One that was made before is answered with the record as it is now.
async fn answer<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: &Asked<T>,
    status: StatusCode,
    made: Made<T>,
) -> Result<Shown<T>, Problem> {
    let Made { outcome: Outcome { key, revision }, value, is_replayed } = made;
    let (value, revision) = match value {
        Some(value) => (value, revision),
        None => {
            let stored = Key::new(&key).map_err(|bad| Problem::bad_request(bad.to_string()))?;
            let found = kept.records().get(&stored).await.map_err(|error| unread(&error))?;
            let found = found.ok_or_else(|| {
                let (name, key) = (T::NAME, key.join("/"));
                Problem::not_found(format!(
                    "this request changed {name} {key}, which was deleted since"
                ))
            })?;
            (found.value, found.revision)
        }
    };
    Ok(Shown { is_replayed, ..Shown::new(status, &value, revision).to(asked) })
}

/// `POST`.
pub(super) async fn create<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: Asked<T>,
    sent: Sent<T>,
) -> Result<Shown<T>, Problem> {
    let made = once(kept, &asked, &sent.fields, async |author, id| {
        let mut fields = sent.fields.clone();
        if let Some(partner) = asked.partner() {
            fields.entry("partner").or_insert_with(|| partner.into());
        }
        // Whose it is has to be said.
        if let Some(last) = parts::<T>().last().filter(|last| *last != "partner") {
            fields.entry(last).or_insert_with(|| id.into());
        }
        let value = checked(fields)?;
        store(kept, &asked, value, When::Absent, &author).await
    })
    .await?;
    let location = Some(asked.href(&made.outcome.key));
    Ok(Shown { location, ..answer(kept, &asked, StatusCode::CREATED, made).await? })
}

/// `PUT`.
pub(super) async fn put<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: Asked<T>,
    sent: Sent<T>,
) -> Result<Shown<T>, Problem> {
    let conditions = asked.conditions()?;
    let when = match (conditions.is_absent, conditions.matches) {
        (true, _) => When::Absent,
        (false, Some(when)) => when,
        (false, None) => return Err(unconditional::<T>()),
    };
    let value = sent.value(&asked.parts)?;
    let made = once(kept, &asked, &sent.fields, async |author, _| {
        is_named(&asked, &value)?;
        store(kept, &asked, value, when, &author).await
    });
    if when != When::Absent {
        return answer(kept, &asked, StatusCode::OK, made.await?).await;
    }
    // It is where the request went.
    let location = Some(asked.href(&asked.parts));
    Ok(Shown { location, ..answer(kept, &asked, StatusCode::CREATED, made.await?).await? })
}

/// `PATCH`.
pub(super) async fn change<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: Asked<T>,
    sent: Sent<T>,
) -> Result<Shown<T>, Problem> {
    let matches = asked.conditions()?.matches;
    let key = asked.key()?;
    let made = once(kept, &asked, &sent.fields, async |author, _| {
        let mut stale = None;
        for _ in 0..ROUNDS {
            let found = kept.records().get(&key).await.map_err(|error| unread(&error))?;
            let found = found.ok_or_else(|| missing::<T>(&asked.parts))?;
            let mut fields = match serde_json::to_value(&found.value) {
                Ok(Value::Object(fields)) => fields,
                _ => Map::new(),
            };
            merge(&mut fields, &sent.fields);
            let value = checked::<T>(fields)?;
            is_named(&asked, &value)?;
            let is_free = !matches!(matches, Some(When::Is(_)));
            let when =
                if is_free { When::Is(found.revision) } else { matches.unwrap_or(When::Present) };
            match kept.records().replace(&key, value.clone(), when, &author).await {
                Ok(revision) => {
                    return Ok((Outcome { key: asked.parts.clone(), revision }, Some(value)));
                }
                Err(error @ WriteError::Stale(_)) if is_free => stale = Some(error),
                Err(error) => return Err(unwritten(&asked, &asked.parts, &error)),
            }
        }
        let busy = || Problem::unavailable("others change it all the time; try again");
        Err(stale.map_or_else(busy, |error| unwritten(&asked, &asked.parts, &error)))
    });
    answer(kept, &asked, StatusCode::OK, made.await?).await
}

/// `DELETE`.
pub(super) async fn delete<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: Asked<T>,
) -> Result<Gone, Problem> {
    let when = asked.conditions()?.matches.unwrap_or(When::Present);
    let key = asked.key()?;
    let nothing = Map::new();
    let made = once(kept, &asked, &nothing, async |author, _| {
        let deleted = kept.records().delete(&key, when, &author).await;
        let revision = deleted.map_err(|error| unwritten(&asked, &asked.parts, &error))?;
        Ok((Outcome { key: asked.parts.clone(), revision }, None))
    });
    Ok(Gone { is_replayed: made.await?.is_replayed })
}

/// 422 if the value has another key than the path.
fn is_named<T: Resource>(asked: &Asked<T>, value: &T) -> Result<(), Problem> {
    let key = key_of::<T>(&serde_json::to_value(value).unwrap_or_default());
    let differs =
        parts::<T>().zip(key.iter().zip(&asked.parts)).filter(|(_, (own, path))| own != path);
    let problem =
        differs.fold(Problem::invalid("nothing is changed"), |problem, (part, (own, path))| {
            problem.field(part, format!("is {own}, and the path says {path}"))
        });
    if problem.errors.is_empty() { Ok(()) } else { Err(problem) }
}

/// Writes a value under the key that it has.
async fn store<T: Resource, W: Wire>(
    kept: &Kept<T, W>,
    asked: &Asked<T>,
    value: T,
    when: When,
    author: &Author,
) -> Result<(Outcome, Option<T>), Problem> {
    let parts = key_of::<T>(&serde_json::to_value(&value).unwrap_or_default());
    asked.may_reach(&parts)?;
    let key = Key::new(&parts).map_err(|bad| Problem::invalid(bad.to_string()))?;
    let written = kept.records().replace(&key, value.clone(), when, author).await;
    let revision = written.map_err(|error| unwritten(asked, &parts, &error))?;
    Ok((Outcome { key: parts, revision }, Some(value)))
}
