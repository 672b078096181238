//! Fingerprints that do not fit into memory.
//!
//! When their memory is full, all fingerprints are written to disk as one sorted run. For nearly every
//! row, a filter in memory shows that it is in no run; for the others, one page of each run is read. So
//! every query is answered immediately and exactly, in file order, as if all fingerprints were in
//! memory.

use crate::fingerprint::Fingerprint;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Storage outside memory for one file. It is temporary: nothing in it is used later.
pub trait Scratch: fmt::Debug + Send + Sync {
    /// Appends `bytes` and returns their position.
    ///
    /// # Errors
    /// Errors of the disk.
    fn append(&self, bytes: &[u8]) -> io::Result<u64>;

    /// Fills `into` from the position `from`.
    ///
    /// # Errors
    /// Errors of the disk.
    fn read(&self, from: u64, into: &mut [u8]) -> io::Result<()>;
}

/// Rows of a page: the unit that is read to search for a row.
const PAGE_ROWS: usize = 256;
const ROW_BYTES: usize = size_of::<Fingerprint>();
/// A run is sorted in this many parts (log2), so that sorting needs only a small part of its size in
/// memory.
const PARTS_LOG2: u32 = 4;

/// The data on disk, and an index of it.
#[derive(Debug)]
pub(crate) struct Spilled {
    scratch: Arc<dyn Scratch>,
    runs: Vec<Vec<Page>>,
    filter: Filter,
    page: Vec<u8>,
}

/// The beginning of sorted rows; 24 bytes in memory for 256 rows.
#[derive(Debug)]
struct Page {
    first: Fingerprint,
    rows: usize,
    at: u64,
}

impl Spilled {
    /// No runs yet; the filter uses `filter_bytes`.
    pub(crate) fn new(scratch: Arc<dyn Scratch>, filter_bytes: usize) -> Self {
        let filter = Filter::new(filter_bytes);
        Self { scratch, runs: Vec::new(), filter, page: vec![0; PAGE_ROWS * ROW_BYTES] }
    }

    /// Adds a run of `rows`, which are iterated several times.
    pub(crate) fn add<I: Iterator<Item = Fingerprint>>(
        &mut self,
        rows: impl Fn() -> I,
    ) -> io::Result<()> {
        let mut run = Vec::new();
        let (mut sorted, mut bytes) = (Vec::new(), Vec::new());
        for part in 0..1 << PARTS_LOG2 {
            sorted.clear();
            sorted.extend(rows().filter(|row| row.top_bits(PARTS_LOG2) == part));
            sorted.sort_unstable();
            sorted.dedup();
            bytes.clear();
            for row in &sorted {
                self.filter.add(*row);
                bytes.extend_from_slice(&row.to_bytes());
            }
            if bytes.is_empty() {
                continue;
            }
            let mut at = self.scratch.append(&bytes)?;
            for page in sorted.chunks(PAGE_ROWS) {
                let Some(first) = page.first() else { continue };
                run.push(Page { first: *first, rows: page.len(), at });
                at += (page.len() * ROW_BYTES) as u64;
            }
        }
        self.runs.push(run);
        Ok(())
    }

    /// Is `row` in one of the runs?
    pub(crate) fn contains(&mut self, row: Fingerprint) -> io::Result<bool> {
        if !self.filter.may_have(row) {
            return Ok(false);
        }
        for run in &self.runs {
            let behind = run.partition_point(|page| page.first <= row);
            let page = behind.checked_sub(1).and_then(|before| run.get(before));
            let Some(page) = page else { continue };
            let Some(bytes) = self.page.get_mut(..page.rows * ROW_BYTES) else { continue };
            self.scratch.read(page.at, bytes)?;
            let (rows, _) = bytes.as_chunks();
            if rows.binary_search_by_key(&row, |bytes| Fingerprint::from_bytes(*bytes)).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A Bloom filter. A row that it does not contain was never added; at five to ten bits per row, it
/// wrongly contains a few percent of other rows.
#[derive(Debug)]
struct Filter(Vec<u64>);

impl Filter {
    fn new(bytes: usize) -> Self {
        Self(vec![0; (bytes / size_of::<u64>()).max(1)])
    }

    fn add(&mut self, row: Fingerprint) {
        for (word, bit) in self.bits(row) {
            if let Some(word) = self.0.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_have(&self, row: Fingerprint) -> bool {
        self.bits(row).into_iter().all(|(word, bit)| self.0.get(word).is_some_and(|w| w & bit != 0))
    }

    /// The three bits of a row: the word of each, and the bit in it.
    fn bits(&self, row: Fingerprint) -> [(usize, u64); 3] {
        let bits = self.0.len() as u64 * u64::from(u64::BITS);
        row.hashes().map(|hash| {
            let at = hash % bits;
            let word = usize::try_from(at / u64::from(u64::BITS)).expect("it is in memory");
            (word, 1 << (at % u64::from(u64::BITS)))
        })
    }
}
