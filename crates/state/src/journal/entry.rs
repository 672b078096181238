//! What a journal's messages hold.

use super::keys::BoundKey;
use super::skipped::Skip;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use messaging::Event;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Up to which message of an input everything is decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The input stream.
    pub stream: String,
    /// Which stream of that name, see [`messaging::streams::identity`]. Version 0.1.0 wrote the server's
    /// creation time, under the name `created`.
    #[serde(alias = "created")]
    pub identity: String,
    /// The filter under which it is read.
    pub filter: String,
    /// The last sequence that is decided.
    pub sequence: u64,
}

/// What a message of a journal says. `T` is what is particular to its kind: the body of a decision,
/// a [`Skip`], a [`Quiet`] or a [`Rebase`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry<T> {
    /// Unique; the facts of the entry carry it.
    pub id: String,
    /// Sequence of the entry before it in the same journal, 0 for the first.
    pub prev: u64,
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// Up to where the input is decided; entries that are no decision on input repeat the last.
    pub decided_to: Option<Position>,
    /// The key of the command that wrote it, as [`super::BoundKey`] writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What was decided.
    pub body: T,
}

/// Nothing stands under the input's filter between the position before and this one. It decides
/// nothing and has no facts; without it the input's retention would pass the position of an idle lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quiet;

/// A new position in the input, set by an operator after the input stream was made again or
/// restored. It decides nothing and has no facts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rebase {
    /// Why, in the operator's words.
    pub reason: String,
}

/// One message of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record<B> {
    /// It decides something that the journal's book knows.
    Decision(Entry<B>),
    /// It passes over a message of the input.
    Skip(Entry<Box<Skip>>),
    /// It moves the position over what is not under the input's filter.
    Quiet(Entry<Quiet>),
    /// It sets the position.
    Rebase(Entry<Rebase>),
}

/// Something that is to be written: all of an entry but what the journal adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<B> {
    /// What it says.
    pub what: What<B>,
    /// Up to where the input is decided by it; nothing if it does not concern the input.
    pub decided_to: Option<Position>,
    /// The key of the command that it carries out.
    pub key: Option<BoundKey>,
}

/// The kinds of [`Record`], as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What<B> {
    /// A decision.
    Decision(B),
    /// A message is passed over.
    Skip(Skip),
    /// The position moves over nothing.
    Quiet,
    /// The position is set, for this reason.
    Rebase(String),
}

/// All kinds, as they stand in a message: the name of a field tells them apart. No untagged enum: that
/// would lose raw JSON in bodies.
#[derive(Deserialize)]
struct Read<B> {
    id: String,
    prev: u64,
    at: DateTime<Utc>,
    decided_to: Option<Position>,
    key: Option<String>,
    #[serde(default = "none")]
    body: Option<B>,
    skip: Option<Box<Skip>>,
    quiet: Option<bool>,
    rebase: Option<String>,
}

fn none<B>() -> Option<B> {
    None
}

/// An entry that is no decision, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    prev: u64,
    at: DateTime<Utc>,
    decided_to: Option<&'a Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skip: Option<&'a Skip>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebase: Option<&'a str>,
}

/// A message is no entry of this journal.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or a field is missing or of an unknown kind.
    #[error("entry of an unknown kind: {0}")]
    Json(#[from] serde_json::Error),
    /// It has none or more than one of `body`, `skip`, `quiet` and `rebase`, or no position where it
    /// needs one.
    #[error("entry of an unknown kind: it is no decision, skip, quiet or rebase")]
    Kind,
}

impl<T> Entry<T> {
    /// The same entry about something else.
    fn with<U>(self, body: U) -> Entry<U> {
        let Self { id, prev, at, decided_to, key, body: _ } = self;
        Entry { id, prev, at, decided_to, key, body }
    }

    /// An event that follows from this entry: `part` tells it from the others of the same entry, the
    /// time is that of the decision.
    #[must_use]
    pub fn event<D>(
        &self,
        part: &str,
        source: &str,
        kind: &str,
        subject: &str,
        data: D,
    ) -> Event<D> {
        let mut event = Event::new(format!("{}:{part}", self.id), source, kind, subject, data);
        event.time = Some(self.at);
        event
    }

    fn written(&self) -> Written<'_> {
        Written {
            id: &self.id,
            prev: self.prev,
            at: self.at,
            decided_to: self.decided_to.as_ref(),
            key: self.key.as_deref(),
            skip: None,
            quiet: None,
            rebase: None,
        }
    }
}

