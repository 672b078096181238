//! Why a record is not read or written.

use super::{Key, RECORD_BYTES_MAX, Revision, UNIQUE_MAX};
use crate::wire::Unclear;

/// A record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server did not answer; a write may have happened.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// The value is not what this version writes.
    #[error("{subject} cannot be read: a newer version or somebody else wrote it; {NEXT}")]
    Unreadable {
        /// Where it stands.
        subject: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}

const NEXT: &str = "update this function, or delete that key of the bucket";

/// The record is not at the revision that the write names: 412.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the record has changed since it was read ({}); read it again and repeat the change",
    now(*current)
)]
pub struct Stale {
    /// Its revision now; nothing if it is not there.
    pub current: Option<Revision>,
}

fn now(current: Option<Revision>) -> String {
    current.map_or_else(|| "it was deleted".into(), |revision| format!("revision {revision} now"))
}

/// Another record is in the way: 409.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// There is a record with this key.
    #[error(
        "there is one with this key already (revision {revision}); change that, or use another key"
    )]
    Exists {
        /// Its revision.
        revision: Revision,
    },
    /// Another record holds a second key.
    #[error("{name} is taken by {owner}; use another, or change that one first")]
    Taken {
        /// Which kind of second key.
        name: String,
        /// The record that holds it.
        owner: Key,
    },
}

/// A record was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It is at another revision: 412.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// Another record is in the way: 409.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// It is not there: 404.
    #[error("there is no such record")]
    Missing,
    /// It is too large: 413 or 422.
    #[error("the record has {bytes} bytes as JSON, the limit is {RECORD_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It has too many second keys: 422.
    #[error("the record has {count} second keys, the limit is {UNIQUE_MAX}")]
    TooManyUnique {
        /// How many.
        count: usize,
    },
    /// It could not be read, or there was no answer: 503, and the write may have happened.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<Unclear> for WriteError {
    fn from(unclear: Unclear) -> Self {
        Self::Store(unclear.into())
    }
}
