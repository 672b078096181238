//! What stands in the bucket for a record, and how one entry follows another.

use super::{Author, Change, Found, Record, Revision};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// A record's entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: serde::de::DeserializeOwned"))]
pub(super) struct Entry<T> {
    /// Nothing where it was deleted, or only proposed so far.
    pub(super) value: Option<T>,
    /// The change that made the value so; nothing where this entry is that change.
    revision: Option<Revision>,
    /// What tells that change from others.
    write: String,
    by: String,
    at: DateTime<Utc>,
    /// The changes before it, the newest last, so that their writers learn that they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Earlier>,
    /// Sequence of the record's last event, 0 if there was none.
    pub(super) told: u64,
    /// The event of the change, until it is known to be stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) owed: Option<Owed>,
    /// Claims that the record may still have and no longer needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) release: Vec<String>,
    /// A change that waits for its second keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proposed: Option<Proposed<T>>,
    /// The last proposed change that did not get them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
}

/// A change that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Earlier {
    write: String,
    revision: Revision,
}

/// Changes before the last one that are remembered.
const EARLIER_MAX: usize = 8;

/// What an event says that the entry does not hold otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Owed {
    pub(super) change: Change,
    pub(super) fields: Vec<String>,
}

/// A change that is not made yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Proposed<T> {
    pub(super) value: T,
    pub(super) write: String,
    by: String,
    at: DateTime<Utc>,
}

/// Why a proposed change was not made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    /// Which one.
    pub(super) write: String,
    /// Name of the second key that it did not get. Not the key itself, which may be personal; the first form
    /// had it behind the name.
    #[serde(alias = "claim", deserialize_with = "before_dot")]
    pub(super) name: String,
    /// The record that has it.
    pub(super) owner: String,
}

/// The part before the first dot.
fn before_dot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut text = String::deserialize(deserializer)?;
    text.truncate(text.find('.').unwrap_or(text.len()));
    Ok(text)
}

impl<T: Record> Entry<T> {
    /// Which change it shows; `sequence` is its own.
    pub(super) fn revision(&self, sequence: u64) -> Revision {
        self.revision.unwrap_or(Revision(sequence))
    }

    /// The revision of a change, if it is the last one or not long before it.
    pub(super) fn revision_of(&self, write: &str, sequence: u64) -> Option<Revision> {
        if self.write == write {
            return Some(self.revision(sequence));
        }
        self.earlier.iter().find(|earlier| earlier.write == write).map(|earlier| earlier.revision)
    }

    pub(super) fn found(self, sequence: u64) -> Option<Found<T>> {
        let revision = self.revision(sequence);
        self.value.map(|value| Found { value, revision, by: self.by, at: self.at })
    }

    pub(super) fn by(&self) -> (&str, DateTime<Utc>) {
        (&self.by, self.at)
    }

    /// Does the record hold this claim?
    pub(super) fn holds(&self, claim: &str) -> bool {
        claims(self.value.as_ref()).contains(claim)
    }

    /// Does it hold it, or will it if it gets all that it has proposed?
    pub(super) fn needs(&self, claim: &str) -> bool {
        let proposed = self.proposed.as_ref().map(|proposed| &proposed.value);
        self.holds(claim) || claims(proposed).contains(claim)
    }

    /// Is there nothing left to do?
    pub(super) fn is_settled(&self) -> bool {
        self.proposed.is_none() && self.owed.is_none() && self.release.is_empty()
    }

    /// Was all that was ever proposed refused? Then there is no record, and never was.
    pub(super) fn is_void(&self) -> bool {
        self.value.is_none() && self.revision == Some(Revision(0)) && self.is_settled()
    }

    /// Claims of `value` that the record does not hold, in the order in which they are claimed.
    pub(super) fn lacks(before: Option<&Self>, value: &T) -> BTreeSet<String> {
        let held = claims(before.and_then(|before| before.value.as_ref()));
        claims(Some(value)).difference(&held).cloned().collect()
    }

    /// The change from `before`, which has that sequence, to `value`, made.
    pub(super) fn made(
        before: Option<(&Self, u64)>,
        value: Option<T>,
        write: &str,
        author: &Author,
    ) -> Self {
        let mut earlier = before.map_or_else(Vec::new, |(before, _)| before.earlier.clone());
        let last = before.filter(|(before, _)| !before.write.is_empty());
        earlier.extend(last.map(|(before, sequence)| Earlier {
            write: before.write.clone(),
            revision: before.revision(sequence),
        }));
        earlier.drain(..earlier.len().saturating_sub(EARLIER_MAX));
        let before = before.map(|(before, _)| before);
        let old = before.and_then(|before| before.value.as_ref());
        let change = match (old, &value) {
            (_, None) => Change::Deleted,
            (None, Some(_)) => Change::Created,
            (Some(_), Some(_)) => Change::Changed,
        };
        let kept = claims(value.as_ref());
        let release = claims(old).difference(&kept).cloned().collect();
        let fields = fields(old, value.as_ref());
        Self {
            value,
            revision: None,
            write: write.to_owned(),
            by: author.by.clone(),
            at: author.at,
            earlier,
            told: before.map_or(0, |before| before.told),
            owed: Some(Owed { change, fields }),
            release,
            proposed: None,
            refused: None,
        }
    }

    /// What stands there while a change waits for its second keys: the value as it was.
    pub(super) fn proposing(
        before: Option<(&Self, u64)>,
        value: T,
        write: &str,
        author: &Author,
    ) -> Self {
        let (by, at) = (author.by.clone(), author.at);
        let proposed = Proposed { value, write: write.to_owned(), by: by.clone(), at };
        match before {
            Some((before, sequence)) => Self {
                revision: Some(before.revision(sequence)),
                proposed: Some(proposed),
                refused: None,
                ..before.clone()
            },
            None => Self {
                value: None,
                revision: Some(Revision(0)),
                write: String::new(),
                by,
                at,
                earlier: Vec::new(),
                told: 0,
                owed: None,
                release: Vec::new(),
                proposed: Some(proposed),
                refused: None,
            },
        }
    }

    /// The proposed change, made; `sequence` is that of what stands there now.
    pub(super) fn accepted(&self, sequence: u64, proposed: &Proposed<T>) -> Self {
        let author = Author { by: proposed.by.clone(), at: proposed.at, key: None };
        let value = Some(proposed.value.clone());
        Self::made(Some((self, sequence)), value, &proposed.write, &author)
    }

    /// Without the proposed change, for which `refused` says why.
    pub(super) fn rejected(&self, proposed: &Proposed<T>, refused: Refused) -> Self {
        let release = Self::lacks(Some(self), &proposed.value).into_iter().collect();
        Self { proposed: None, release, refused: Some(refused), ..self.clone() }
    }

    /// With nothing left to do; `sequence` is its own before.
    pub(super) fn settled(self, sequence: u64, told: u64) -> Self {
        let revision = Some(self.revision(sequence));
        Self { revision, told, owed: None, release: Vec::new(), ..self }
    }
}

fn claims<T: Record>(value: Option<&T>) -> BTreeSet<String> {
    value.map(|value| value.unique().iter().map(super::Unique::key).collect()).unwrap_or_default()
}

/// Names of the fields that differ. A value that is no JSON object has none.
fn fields<T: Record>(before: Option<&T>, after: Option<&T>) -> Vec<String> {
    let members = |value: Option<&T>| match value.map(json) {
        Some(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (members(before), members(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// A value as JSON.
pub(super) fn json<T: Record>(value: &T) -> Value {
    serde_json::to_value(value).expect("values have only string keys")
}
