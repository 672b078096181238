//! Remembers which rows were there already.

use domain::partner::Duplicates;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_128;

/// What stands for a row: 96 bits of its XXH3 hash.
///
/// Two different rows among n share one with a probability of about n² / 2⁹⁷: for 25 million rows
/// 4·10⁻¹⁵. (With 64 bits it would be 2 in 100,000, too often for an order to be lost.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u32; 3]);

impl Fingerprint {
    /// Of the bytes that two rows share exactly when they are equal.
    pub(crate) fn of(row: &[u8]) -> Self {
        let hash = xxh3_128(row).to_le_bytes();
        let word = |at: usize| {
            let bytes = hash.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_le_bytes(bytes.expect("16 bytes were hashed to"))
        };
        Self([word(0), word(4), word(8)])
    }

    fn shard(self) -> usize {
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

/// A set of a few thousand rows grows at a time, not one of millions: while a set grows, it is
/// there twice.
const SHARDS: usize = 256;

type Set = HashSet<Fingerprint, BuildHasherDefault<Same>>;

/// The rows seen, as far as they are compared with.
#[derive(Debug)]
pub(crate) enum Seen {
    /// None are.
    Off,
    /// Those of the order that the last row belongs to, without a break.
    Order { id: String, rows: Set },
    /// All.
    File { shards: Vec<Set> },
}

impl Seen {
    pub(crate) fn new(duplicates: Duplicates) -> Self {
        match duplicates {
            Duplicates::Off => Self::Off,
            Duplicates::PerOrder => Self::Order { id: String::new(), rows: Set::default() },
            Duplicates::WholeFile => Self::File { shards: vec![Set::default(); SHARDS] },
        }
    }

    /// Whether `row`, which belongs to `order`, is new.
    pub(crate) fn insert<'a>(&mut self, row: Fingerprint, order: impl Fn() -> &'a str) -> bool {
        match self {
            Self::Off => true,
            Self::Order { id, rows } => {
                if id != order() {
                    order().clone_into(id);
                    rows.clear();
                }
                rows.insert(row)
            }
            Self::File { shards } => {
                shards.get_mut(row.shard()).is_some_and(|shard| shard.insert(row))
            }
        }
    }
}

/// Part of a hash is a hash.
#[derive(Clone, Copy, Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64(bytes);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
