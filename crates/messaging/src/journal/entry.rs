//! What a journal's messages hold.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Up to which message of an input everything is decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The input stream.
    pub stream: String,
    /// Which stream of that name, see [`crate::streams::identity`]. Version 0.1.0 wrote the server's
    /// creation time, under the name `created`.
    #[serde(alias = "created")]
    pub identity: String,
    /// The filter under which it is read.
    pub filter: String,
    /// The last sequence that is decided.
    pub sequence: u64,
}

/// A decision: what most messages of a journal are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry<B> {
    /// Unique; the facts of the entry carry it.
    pub id: String,
    /// Sequence of the entry before it in the same journal, 0 for the first.
    pub prev: u64,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Up to where the input is decided; entries that are no decision on input repeat the last.
    pub decided_to: Option<Position>,
    /// What was decided.
    pub body: B,
}

/// A new position in the input, set by an operator after the input stream was made anew or
/// restored. It decides nothing and has no facts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Rebase {
    /// Unique.
    pub id: String,
    /// Sequence of the entry before it in the same journal, 0 for the first.
    pub prev: u64,
    /// When it was set.
    pub at: DateTime<Utc>,
    /// Where the input goes on.
    pub decided_to: Position,
    /// Why, in the operator's words. Its name in the message tells it from a decision.
    #[serde(rename = "rebase")]
    pub reason: String,
}

/// One message of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record<B> {
    /// It decides something.
    Decision(Entry<B>),
    /// It moves the position in the input.
    Rebase(Rebase),
}

/// Both kinds, as they stand in a message. No untagged enum: that would lose raw JSON in bodies.
#[derive(Deserialize)]
struct Wire<B> {
    id: String,
    prev: u64,
    at: DateTime<Utc>,
    decided_to: Option<Position>,
    #[serde(default = "none")]
    body: Option<B>,
    rebase: Option<String>,
}

fn none<B>() -> Option<B> {
    None
}

/// A message is no entry of this journal.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or a field is missing or of an unknown kind.
    #[error("entry of an unknown kind: {0}")]
    Json(#[from] serde_json::Error),
    /// It has neither or both of `body` and `rebase`, or a rebase without a position.
    #[error("entry of an unknown kind: it is neither a decision nor a rebase")]
    Kind,
}

impl<B> Record<B> {
    /// Reads a message.
    ///
    /// # Errors
    /// It is of a kind that this version does not know; whoever reads it must stop.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable>
    where
        B: DeserializeOwned,
    {
        let Wire { id, prev, at, decided_to, body, rebase } = serde_json::from_slice(bytes)?;
        match (body, rebase, decided_to) {
            (Some(body), None, decided_to) => {
                Ok(Self::Decision(Entry { id, prev, at, decided_to, body }))
            }
            (None, Some(reason), Some(decided_to)) => {
                Ok(Self::Rebase(Rebase { id, prev, at, decided_to, reason }))
            }
            _ => Err(Unreadable::Kind),
        }
    }

    /// The message.
    ///
    /// # Panics
    /// The body has a map whose keys are no text.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes
    where
        B: Serialize,
    {
        let bytes = match self {
            Self::Decision(entry) => serde_json::to_vec(entry),
            Self::Rebase(rebase) => serde_json::to_vec(rebase),
        };
        bytes.expect("entries have only string keys").into()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Decision(entry) => &entry.id,
            Self::Rebase(rebase) => &rebase.id,
        }
    }

    /// Sequence of the entry before it, 0 for the first.
    #[must_use]
    pub fn prev(&self) -> u64 {
        match self {
            Self::Decision(entry) => entry.prev,
            Self::Rebase(rebase) => rebase.prev,
        }
    }

    /// When it was written.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Decision(entry) => entry.at,
            Self::Rebase(rebase) => rebase.at,
        }
    }

    /// Up to where the input is decided.
    #[must_use]
    pub fn decided_to(&self) -> Option<&Position> {
        match self {
            Self::Decision(entry) => entry.decided_to.as_ref(),
            Self::Rebase(rebase) => Some(&rebase.decided_to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn position() -> Position {
        Position { stream: "IN".into(), identity: "now".into(), filter: "in.>".into(), sequence: 7 }
    }

    #[test]
    fn both_kinds_survive_the_way_through_a_message() {
        let at = DateTime::UNIX_EPOCH;
        let entry =
            Entry { id: "a".into(), prev: 3, at, decided_to: Some(position()), body: vec![1] };
        let rebase = Rebase {
            id: "b".into(),
            prev: 4,
            at,
            decided_to: position(),
            reason: "restored".into(),
        };
        for record in [Record::Decision(entry), Record::Rebase(rebase)] {
            assert_eq!(Record::<Vec<i64>>::parse(&record.to_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn a_position_of_version_0_1_0_is_read() {
        let old = r#"{"stream":"IN","created":"now","filter":"in.>","sequence":7}"#;
        assert_eq!(serde_json::from_str::<Position>(old).unwrap(), position());
        let new = serde_json::to_string(&position()).unwrap();
        assert!(new.contains(r#""identity":"now""#), "{new}");
    }

    #[test]
    fn a_body_keeps_raw_json_as_it_was_written() {
        let given =
            br#"{"id":"a","prev":0,"at":"1970-01-01T00:00:00Z","decided_to":null,"body":[ 1.50 ]}"#;
        let Record::Decision(entry) = Record::<Box<RawValue>>::parse(given).unwrap() else {
            panic!("it is a decision");
        };
        assert_eq!(entry.body.get(), "[ 1.50 ]");
    }

    #[test]
    fn what_is_neither_or_both_is_unknown() {
        let head = r#"{"id":"a","prev":0,"at":"1970-01-01T00:00:00Z""#;
        for rest in [
            "}",
            r#","body":1"#,
            r#","rebase":"why"}"#,
            r#","decided_to":null,"rebase":"why"}"#,
            r#","decided_to":{"stream":"IN","identity":"","filter":"","sequence":1},"rebase":"why","body":1}"#,
            r#","body":"text"}"#,
        ] {
            assert!(Record::<i64>::parse(format!("{head}{rest}").as_bytes()).is_err(), "{rest}");
        }
    }
}
