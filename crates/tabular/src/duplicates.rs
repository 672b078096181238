//! Remembers which rows were there already.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_128;

/// The rows seen, each by a hash of 128 bits.
///
/// Two different rows of a file share one with a probability of about n² / 2¹²⁹: for 25 million
/// rows 10⁻²⁴. (With 64 bits it would be 2 in 100,000, too often for an order to be lost.)
#[derive(Debug, Default)]
pub(crate) struct Seen {
    rows: HashSet<u128, BuildHasherDefault<Low>>,
}

impl Seen {
    /// Whether `row` is new.
    pub(crate) fn insert(&mut self, row: &[u8]) -> bool {
        self.rows.insert(xxh3_128(row))
    }
}

/// The low half of a hash is a hash.
#[derive(Default)]
struct Low(u64);

impl Hasher for Low {
    fn write_u128(&mut self, hash: u128) {
        self.0 = u64::try_from(hash & u128::from(u64::MAX)).expect("masked to 64 bits");
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64(bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
