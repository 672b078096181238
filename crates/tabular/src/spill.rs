//! Fingerprints that do not fit into memory.
//!
//! When the memory for them is full, all go to disk as one run, sorted. A filter in memory says of
//! nearly every row that it is in no run; for the others one page of each run is read. So what is
//! asked is answered at once and exactly, in file order, as if all were in memory.

use crate::fingerprint::Fingerprint;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Room outside of memory, for one file. It need not last: nothing in it is used again.
pub trait Scratch: fmt::Debug + Send + Sync {
    /// Puts `bytes` behind all that is there, and says where they begin.
    ///
    /// # Errors
    /// What the disk says.
    fn append(&self, bytes: &[u8]) -> io::Result<u64>;

    /// Fills `into` with what begins at `from`.
    ///
    /// # Errors
    /// What the disk says.
    fn read(&self, from: u64, into: &mut [u8]) -> io::Result<()>;
}

/// Rows of one page: what is read to look for one row.
const PAGE_ROWS: usize = 256;
const ROW_BYTES: usize = size_of::<Fingerprint>();
/// A run is sorted in so many parts, so that sorting takes a small part of its size in memory.
const PARTS_LOG2: u32 = 4;

/// What was put to disk, and how to find it there.
#[derive(Debug)]
pub(crate) struct Spilled {
    scratch: Arc<dyn Scratch>,
    runs: Vec<Vec<Page>>,
    filter: Filter,
    page: Vec<u8>,
}

/// Where sorted rows begin; 24 bytes in memory for 256 rows.
#[derive(Debug)]
struct Page {
    first: Fingerprint,
    rows: usize,
    at: u64,
}

impl Spilled {
    /// Nothing yet; the filter takes `filter_bytes`.
    pub(crate) fn new(scratch: Arc<dyn Scratch>, filter_bytes: usize) -> Self {
        let filter = Filter::new(filter_bytes);
        Self { scratch, runs: Vec::new(), filter, page: vec![0; PAGE_ROWS * ROW_BYTES] }
    }

    /// Adds a run of `rows`, which are gone through several times.
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

/// A Bloom filter. What it does not have was never added; of what was never added it has a few in
/// a hundred, at five to ten bits a row.
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

    /// Three of its bits: the word of each, and the bit in it.
    fn bits(&self, row: Fingerprint) -> [(usize, u64); 3] {
        let bits = self.0.len() as u64 * u64::from(u64::BITS);
        row.hashes().map(|hash| {
            let at = hash % bits;
            let word = usize::try_from(at / u64::from(u64::BITS)).expect("it is in memory");
            (word, 1 << (at % u64::from(u64::BITS)))
        })
    }
}
