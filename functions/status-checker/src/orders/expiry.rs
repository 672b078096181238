//! Which rows may have left the stream.

use std::collections::BTreeSet;

/// Which rows may have left the stream.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    /// As many rows, from the first one of the first chunk on, have their first message outside of the stream.
    pub(super) seen: u32,
    /// Those of them that are held: the sequence of their last message, as it was when they were seen, and
    /// their numbers.
    pub(super) late: BTreeSet<(u64, u32)>,
}
