//! A part of the state, and up to where it is applied.

use super::event::Event;
use super::position::At;
use super::recent::Recent;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Facts that a shard knows again. Checkpoints hold them.
const RECENT: usize = 2_048;
/// Most refused events that a shard keeps; of older ones only the number.
const REFUSED_MAX: usize = 20;
/// Most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 300;

/// An event that was passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stream.
    pub stream: String,
    /// Its sequence there.
    pub sequence: u64,
    /// Where it was published.
    pub subject: String,
    /// When it was stored, milliseconds since 1970.
    pub time_ms: i64,
    /// Why it does not count.
    pub reason: String,
}

/// Events that were passed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) count: u64,
    pub(super) newest: VecDeque<Refusal>,
}

impl Refused {
    /// Is it one of the first ones, which are worth a line in the log?
    pub(super) fn add(&mut self, stream: &str, event: &Event<'_>, reason: &str) -> bool {
        self.newest.push_back(Refusal {
            stream: stream.into(),
            sequence: event.sequence,
            subject: event.subject.into(),
            time_ms: event.time_ms,
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
        });
        if REFUSED_MAX < self.newest.len() {
            self.newest.pop_front();
        }
        self.count += 1;
        self.count <= REFUSED_MAX as u64
    }
}

/// One shard.
#[derive(Debug)]
pub(super) struct Shard<S> {
    pub(super) state: S,
    pub(super) refused: Refused,
    pub(super) recent: Recent<RECENT>,
    /// By source: the last event that changed it, or where its checkpoint ended if that is later.
    pub(super) applied: Vec<At>,
    /// By source: where its newest checkpoint ends, as far as is known.
    pub(super) saved: Vec<u64>,
    /// When that was written, milliseconds since 1970; 0: not known.
    pub(super) saved_ms: i64,
    /// This process wrote it.
    pub(super) is_own: bool,
}

impl<S: Default> Shard<S> {
    pub(super) fn new(sources: usize) -> Self {
        Self {
            state: S::default(),
            refused: Refused::default(),
            recent: Recent::default(),
            applied: vec![At::default(); sources],
            saved: vec![0; sources],
            saved_ms: 0,
            is_own: false,
        }
    }
}

impl<S> Shard<S> {
    /// Does its newest checkpoint hold all that is applied?
    pub(super) fn is_saved(&self) -> bool {
        self.saved.iter().zip(&self.applied).all(|(saved, applied)| applied.sequence <= *saved)
    }
}

/// What a checkpoint holds beside the positions.
#[derive(Serialize)]
pub(super) struct Body<'s, S> {
    pub(super) refused: &'s Refused,
    pub(super) recent: &'s Recent<RECENT>,
    pub(super) state: &'s S,
}

/// The same when it is read.
#[derive(Deserialize)]
pub(super) struct Read<S> {
    pub(super) refused: Refused,
    /// Earlier releases did not write them.
    #[serde(default)]
    pub(super) recent: Recent<RECENT>,
    pub(super) state: S,
}

/// FNV-1a: the same in every process and every version.
pub(super) fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

/// The shard of a key.
pub(super) fn of_key(key: &str, shards: usize) -> usize {
    let hash = hash(key.bytes());
    // The lower bits of FNV are the weaker ones.
    let mixed = hash ^ (hash >> 32);
    usize::try_from(mixed % shards.max(1) as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_shard_for_ever() {
        // Checkpoints depend on it: another answer needs another version of every fold.
        assert_eq!(["", "US1.1", "US1.2", "é"].map(|key| of_key(key, 64)), [1, 3, 58, 6]);
        let mut counts = [0_u32; 64];
        for number in 0..64_000 {
            counts[of_key(&format!("US1.{number}"), 64)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
