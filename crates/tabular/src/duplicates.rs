//! Remembers which rows were there already.
//!
//! Equal rows have the same order, and a file mostly has an order's rows together. So a row is
//! compared with those of its order's run only, in a small set that stays in the cache; of an order
//! that is over only a list is kept. Where an order comes again, its rows move to one large set, and
//! are compared there from then on.

use domain::partner::Duplicates;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

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
/// there twice. The same goes for the list of all rows.
const SHARDS: usize = 256;
const CHUNK_ROWS: usize = 1 << 14;
/// A set of more rows than this is not kept for the next order: to empty it would take as long.
const RUN_SET_MAX: usize = 1 << 12;

type Set = HashSet<Fingerprint, BuildHasherDefault<Same>>;

/// The rows seen, as far as they are compared with.
#[derive(Debug)]
pub(crate) enum Seen {
    /// None are.
    Off,
    /// Those of the order that the last row belongs to, without a break.
    Order { id: String, rows: Set },
    /// All.
    File(Box<File>),
}

impl Seen {
    pub(crate) fn new(duplicates: Duplicates) -> Self {
        match duplicates {
            Duplicates::Off => Self::Off,
            Duplicates::PerOrder => Self::Order { id: String::new(), rows: Set::default() },
            Duplicates::WholeFile => Self::File(Box::default()),
        }
    }

    /// Whether `row`, which belongs to `order`, is new.
    pub(crate) fn insert(&mut self, row: Fingerprint, order: &str) -> bool {
        match self {
            Self::Off => true,
            Self::Order { id, rows } => {
                if id != order {
                    order.clone_into(id);
                    empty(rows);
                }
                rows.insert(row)
            }
            Self::File(file) => file.insert(row, order),
        }
    }
}

fn empty(rows: &mut Set) {
    if rows.capacity() > RUN_SET_MAX {
        *rows = Set::default();
    }
    rows.clear();
}

/// All rows of a file.
#[derive(Debug)]
pub(crate) struct File {
    /// The order of the last row, and its key.
    order: String,
    key: u64,
    /// Its rows, if it was not there before.
    run: Option<Run>,
    run_rows: Set,
    /// Orders that are over. Two with one key are taken for one that came again, which is slower
    /// and nothing else.
    orders: HashMap<u64, Order, BuildHasherDefault<Same>>,
    /// Rows of orders that came once.
    once: Vec<Vec<Fingerprint>>,
    /// Rows of orders that came again.
    again: Vec<Set>,
}

/// Rows that stand together in the list.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u32,
    len: u32,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Once(Run),
    Again,
}

impl Default for File {
    fn default() -> Self {
        Self {
            order: String::new(),
            key: 0,
            run: None,
            run_rows: Set::default(),
            orders: HashMap::default(),
            once: Vec::new(),
            again: vec![Set::default(); SHARDS],
        }
    }
}

impl File {
    fn insert(&mut self, row: Fingerprint, order: &str) -> bool {
        if self.order != order {
            self.begin(order);
        }
        let Some(run) = &mut self.run else { return insert(&mut self.again, row) };
        if !self.run_rows.insert(row) {
            return false;
        }
        run.len += 1;
        match self.once.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_ROWS => chunk.push(row),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK_ROWS);
                chunk.push(row);
                self.once.push(chunk);
            }
        }
        true
    }

    fn begin(&mut self, order: &str) {
        if let Some(run) = self.run {
            self.orders.insert(self.key, Order::Once(run));
        }
        order.clone_into(&mut self.order);
        self.key = xxh3_64(order.as_bytes());
        empty(&mut self.run_rows);
        self.run = match self.orders.entry(self.key) {
            Entry::Vacant(_) => {
                let full = self.once.len().saturating_sub(1) * CHUNK_ROWS;
                let start = full + self.once.last().map_or(0, Vec::len);
                Some(Run { start: u32::try_from(start).expect("rows are limited"), len: 0 })
            }
            Entry::Occupied(mut before) => {
                if let Order::Once(run) = before.insert(Order::Again) {
                    for at in run.start..run.start + run.len {
                        let at = at as usize;
                        let chunk = self.once.get(at / CHUNK_ROWS);
                        let row = chunk.and_then(|chunk| chunk.get(at % CHUNK_ROWS));
                        insert(&mut self.again, *row.expect("a run is in the list"));
                    }
                }
                None
            }
        };
    }
}

fn insert(shards: &mut [Set], row: Fingerprint) -> bool {
    shards.get_mut(row.shard()).is_some_and(|shard| shard.insert(row))
}

/// Part of a hash is a hash.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_is_new_exactly_once_wherever_its_order_stands(
            rows in prop::collection::vec((0..6_u8, 0..4_u8, 1..4_usize), 0..200),
        ) {
            let mut seen = Seen::new(Duplicates::WholeFile);
            let mut model = HashSet::new();
            for (order, row, times) in rows {
                for _ in 0..times {
                    let fingerprint = Fingerprint::of(&[order, row]);
                    let is_new = seen.insert(fingerprint, &order.to_string());
                    prop_assert_eq!(is_new, model.insert((order, row)));
                }
            }
        }
    }

    #[test]
    fn orders_of_any_length_and_number_are_remembered() {
        let mut seen = Seen::new(Duplicates::WholeFile);
        let row = |order: usize, line: usize| Fingerprint::of(format!("{order} {line}").as_bytes());
        let lengths = [1, CHUNK_ROWS - 3, 2, RUN_SET_MAX * 2, 5, CHUNK_ROWS * 2];
        for is_new in [true, false, false] {
            for (order, length) in lengths.into_iter().enumerate() {
                for line in 0..length {
                    assert_eq!(seen.insert(row(order, line), &order.to_string()), is_new);
                }
            }
        }
    }
}
