//! Stretches of a file, and places in them.

/// A stretch of the file and, behind it, what its last record may need.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Records that begin before this are the block's.
    pub(crate) len: usize,
    /// Nothing is behind `bytes`.
    pub(crate) end: bool,
}

/// A place between two records, or inside a line that is too long and whose rest is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// In bytes from the start of the block; may be behind its end.
    pub(crate) at: usize,
    pub(crate) skipping: bool,
}

impl Point {
    pub(crate) fn record(at: usize) -> Self {
        Self { at, skipping: false }
    }
}
