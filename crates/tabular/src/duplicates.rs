//! Remembers which rows occurred already.
//!
//! Equal rows have the same order, and a file mostly keeps the rows of an order together. So a row is
//! compared only with the current run of its order, in a small set that fits into the cache; after the
//! run, only a list of its rows is kept. If an order occurs again, its rows move to one large set and
//! are compared there from then on.
//!
//! If the memory exceeds a given limit, its content is written to disk ([`crate::spill`]), and memory
//! starts empty again.

mod file;

use crate::file_error::FileError;
use crate::fingerprint::{Fingerprint, SET_BYTES, SHARDS, Set, empty, insert};
use crate::spill::{Scratch, Spilled};
use domain::partner::Duplicates;
use file::File;
use std::io;
use std::sync::Arc;

/// The fraction of the memory limit that the filter for rows on disk uses.
const FILTER_PART: usize = 4;

/// The rows seen so far, as far as they are needed for comparison.
#[derive(Debug)]
pub(crate) struct Seen {
    kept: Kept,
    bytes_max: usize,
    spilled: Option<Spilled>,
    scratch: Option<Arc<dyn Scratch>>,
}

#[derive(Debug)]
enum Kept {
    /// No rows.
    Off,
    /// The rows of the current run of the last row's order.
    Order { id: String, rows: Set },
    /// All rows.
    File(Box<File>),
    /// All rows, with no assumption about their orders.
    Any { sets: Vec<Set>, rows: usize },
}

impl Seen {
    /// No rows yet. Data beyond `bytes_max` goes to `scratch`; without one, such a file is refused.
    pub(crate) fn new(
        duplicates: Duplicates,
        bytes_max: usize,
        scratch: Option<Arc<dyn Scratch>>,
    ) -> Self {
        let kept = match duplicates {
            Duplicates::Off => Kept::Off,
            Duplicates::PerOrder => Kept::Order { id: String::new(), rows: Set::default() },
            Duplicates::WholeFile => Kept::File(Box::default()),
        };
        Self { kept, bytes_max, spilled: None, scratch }
    }

    /// For values that rows of different orders may share.
    pub(crate) fn unique(bytes_max: usize, scratch: Option<Arc<dyn Scratch>>) -> Self {
        let kept = Kept::Any { sets: vec![Set::default(); SHARDS], rows: 0 };
        Self { kept, bytes_max, spilled: None, scratch }
    }

    /// Was it seen before? Only for a set made by [`Seen::unique`].
    pub(crate) fn contains(&mut self, row: Fingerprint) -> Result<bool, FileError> {
        if let Kept::Any { sets, .. } = &self.kept
            && sets.get(row.shard()).is_some_and(|set| set.contains(&row))
        {
            return Ok(true);
        }
        let Some(spilled) = &mut self.spilled else { return Ok(false) };
        spilled.contains(row).map_err(FileError::scratch)
    }

    /// Inserts `row` of `order`; returns whether it is new.
    pub(crate) fn insert(&mut self, row: Fingerprint, order: &str) -> Result<bool, FileError> {
        let is_new = match &mut self.kept {
            Kept::Off => return Ok(true),
            Kept::Order { id, rows } => {
                if id != order {
                    order.clone_into(id);
                    empty(rows);
                    self.spilled = None;
                }
                rows.insert(row)
            }
            Kept::File(file) => file.insert(row, order),
            Kept::Any { sets, rows } => {
                let is_new = insert(sets, row);
                *rows += usize::from(is_new);
                is_new
            }
        };
        if !is_new {
            return Ok(false);
        }
        if let Some(spilled) = &mut self.spilled
            && spilled.contains(row).map_err(FileError::scratch)?
        {
            return Ok(false);
        }
        if self.bytes_max < self.kept.bytes() {
            self.spill()?;
        }
        Ok(true)
    }

