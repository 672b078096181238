//! Up to where a source was read.

use messaging::streams::identity::Identity;
use serde::{Deserialize, Serialize};

/// A message of a stream. What two copies of a stream hold at one sequence was not stored at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct At {
    pub(super) sequence: u64,
    /// When it was stored, milliseconds since 1970.
    pub(super) time_ms: i64,
}

/// In a checkpoint: up to here one source was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The stream, by its identity.
    pub(super) stream: String,
    pub(super) filter: String,
    #[serde(flatten)]
    pub(super) at: At,
}

/// What is known of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    pub(super) identity: Option<Identity>,
    /// Read and applied up to here, in all shards.
    pub(super) at: At,
    /// Where the stream ended when reading began.
    pub(super) end: u64,
    /// All was read that was there when reading began.
    pub(super) is_complete: bool,
    /// The stream is read as a whole, and `at` may be a message of another filter.
    pub(super) is_whole: bool,
    /// The first sequence that the stream still keeps.
    pub(super) kept_from: u64,
}

/// May a checkpoint at `new` take the place of one at `old`? It may not go back in any source. One of another
/// stream counts for nothing: the stream that is there was seen just now.
pub(super) fn replaces(new: &[Position], old: &[Position]) -> bool {
    let is_same =
        |(new, old): (&Position, &Position)| new.stream == old.stream && new.filter == old.filter;
    let both = || new.iter().zip(old);
    if new.len() != old.len() || !both().all(is_same) {
        return true;
    }
    both().all(|(new, old)| old.at.sequence <= new.at.sequence)
        && both().any(|(new, old)| old.at.sequence < new.at.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(stream: &str, sequences: [u64; 2]) -> Vec<Position> {
        let position = |sequence| Position {
            stream: stream.into(),
            filter: "f.>".into(),
            at: At { sequence, time_ms: 0 },
        };
        sequences.map(position).into()
    }

    #[test]
    fn a_checkpoint_never_goes_back() {
        let check = |new: [u64; 2], old: [u64; 2], expected: bool| {
            let found = replaces(&positions("a", new), &positions("a", old));
            assert_eq!(found, expected, "{new:?} in the place of {old:?}");
        };
        check([2, 2], [1, 2], true);
        check([2, 2], [2, 2], false);
        check([1, 2], [2, 2], false);
        check([3, 1], [2, 2], false);
        assert!(replaces(&positions("b", [1, 1]), &positions("a", [9, 9])), "of another stream");
        assert!(replaces(&positions("a", [1, 1]), &[]), "of other sources");
    }
}
