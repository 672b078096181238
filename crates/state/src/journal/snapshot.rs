//! Snapshots of the state, so that a start reads only the end of the journal. No IO.

use super::{Keys, Position};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What the entries up to `sequence` fold to, keys of applied commands included. The facts of all
/// of them are stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Snapshot<S> {
    /// The last entry that is in it.
    pub sequence: u64,
    /// Up to where the input is decided.
    pub decided_to: Option<Position>,
    /// When the first entry with the header of the journal's writers was decided; nothing if none
    /// has it, or if 0.1.0 wrote the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_since: Option<DateTime<Utc>>,
    /// The keys of the commands that were applied; nothing if 0.1.0 wrote the snapshot, which kept
    /// them in the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,
    /// The state.
    pub state: S,
}

impl<S> Snapshot<S> {
    /// As it is stored.
    ///
    /// # Panics
    /// The state has a map whose keys are no text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8>
    where
        S: Serialize,
    {
        serde_json::to_vec(self).expect("states have only string keys")
    }

    /// Reads what [`Snapshot::to_bytes`] made.
    ///
    /// # Errors
    /// It was made by a version whose state was another.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error>
    where
        S: DeserializeOwned,
    {
        serde_json::from_slice(bytes)
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String does not fail");
        hex
    })
}

/// A snapshot that was written, and read again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Saved {
    /// The last entry that is in it.
    pub sequence: u64,
    /// Who wrote it: two processes may write one of the same entry.
    pub id: String,
    /// Messages that it is cut into.
    pub chunks: usize,
    /// SHA-256 of the whole.
    pub sha256: String,
}

/// The snapshots of a journal: one value, replaced by compare-and-set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Head {
    /// The newest.
    pub current: Saved,
    /// The one before it, for the case that the newest cannot be read.
    pub previous: Option<Saved>,
}

impl Head {
    /// The head after `saved` was written; nothing if `saved` is no newer than what is there.
    pub(super) fn advance(before: Option<Self>, saved: Saved) -> Option<Self> {
        let Some(Self { current, .. }) = before else {
            return Some(Self { current: saved, previous: None });
        };
        let forward = current.sequence < saved.sequence;
        forward.then_some(Self { current: saved, previous: Some(current) })
    }

    /// Entries before this one may be removed; 0: none.
    ///
    /// A start from either snapshot reads the entry that it ends with, so that one stays, and with
    /// it the last entry of all.
    pub(super) fn trim_below(&self) -> u64 {
        self.previous.as_ref().map_or(0, |previous| previous.sequence)
    }
}

/// When a snapshot is due: entries and bytes since the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Entries.
    pub entries: u64,
    /// Bytes of these entries.
    pub bytes: u64,
}

impl Default for Interval {
    /// A start reads at most about 16 MiB: some 20,000 orders.
    fn default() -> Self {
        Self { entries: 10_000, bytes: 16 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(sequence: u64) -> Saved {
        Saved { sequence, id: "a".into(), chunks: 1, sha256: digest(b"") }
    }

    #[test]
    fn the_head_only_moves_forward_and_keeps_the_one_before() {
        let one = Head::advance(None, saved(5)).unwrap();
        assert_eq!((one.previous.clone(), one.trim_below()), (None, 0));
        for older in [4, 5] {
            assert_eq!(Head::advance(Some(one.clone()), saved(older)), None);
        }
        let two = Head::advance(Some(one), saved(9)).unwrap();
        assert_eq!((two.current.sequence, two.trim_below()), (9, 5));
    }

    #[test]
    fn the_digest_is_sha_256() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), of_nothing);
    }
}
