//! Why an entry does not fit onto what is known.

use super::Unreadable;

/// An entry that does not follow the last known one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("it follows {prev}, but {known} is the last known entry")]
pub(super) struct Hole {
    /// The entry that it says it follows.
    pub(super) prev: u64,
    /// The last known entry.
    pub(super) known: u64,
}

/// Another entry in the place of the last known one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "it is {found}, but {known} was read there before: another store answers. \
     If this one is right, start the process anew"
)]
pub(super) struct Other {
    found: String,
    known: String,
}

impl Other {
    pub(super) fn new(found: &str, known: &str) -> Self {
        Self { found: found.to_owned(), known: known.to_owned() }
    }
}

/// Why an entry cannot be folded.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) enum Misfit {
    Hole(#[from] Hole),
    Other(#[from] Other),
    Unknown(#[from] Unreadable),
}
