//! The rows of a whole file; each is compared with those of its order.

use crate::fingerprint::{
    CHUNK_ROWS, Fingerprint, LISTED_BYTES, ORDER_BYTES, SET_BYTES, SHARDS, Same, Set, empty, insert,
};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use xxhash_rust::xxh3::xxh3_64;

/// All rows of a file.
#[derive(Debug)]
pub(super) struct File {
    /// The order of the last row, and its key.
    order: String,
    key: u64,
    /// Its rows, if the order did not occur before.
    run: Option<Run>,
    run_rows: Set,
    /// Finished orders. Two orders with the same key are treated as one that occurred again, which is
    /// only slower.
    orders: HashMap<u64, Order, BuildHasherDefault<Same>>,
    /// Rows of orders that occurred once.
    once: Vec<Vec<Fingerprint>>,
    /// Rows of orders that occurred again, and their number.
    again: Vec<Set>,
    again_rows: usize,
}

/// Rows that are adjacent in the list.
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
            again_rows: 0,
        }
    }
}

impl File {
    pub(super) fn insert(&mut self, row: Fingerprint, order: &str) -> bool {
        if self.order != order {
            self.begin(order);
        }
        let Some(run) = &mut self.run else { return self.insert_again(row) };
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
                Some(Run { start: u32::try_from(self.listed()).expect("rows are limited"), len: 0 })
            }
            Entry::Occupied(mut before) => {
                if let Order::Once(run) = before.insert(Order::Again) {
                    for at in run.start..run.start + run.len {
                        let at = at as usize;
                        let chunk = self.once.get(at / CHUNK_ROWS);
                        let row = chunk.and_then(|chunk| chunk.get(at % CHUNK_ROWS));
                        let row = *row.expect("a run is in the list");
                        self.again_rows += usize::from(insert(&mut self.again, row));
                    }
                }
                None
            }
        };
    }

    fn insert_again(&mut self, row: Fingerprint) -> bool {
        let is_new = insert(&mut self.again, row);
        self.again_rows += usize::from(is_new);
        is_new
    }

    /// Number of rows in the list.
    fn listed(&self) -> usize {
        let full = self.once.len().saturating_sub(1) * CHUNK_ROWS;
        full + self.once.last().map_or(0, Vec::len)
    }

    /// All rows, in no particular order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Fingerprint> {
        self.once.iter().flatten().chain(self.again.iter().flatten()).copied()
    }

    /// Upper limit of the memory, except for the free capacity of the last chunk.
    pub(super) fn bytes(&self) -> usize {
        self.listed() * LISTED_BYTES
            + (self.run_rows.len() + self.again_rows) * SET_BYTES
            + self.orders.len() * ORDER_BYTES
    }
}