    fn spill(&mut self) -> Result<(), FileError> {
        let Some(scratch) = &self.scratch else {
            return Err(FileError::TooManyToCompare { bytes_max: self.bytes_max });
        };
        let new = || Spilled::new(scratch.clone(), self.bytes_max / FILTER_PART);
        let spilled = self.spilled.get_or_insert_with(new);
        self.kept.spill(spilled).map_err(FileError::scratch)
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Off => 0,
            Self::Order { rows, .. } => rows.len() * SET_BYTES,
            Self::File(file) => file.bytes(),
            Self::Any { rows, .. } => rows * SET_BYTES,
        }
    }

    /// Writes all rows to disk.
    fn spill(&mut self, to: &mut Spilled) -> io::Result<()> {
        match self {
            Self::Off => {}
            Self::Order { rows, .. } => {
                to.add(|| rows.iter().copied())?;
                *rows = Set::default();
            }
            Self::File(file) => {
                to.add(|| file.rows())?;
                **file = File::default();
            }
            Self::Any { sets, rows } => {
                to.add(|| sets.iter().flatten().copied())?;
                (*sets, *rows) = (vec![Set::default(); SHARDS], 0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{CHUNK_ROWS, ORDER_BYTES, RUN_SET_MAX};
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::{Mutex, PoisonError};

    #[derive(Debug, Default)]
    struct Memory(Mutex<Vec<u8>>);

    impl Scratch for Memory {
        fn append(&self, bytes: &[u8]) -> io::Result<u64> {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let at = all.len() as u64;
            all.extend_from_slice(bytes);
            Ok(at)
        }

        fn read(&self, from: u64, into: &mut [u8]) -> io::Result<()> {
            let from = usize::try_from(from).unwrap();
            into.copy_from_slice(&self.0.lock().unwrap()[from..from + into.len()]);
            Ok(())
        }
    }

    fn seen(duplicates: Duplicates, bytes_max: usize) -> (Seen, Arc<Memory>) {
        let disk = Arc::<Memory>::default();
        (Seen::new(duplicates, bytes_max, Some(disk.clone())), disk)
    }

    proptest! {
        #[test]
        fn a_row_is_new_exactly_once_wherever_its_order_occurs(
            rows in prop::collection::vec((0..6_u8, 0..4_u8, 1..4_usize), 0..200),
            bytes_max in prop::sample::select(vec![0, 300, 200_000, usize::MAX]),
        ) {
            let (mut whole, _) = seen(Duplicates::WholeFile, bytes_max);
            let (mut order, _) = seen(Duplicates::PerOrder, bytes_max / 2);
            let (mut all, mut one, mut last) = (HashSet::new(), HashSet::new(), 0);
            for (order_id, row, times) in rows {
                if last != order_id {
                    one.clear();
                    last = order_id;
                }
                for _ in 0..times {
                    let fingerprint = Fingerprint::of(&[order_id, row]);
                    let id = order_id.to_string();
                    let is_new = whole.insert(fingerprint, &id).unwrap();
                    prop_assert_eq!(is_new, all.insert((order_id, row)));
                    prop_assert_eq!(order.insert(fingerprint, &id).unwrap(), one.insert(row));
                }
            }
        }
    }

    #[test]
    fn orders_of_any_length_and_number_are_remembered() {
        let row = |order: usize, line: usize| Fingerprint::of(format!("{order} {line}").as_bytes());
        let lengths = [1, CHUNK_ROWS - 3, 2, RUN_SET_MAX * 2, 5, CHUNK_ROWS * 2];
        for bytes_max in [100_000, usize::MAX] {
            let (mut seen, disk) = seen(Duplicates::WholeFile, bytes_max);
            for is_new in [true, false, false] {
                for (order, length) in lengths.into_iter().enumerate() {
                    for line in 0..length {
                        let found = seen.insert(row(order, line), &order.to_string());
                        assert_eq!(found, Ok(is_new));
                    }
                }
            }
            assert_eq!(disk.0.lock().unwrap().is_empty(), bytes_max == usize::MAX);
        }
    }

    #[test]
    fn memory_stays_below_what_it_may_take() {
        let bytes_max = 2 << 20;
        let (mut seen, disk) = seen(Duplicates::WholeFile, bytes_max);
        let mut most = 0;
        // Orders of one line, of many lines, and of lines that are far apart.
        for n in 0..300_000_usize {
            let order = if n % 3 == 0 { n } else { n % 7 }.to_string();
            assert_eq!(seen.insert(Fingerprint::of(&n.to_le_bytes()), &order), Ok(true));
            most = most.max(seen.kept.bytes());
        }
        assert!(bytes_max / 2 < most && most <= bytes_max + ORDER_BYTES + SET_BYTES, "{most}");
        assert_eq!(disk.0.lock().unwrap().len() % size_of::<Fingerprint>(), 0);
        assert!(!disk.0.lock().unwrap().is_empty());
    }

    #[test]
    fn without_room_on_disk_the_limit_is_named() {
        let mut seen = Seen::new(Duplicates::WholeFile, 1_000_000, None);
        let mut rows = (0..200_000_usize).map(|n| {
            seen.insert(Fingerprint::of(&n.to_le_bytes()), &n.to_string())
                .map_err(|e| e.to_string())
        });
        let error = rows.find_map(Result::err).unwrap();
        assert!(error.contains("1000000 bytes"), "{error}");
    }
}
