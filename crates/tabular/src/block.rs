//! Blocks of a file, and positions in them.

/// A section of the file, with the following bytes that its last record may need.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Records that begin before this position belong to the block.
    pub(crate) len: usize,
    /// The file ends after `bytes`.
    pub(crate) end: bool,
}

/// A position between two records, or inside a line that is too long and whose rest is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// In bytes from the start of the block; may be after its end.
    pub(crate) at: usize,
    pub(crate) skipping: bool,
}

impl Point {
    pub(crate) fn record(at: usize) -> Self {
        Self { at, skipping: false }
    }
}