impl<B> Record<B> {
    /// What is written as an entry behind `prev`.
    pub(super) fn new(id: String, prev: u64, at: DateTime<Utc>, draft: Draft<B>) -> Self {
        let Draft { what, decided_to, key } = draft;
        let key = key.map(|key| key.as_str().to_owned());
        let head = Entry { id, prev, at, decided_to, key, body: () };
        match what {
            What::Decision(body) => Self::Decision(head.with(body)),
            What::Skip(skip) => Self::Skip(head.with(Box::new(skip))),
            What::Quiet => Self::Quiet(head.with(Quiet)),
            What::Rebase(reason) => Self::Rebase(head.with(Rebase { reason })),
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// It is of a kind that this version does not know; whoever reads it must stop.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable>
    where
        B: DeserializeOwned,
    {
        let Read { id, prev, at, decided_to, key, body, skip, quiet, rebase } =
            serde_json::from_slice(bytes)?;
        let moves = decided_to.is_some();
        let head = Entry { id, prev, at, decided_to, key, body: () };
        match (body, skip, quiet, rebase) {
            (Some(body), None, None, None) => Ok(Self::Decision(head.with(body))),
            (None, Some(skip), None, None) => Ok(Self::Skip(head.with(skip))),
            (None, None, Some(true), None) if moves => Ok(Self::Quiet(head.with(Quiet))),
            (None, None, None, Some(reason)) if moves => {
                Ok(Self::Rebase(head.with(Rebase { reason })))
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
            Self::Skip(entry) => {
                serde_json::to_vec(&Written { skip: Some(&*entry.body), ..entry.written() })
            }
            Self::Quiet(entry) => {
                serde_json::to_vec(&Written { quiet: Some(true), ..entry.written() })
            }
            Self::Rebase(entry) => {
                serde_json::to_vec(&Written { rebase: Some(&entry.body.reason), ..entry.written() })
            }
        };
        bytes.expect("entries have only string keys").into()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Decision(Entry { id, .. })
            | Self::Skip(Entry { id, .. })
            | Self::Quiet(Entry { id, .. })
            | Self::Rebase(Entry { id, .. }) => id,
        }
    }

    /// Sequence of the entry before it, 0 for the first.
    #[must_use]
    pub fn prev(&self) -> u64 {
        match self {
            Self::Decision(Entry { prev, .. })
            | Self::Skip(Entry { prev, .. })
            | Self::Quiet(Entry { prev, .. })
            | Self::Rebase(Entry { prev, .. }) => *prev,
        }
    }

    /// When it was written.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Decision(Entry { at, .. })
            | Self::Skip(Entry { at, .. })
            | Self::Quiet(Entry { at, .. })
            | Self::Rebase(Entry { at, .. }) => *at,
        }
    }

    /// Up to where the input is decided.
    #[must_use]
    pub fn decided_to(&self) -> Option<&Position> {
        match self {
            Self::Decision(Entry { decided_to, .. })
            | Self::Skip(Entry { decided_to, .. })
            | Self::Quiet(Entry { decided_to, .. })
            | Self::Rebase(Entry { decided_to, .. }) => decided_to.as_ref(),
        }
    }

    /// The key of the command that wrote it, where the entry itself has it.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Decision(Entry { key, .. })
            | Self::Skip(Entry { key, .. })
            | Self::Quiet(Entry { key, .. })
            | Self::Rebase(Entry { key, .. }) => key.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::InForce;
    use serde_json::value::RawValue;
    use std::collections::BTreeMap;

    fn position() -> Position {
        Position { stream: "IN".into(), identity: "now".into(), filter: "in.>".into(), sequence: 7 }
    }

    #[test]
    fn every_kind_survives_the_way_through_a_message() {
        let skip = Skip {
            sequence: 8,
            subject: "in.8".into(),
            kind: None,
            headers: [("Orderflow-Attempt".to_owned(), "2".to_owned())].into(),
            reason: "broken".into(),
            in_force: Some(InForce { sequence: 3, headers: BTreeMap::new() }),
        };
        for what in [
            What::Decision(vec![1]),
            What::Skip(skip),
            What::Quiet,
            What::Rebase("restored".into()),
        ] {
            let draft = Draft {
                what,
                decided_to: Some(position()),
                key: Some(BoundKey::new("k", &"command")),
            };
            let record = Record::new("a".into(), 3, DateTime::UNIX_EPOCH, draft);
            assert_eq!(Record::<Vec<i64>>::parse(&record.to_bytes()).unwrap(), record);
        }
    }

    #[test]
    fn entries_of_version_0_1_0_are_read() {
        let head = r#""id":"a","prev":3,"at":"1970-01-01T00:00:00Z","decided_to":{"stream":"IN",
            "created":"now","filter":"in.>","sequence":7}"#;
        let read = |rest: &str| Record::<i64>::parse(format!("{{{head},{rest}}}").as_bytes());
        let record = |what| {
            let draft = Draft { what, decided_to: Some(position()), key: None };
            Record::new("a".into(), 3, DateTime::UNIX_EPOCH, draft)
        };
        assert_eq!(read(r#""body":5"#).unwrap(), record(What::Decision(5)));
        let rebase = What::Rebase("restored".into());
        assert_eq!(read(r#""rebase":"restored""#).unwrap(), record(rebase));
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
    fn what_is_of_no_kind_or_of_two_is_unknown() {
        let head = r#"{"id":"a","prev":0,"at":"1970-01-01T00:00:00Z""#;
        for rest in [
            "}",
            r#","body":1"#,
            r#","rebase":"why"}"#,
            r#","decided_to":null,"rebase":"why"}"#,
            r#","decided_to":{"stream":"IN","identity":"","filter":"","sequence":1},"rebase":"why","body":1}"#,
            r#","body":"text"}"#,
            r#","quiet":true}"#,
            r#","decided_to":{"stream":"IN","identity":"","filter":"","sequence":1},"quiet":false}"#,
        ] {
            assert!(Record::<i64>::parse(format!("{head}{rest}").as_bytes()).is_err(), "{rest}");
        }
    }
}
