//! The answer of a function to a batch.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Event;
use crate::problem::Problem;

/// The result of a batch. Events that are not named are done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The events that are not done.
    #[serde(default)]
    pub failed: Vec<Failed>,
}

/// An event that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The `id` of the event.
    pub id: String,
    /// Its `sequence`, if it has one: events of several senders may have the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<String>,
    /// Why, for the person who reads the dead letter.
    pub reason: String,
    /// Whether a later attempt may succeed; true if absent.
    #[serde(default = "yes")]
    pub retry: bool,
    /// The earliest time of the next attempt: `"5s"`, `"250ms"`, `"2m"`.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "delay")]
    pub after: Option<Duration>,
    /// Progress in percent. The work goes on, so this does not count as a failed attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
}

/// The answer of an ordered function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedAnswer {
    /// Everything up to this sequence is decided, and the resulting facts are published.
    pub decided_to: u64,
}

/// The connector cannot use the answer; it tries the batch again.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// Not the expected JSON.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It names an event that was not sent.
    #[error("the answer names the event {id:?}, which was not sent")]
    UnknownId {
        /// The id.
        id: String,
    },
    /// It names a sequence that the event with this id does not have.
    #[error("the answer names the event {id:?} with the sequence {sequence:?}, which was not sent")]
    UnknownSequence {
        /// The event's id.
        id: String,
        /// The sequence.
        sequence: String,
    },
}

impl Answer {
    /// Nothing failed.
    pub fn done() -> Self {
        Self::default()
    }

    /// Reports an event for which a later attempt may succeed.
    pub fn retry(&mut self, event: &Event, reason: impl Into<String>, after: Option<Duration>) {
        self.failed.push(Failed { after, ..Failed::of(event, reason) });
    }

    /// Reports an event that waits for something else, or whose work takes longer than a call may;
    /// `percent` is the progress. Does not count as a failed attempt.
    pub fn wait(&mut self, event: &Event, reason: impl Into<String>, after: Duration, percent: u8) {
        let progress = Some(percent);
        self.failed.push(Failed { after: Some(after), progress, ..Failed::of(event, reason) });
    }

    /// Reports an event that can never succeed: it becomes a dead letter.
    pub fn reject(&mut self, event: &Event, reason: impl Into<String>) {
        self.failed.push(Failed { retry: false, ..Failed::of(event, reason) });
    }

    /// Reads the body of a 2xx answer; an empty body means that all is done. `was_sent` checks ids, and
    /// sequences of events that have them.
    ///
    /// # Errors
    /// If the body is anything else, or names an event for which `was_sent` returns false.
    pub fn parse(
        body: &[u8],
        was_sent: impl Fn(&str, Option<&str>) -> bool,
    ) -> Result<Self, AnswerError> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        /// `failed` is required: `{}` may be the answer of some other program.
        #[derive(Deserialize)]
        struct Strict {
            failed: Vec<Failed>,
        }
        let Strict { failed } = serde_json::from_slice(body)?;
        match failed.iter().find(|failed| !was_sent(&failed.id, failed.sequence.as_deref())) {
            None => Ok(Self { failed }),
            Some(Failed { id, sequence: Some(sequence), .. }) if was_sent(id, None) => {
                let (id, sequence) = (id.clone(), sequence.clone());
                Err(AnswerError::UnknownSequence { id, sequence })
            }
            Some(unknown) => Err(AnswerError::UnknownId { id: unknown.id.clone() }),
        }
    }
}

impl Failed {
    fn of(event: &Event, reason: impl Into<String>) -> Self {
        Self {
            id: event.id.clone(),
            sequence: event.sequence.clone(),
            reason: reason.into(),
            retry: true,
            after: None,
            progress: None,
        }
    }
}

impl OrderedAnswer {
    /// Reads the body of a 200 answer.
    ///
    /// # Errors
    /// If `decided_to` is missing.
    pub fn parse(body: &[u8]) -> Result<Self, AnswerError> {
        Ok(serde_json::from_slice(body)?)
    }

    /// Refuses a batch that does not continue the function's position: 409 with that position.
    /// [`OrderedAnswer::parse`] can read its body.
    pub fn conflict(self, detail: impl Into<String>) -> Problem {
        Problem::conflict(detail).with("decided_to", self.decided_to)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl IntoResponse for OrderedAnswer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

fn yes() -> bool {
    true
}

/// A time as text: a whole number and its unit.
mod delay {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        delay: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match delay {
            None => serializer.serialize_none(),
            Some(delay) if delay.subsec_nanos() == 0 => {
                serializer.collect_str(&format_args!("{}s", delay.as_secs()))
            }
            Some(delay) => serializer.collect_str(&format_args!("{}ms", delay.as_millis())),
        }
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Duration>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let delay = parse(&text);
        let error = || D::Error::custom(format!("{text:?} is not a time such as \"5s\""));
        delay.map(Some).ok_or_else(error)
    }

    fn parse(text: &str) -> Option<Duration> {
        let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
        let number: u64 = number.parse().ok()?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            _ => None,
        }
    }
}
