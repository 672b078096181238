//! Fingerprints of rows, and sets of them.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The fingerprint of a row: 96 bits of its XXH3 hash.
///
/// The probability that any two of n different rows collide is about n² / 2⁹⁷: for 25 million rows
/// 4·10⁻¹⁵. (With 64 bits it would be 2 in 100,000, too often for losing an order.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint([u32; 3]);

impl Fingerprint {
    /// The fingerprint of bytes that are equal for two rows exactly when the rows are equal.
    pub(crate) fn of(row: &[u8]) -> Self {
        let hash = xxh3_128(row).to_le_bytes();
        Self::from_bytes(*hash.first_chunk().expect("16 bytes were hashed to"))
    }

    pub(crate) fn from_bytes(bytes: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        Self([[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_le_bytes))
    }

    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let [[a, b, c, d], [e, f, g, h], [i, j, k, l]] = self.0.map(u32::to_le_bytes);
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }

    /// The first `bits` of the value by which fingerprints are ordered.
    pub(crate) fn top_bits(self, bits: u32) -> u32 {
        let [first, ..] = self.0;
        first >> (u32::BITS - bits)
    }

    /// Three independent hashes of the row.
    pub(crate) fn hashes(self) -> [u64; 3] {
        let [a, b, c] = self.0.map(u64::from);
        [a | b << 32, b | c << 32, c | a << 32]
    }

    pub(crate) fn shard(self) -> usize {
        let [first, ..] = self.0;
        first as usize % SHARDS
    }
}

impl std::hash::Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [_, low, high] = self.0;
        state.write_u64(u64::from(low) | u64::from(high) << 32);
    }
}

/// A growing set is temporarily in memory twice, so sets of a few thousand rows grow one at a time
/// instead of one set of millions. The same applies to the list of all rows.
pub(crate) const SHARDS: usize = 256;
pub(crate) const CHUNK_ROWS: usize = 1 << 14;
/// A larger set is not reused for the next order, because clearing it would take too long.
pub(crate) const RUN_SET_MAX: usize = 1 << 12;

pub(crate) type Set = HashSet<Fingerprint, BuildHasherDefault<Same>>;

/// Upper limits in bytes, with free capacity: of a row in the list, of a row in a set, and of an order
/// among all orders.
pub(crate) const LISTED_BYTES: usize = size_of::<Fingerprint>();
pub(crate) const SET_BYTES: usize = 30;
pub(crate) const ORDER_BYTES: usize = 58;
pub(crate) fn empty(rows: &mut Set) {
    if rows.capacity() > RUN_SET_MAX {
        *rows = Set::default();
    }
    rows.clear();
}

pub(crate) fn insert(shards: &mut [Set], row: Fingerprint) -> bool {
    shards.get_mut(row.shard()).is_some_and(|shard| shard.insert(row))
}

/// Uses a part of the fingerprint as the hash.
#[derive(Clone, Copy, Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
