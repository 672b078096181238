//! A handler of one event, for batches of them.

use futures_util::{StreamExt as _, stream};
use messaging::Event;
use runtime::events::{self, Answer, Batch};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Why an event is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// It never will be: it becomes a dead letter with this reason.
    Reject(String),
    /// It failed, and may go better another time: a failed attempt.
    Retry {
        /// Why, for the person who reads the dead letter.
        reason: String,
        /// Not before this time; the connector's own delay if nothing is said.
        after: Option<Duration>,
    },
    /// What it needs is away, or it is in work: no failed attempt, however long it lasts.
    Wait {
        /// What for.
        reason: String,
        /// When it comes again.
        after: Duration,
    },
}

/// Calls `handle` for each event whose type is one of `types`, and says what became of each.
///
/// At most `at_once` events are handled at the same time. Events of other types count as done. An event of one
/// of the types that cannot be read is rejected, with the field.
///
/// Ends when all have ended; the function's time-out holds for the batch.
pub async fn each<D, F>(
    batch: &Batch,
    types: &[&str],
    at_once: usize,
    handle: impl Fn(Event<D>) -> F,
) -> Answer
where
    D: DeserializeOwned,
    F: Future<Output = Result<(), NotDone>>,
{
    // A loop and no closure: the compiler cannot tell that one would take an event of any lifetime.
    let mut outcomes = Vec::with_capacity(batch.events.len());
    for given in &batch.events {
        outcomes.push(one(given, types, &handle));
    }
    let outcomes: Vec<_> = stream::iter(outcomes).buffered(at_once.max(1)).collect().await;
    let mut answer = Answer::done();
    for (given, outcome) in batch.events.iter().zip(outcomes) {
        match outcome {
            Ok(()) => {}
            Err(NotDone::Reject(reason)) => answer.reject(given, reason),
            Err(NotDone::Retry { reason, after }) => answer.retry(given, reason, after),
            Err(NotDone::Wait { reason, after }) => answer.wait(given, reason, after, 0),
        }
    }
    answer
}

async fn one<D: DeserializeOwned, F: Future<Output = Result<(), NotDone>>>(
    given: &events::Event,
    types: &[&str],
    handle: &impl Fn(Event<D>) -> F,
) -> Result<(), NotDone> {
    match read(given, types) {
        Ok(Some(event)) => handle(event).await,
        Ok(None) => Ok(()),
        Err(reason) => Err(NotDone::Reject(reason)),
    }
}

fn read<D: DeserializeOwned>(
    given: &events::Event,
    types: &[&str],
) -> Result<Option<Event<D>>, String> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "type")]
        kind: String,
    }
    let head: Head = given.parse().map_err(|error| format!("is no event: {error}"))?;
    if !types.contains(&head.kind.as_str()) {
        return Ok(None);
    }
    let mut reader = serde_json::Deserializer::from_str(given.raw().get());
    let read = serde_path_to_error::deserialize(&mut reader);
    read.map(Some).map_err(|error| format!("{}: {}", error.path(), error.inner()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, HeaderValue};
    use serde_json::json;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Deserialize)]
    struct Paid {
        cents: u32,
    }

    fn batch(events: &serde_json::Value) -> Batch {
        let kind = HeaderValue::from_static(events::BATCH_JSON);
        let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), kind)]);
        Batch::parse(&headers, events.to_string().as_bytes()).unwrap()
    }

    fn event(id: &str, kind: &str, data: &serde_json::Value) -> serde_json::Value {
        json!({"specversion": "1.0", "id": id, "source": "/x", "type": kind, "data": data})
    }

    #[tokio::test]
    async fn each_event_has_an_answer_of_its_own() {
        let batch = batch(&json!([
            event("1", "paid", &json!({"cents": 1})),
            event("2", "paid", &json!({"cents": -1})),
            event("3", "refunded", &json!("something else")),
            event("4", "paid", &json!({"cents": 4})),
            event("5", "paid", &json!({"cents": 5})),
        ]));
        let handled = AtomicUsize::new(0);
        let answer = each(&batch, &["paid"], 4, async |event: Event<Paid>| {
            handled.fetch_add(1, Ordering::Relaxed);
            match event.data.unwrap().cents {
                4 => Err(NotDone::Retry { reason: "no answer".into(), after: None }),
                5 => Err(NotDone::Wait { reason: "closed".into(), after: Duration::from_secs(9) }),
                _ => Ok(()),
            }
        })
        .await;
        assert_eq!(handled.into_inner(), 3);
        let said: Vec<_> = answer
            .failed
            .iter()
            .map(|failed| (failed.id.as_str(), failed.retry, failed.progress.is_some()))
            .collect();
        assert_eq!(said, [("2", false, false), ("4", true, false), ("5", true, true)]);
        assert!(answer.failed[0].reason.starts_with("data.cents: "), "{answer:?}");
    }
}
