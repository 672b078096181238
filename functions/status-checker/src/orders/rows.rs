//! The orders of one shard, in the order in which they were placed.

use super::columns::{CHUNK, Chunk, NO_FILE, Row, Wanted};
use super::digest::{self, Digest};
use super::expiry::Expiry;
use super::names::Names;
use super::status::{Counts, Status, Wish};
use hashbrown::HashTable;
use messaging::header;
use messaging::inventory::{HowMuch, Moved};
use messaging::subject::{OrderSubject, Stage};
use serde::{Deserialize, Serialize};
use state::fold::Event;
use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

/// Most different partners, warehouses and reasons in a shard: as many as their numbers can tell apart.
const PARTNERS_MAX: usize = 1_000_000;
const CODES_MAX: usize = 60_000;

/// Orders, the oldest first, with what is counted of them.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Rows {
    pub(super) chunks: VecDeque<Chunk>,
    /// Rows at the beginning of the first chunk that were forgotten.
    pub(super) gone: u32,
    partners: Names,
    partner_counts: Vec<Counts>,
    files: Vec<FileCounts>,
    /// Places in `files` that are free again.
    free: Vec<u32>,
    /// Warehouses and reasons.
    codes: Names,
    /// Orders placed up to this sequence may have been forgotten because there were too many.
    pub(super) forgotten_to: u64,
    /// The number of the first row of the first chunk.
    #[serde(skip)]
    pub(super) base: u32,
    /// Which rows may have left the stream.
    #[serde(skip)]
    pub(super) expiry: Expiry,
    /// Numbers of rows, by partner and id.
    #[serde(skip)]
    pub(super) index: HashTable<u32>,
    /// Places in `files`, by partner and file.
    #[serde(skip)]
    file_index: HashTable<u32>,
    #[serde(skip)]
    hasher: RandomState,
}

/// A file of a partner, and what became of its orders.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileCounts {
    partner: u32,
    #[serde(with = "digest")]
    sha256: Digest,
    counts: Counts,
}

/// As it is read from a checkpoint.
#[derive(Deserialize)]
struct Stored {
    chunks: VecDeque<Chunk>,
    gone: u32,
    partners: Names,
    partner_counts: Vec<Counts>,
    files: Vec<FileCounts>,
    free: Vec<u32>,
    codes: Names,
    forgotten_to: u64,
}

impl From<Stored> for Rows {
    fn from(stored: Stored) -> Self {
        let Stored { chunks, gone, partners, partner_counts, files, free, codes, forgotten_to } =
            stored;
        let mut rows = Self {
            chunks,
            gone,
            partners,
            partner_counts,
            files,
            free,
            codes,
            forgotten_to,
            ..Self::default()
        };
        let len = rows.chunks.iter().map(Chunk::len).sum::<usize>();
        rows.index.reserve(len, |_| 0);
        for number in gone..u32::try_from(len).unwrap_or(u32::MAX) {
            if rows.row(number).is_some() {
                rows.insert_index(number);
            }
        }
        for place in 0..u32::try_from(rows.files.len()).unwrap_or(u32::MAX) {
            if !rows.free.contains(&place) {
                rows.insert_file_index(place);
            }
        }
        rows
    }
}

impl Rows {
    /// Orders that are held.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn forgotten_to(&self) -> u64 {
        self.forgotten_to
    }

    /// What a message says of an order.
    ///
    /// # Errors
    /// It cannot be held.
    pub(crate) fn apply(
        &mut self,
        subject: &OrderSubject,
        event: &Event<'_>,
    ) -> Result<(), String> {
        let (partner, id) = (subject.partner.as_str(), subject.order_id.as_str());
        let is_placed = subject.stage == Stage::Placed;
        let ours = [header::ATTEMPT, header::CONTENT];
        if is_placed && ours.iter().all(|name| event.header(name).is_none()) {
            // No function put it there: it is no order, unless it is decided like one.
            return Ok(());
        }
        if !is_placed && !header::is_fact(event.headers) {
            return Ok(());
        }
        match subject.stage {
            Stage::Returned => {
                let back = HowMuch::of(event.header(header::RETURNED));
                self.moved(partner, id, event.time_ms, |moved| Moved { back, ..moved });
                return Ok(());
            }
            Stage::Shipped => {
                let shipped = HowMuch::of(event.header(header::SHIPPED));
                self.moved(partner, id, event.time_ms, |moved| Moved { shipped, ..moved });
                return Ok(());
            }
            Stage::Placed | Stage::Confirmed | Stage::Refused => {}
        }
        let attempt = event.header(header::ATTEMPT).and_then(|text| text.parse().ok()).unwrap_or(1);
        let reason = event.header(header::REASON);
        let status = Status::of(subject.stage, reason);
        let code = self.codes.number(reason.unwrap_or_default(), CODES_MAX)?;
        let reason = u16::try_from(code).unwrap_or_default();
        if let Some((at, number)) = self.find(partner, id) {
            let Some(mut row) = self.row(number) else { return Ok(()) };
            row.last = event.sequence;
            // Facts of an attempt precede the next attempt, so a late fact of an older one is ignored. A fact that
            // names the message in force counts whatever its attempt.
            let in_force = event.header(header::IN_FORCE).is_some();
            let mut total = None;
            if row.attempt <= attempt || is_placed || in_force {
                total = event.header(header::TOTAL).filter(|_| {
                    // An amended order comes to something else: behind a refusal at once, behind a confirmation once
                    // that is decided, which its fact says.
                    let ended = !matches!(row.status, Status::Pending | Status::Confirmed);
                    !is_placed || ended && event.header(header::AMENDS).is_some()
                });
                self.count(&row, -1);
                (row.status, row.attempt, row.reason) = (status, attempt, reason);
                row.changed_ms = event.time_ms;
                self.count(&row, 1);
            }
            if let Some(chunk) = self.chunks.get_mut(at.0) {
                chunk.set(at.1, row);
                total.into_iter().for_each(|total| chunk.set_total(at.1, total));
            }
            return Ok(());
        }
        let warehouse = self.codes.number(subject.warehouse.as_str(), CODES_MAX)?;
        let partner = self.partners.number(partner, PARTNERS_MAX)?;
        let row = Row {
            placed: event.sequence,
            placed_ms: event.time_ms,
            last: event.sequence,
            changed_ms: event.time_ms,
            partner,
            file: event.header(header::FILE).map_or(NO_FILE, |file| self.file(partner, file)),
            attempt,
            warehouse: u16::try_from(warehouse).unwrap_or_default(),
            reason,
            status,
            is_return: event.header(header::KIND) == Some("return"),
            moved: Moved::default(),
        };
        self.push(row, id, event.header(header::TOTAL).unwrap_or_default());
        self.count(&row, 1);
        Ok(())
    }

    /// What came back or was shipped of a sale: nothing else of it changes.
    fn moved(&mut self, partner: &str, id: &str, at_ms: i64, change: impl FnOnce(Moved) -> Moved) {
        let Some((at, number)) = self.find(partner, id) else { return };
        let Some(row) = self.row(number) else { return };
        if let Some(chunk) = self.chunks.get_mut(at.0) {
            chunk.set(at.1, Row { moved: change(row.moved), changed_ms: at_ms, ..row });
        }
    }

    pub(super) fn push(&mut self, row: Row, id: &str, total: &str) {
        let full = usize::try_from(CHUNK).unwrap_or(usize::MAX);
        if self.chunks.back().is_none_or(|chunk| full <= chunk.len()) {
            self.chunks.push_back(Chunk::default());
        }
        let before = u32::try_from(self.chunks.len() - 1).unwrap_or(u32::MAX);
        let Some(chunk) = self.chunks.back_mut() else { return };
        let at = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        chunk.push(row, id, total);
        let number = self.base.wrapping_add(before * CHUNK + at);
        self.insert_index(number);
    }

    /// Where a row is, and its number.
    fn find(&self, partner: &str, id: &str) -> Option<((usize, usize), u32)> {
        let partner = self.partners.find(partner)?;
        let hash = self.hasher.hash_one((partner, id));
        let is = |number: &u32| {
            let (chunk, at) = self.place(*number);
            let key = self.chunks.get(chunk).and_then(|chunk| chunk.key(at));
            key == Some((partner, id))
        };
        let number = *self.index.find(hash, is)?;
        Some((self.place(number), number))
    }

    pub(super) fn place(&self, number: u32) -> (usize, usize) {
        let offset = number.wrapping_sub(self.base);
        let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        (place(offset / CHUNK), place(offset % CHUNK))
    }

    pub(super) fn row(&self, number: u32) -> Option<Row> {
        let (chunk, at) = self.place(number);
        self.chunks.get(chunk)?.row(at)
    }

    pub(super) fn hash_of(&self, number: u32) -> Option<u64> {
        let (chunk, at) = self.place(number);
        Some(self.hasher.hash_one(self.chunks.get(chunk)?.key(at)?))
    }

    fn insert_index(&mut self, number: u32) {
        let Some(hash) = self.hash_of(number) else { return };
        let (base, chunks, hasher) = (self.base, &self.chunks, &self.hasher);
        self.index.insert_unique(hash, number, |number| {
            let offset = number.wrapping_sub(base);
            let place = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
            let chunk = chunks.get(place(offset / CHUNK));
            hasher.hash_one(
                chunk.and_then(|chunk| chunk.key(place(offset % CHUNK))).unwrap_or_default(),
            )
        });
    }

    /// The place of a file's counts; [`NO_FILE`] if it is none.
    fn file(&mut self, partner: u32, file: &str) -> u32 {
        let Some(sha256) = digest::parse(file) else { return NO_FILE };
        if let Some(place) = self.find_file(partner, &sha256) {
            return place;
        }
        let new = FileCounts { partner, sha256, counts: Counts::default() };
        let place = self.free.pop();
        let place = match place {
            Some(place) => {
                if let Some(counts) = self.file_mut(place) {
                    *counts = new;
                }
                place
            }
            None => {
                self.files.push(new);
                u32::try_from(self.files.len() - 1).unwrap_or(NO_FILE)
            }
        };
        self.insert_file_index(place);
        place
    }

    fn find_file(&self, partner: u32, sha256: &Digest) -> Option<u32> {
        let hash = self.hasher.hash_one((partner, sha256));
        let is = |place: &u32| {
            self.file_at(*place).is_some_and(|it| it.partner == partner && it.sha256 == *sha256)
        };
        self.file_index.find(hash, is).copied()
    }

    fn insert_file_index(&mut self, place: u32) {
        let Some(FileCounts { partner, sha256, .. }) = self.file_at(place) else { return };
        let hash = self.hasher.hash_one((*partner, sha256));
        let (files, hasher) = (&self.files, &self.hasher);
        self.file_index.insert_unique(hash, place, |place| {
            let file = usize::try_from(*place).ok().and_then(|place| files.get(place));
            file.map_or(0, |it| hasher.hash_one((it.partner, &it.sha256)))
        });
    }

    /// A file of which no order is held any more leaves its place to another one.
    pub(super) fn free_file(&mut self, place: u32) {
        let Some(FileCounts { partner, sha256, counts }) = self.file_at(place) else { return };
        if 0 < counts.placed() {
            return;
        }
        let hash = self.hasher.hash_one((*partner, sha256));
        if let Ok(entry) = self.file_index.find_entry(hash, |other| *other == place) {
            entry.remove();
            self.free.push(place);
        }
    }

    fn file_at(&self, place: u32) -> Option<&FileCounts> {
        self.files.get(usize::try_from(place).ok()?)
    }

    fn file_mut(&mut self, place: u32) -> Option<&mut FileCounts> {
        self.files.get_mut(usize::try_from(place).ok()?)
    }

    /// One more, or one less, of the row's partner and of its file.
    pub(super) fn count(&mut self, row: &Row, step: i32) {
        let partner = usize::try_from(row.partner).unwrap_or_default();
        if self.partner_counts.len() <= partner {
            self.partner_counts.resize(partner + 1, Counts::default());
        }
        if let Some(counts) = self.partner_counts.get_mut(partner) {
            counts.step(row.status, row.is_return, step);
        }
        if let Some(file) = self.file_mut(row.file) {
            file.counts.step(row.status, row.is_return, step);
        }
    }
}

/// What is asked of them.
impl Rows {
    /// Each partner with its counts.
    pub(crate) fn partners(&self) -> impl Iterator<Item = (&str, Counts)> {
        let counts = (0..).zip(&self.partner_counts);
        counts.map(|(number, counts)| (self.partners.text(number), *counts))
    }

    /// The counts of the orders that came from a partner in a file.
    pub(crate) fn file_counts(&self, partner: &str, file: &str) -> Counts {
        let place = || self.find_file(self.partners.find(partner)?, &digest::parse(file)?);
        let file = place().and_then(|place| self.file_at(place));
        file.map(|file| file.counts).unwrap_or_default()
    }

    /// The warehouse of an order.
    pub(crate) fn warehouse(&self, partner: &str, id: &str) -> Option<&str> {
        let (_, number) = self.find(partner, id)?;
        Some(self.code(self.row(number)?.warehouse))
    }

    /// Numbers of rows that are asked for and were placed before `cursor`, newest first. Nothing where the
    /// counts say that there is none.
    pub(crate) fn find_all(
        &self,
        partner: Option<&str>,
        wish: Option<Wish>,
        since_ms: i64,
        cursor: u64,
    ) -> Found<'_> {
        let status = wish.map(|wish| wish.status);
        let number = partner.map(|partner| self.partners.find(partner));
        let counts = |counts: &Counts| match status {
            Some(status) => counts.of(status),
            None => counts.placed(),
        };
        let left = match number {
            Some(None) => 0,
            Some(Some(number)) => {
                let at = usize::try_from(number).unwrap_or_default();
                self.partner_counts.get(at).map_or(0, counts)
            }
            None => self.partner_counts.iter().map(counts).sum(),
        };
        let after = |chunk: &Chunk| chunk.before(cursor) == chunk.len();
        let chunk = self.chunks.partition_point(after);
        let end = self.chunks.get(chunk).map_or(0, |chunk| chunk.before(cursor));
        let goods = wish.and_then(|wish| wish.goods);
        let wanted = Wanted { partner: number.flatten(), status, goods, since_ms };
        Found { rows: self, wanted, chunk, end, left }
    }

    pub(crate) fn text(&self, partner: u32) -> &str {
        self.partners.text(partner)
    }

    pub(crate) fn code(&self, code: u16) -> &str {
        self.codes.text(code.into())
    }

    /// The SHA-256 of a file.
    pub(crate) fn sha256(&self, file: u32) -> Option<String> {
        self.file_at(file).map(|file| hex::encode(file.sha256))
    }
}

/// Rows that are asked for, newest first.
pub(crate) struct Found<'r> {
    rows: &'r Rows,
    wanted: Wanted,
    /// The next row is before this one.
    chunk: usize,
    end: usize,
    /// At most so many there are.
    left: u64,
}

/// A row with its texts.
pub(crate) struct Line<'r> {
    pub(crate) rows: &'r Rows,
    pub(crate) row: Row,
    pub(crate) id: &'r str,
    pub(crate) total: &'r str,
}

impl<'r> Iterator for Found<'r> {
    type Item = Line<'r>;

    fn next(&mut self) -> Option<Line<'r>> {
        while 0 < self.left {
            let found = self.rows.chunks.get(self.chunk);
            let found =
                found.and_then(|chunk| Some((chunk, chunk.find_before(self.end, &self.wanted)?)));
            let Some((chunk, at)) = found else {
                self.chunk = self.chunk.checked_sub(1)?;
                self.end = self.rows.chunks.get(self.chunk)?.len();
                continue;
            };
            let first = usize::try_from(self.rows.gone).unwrap_or_default();
            if self.chunk == 0 && at < first {
                return None;
            }
            (self.end, self.left) = (at, self.left - 1);
            let (row, (id, total)) = (chunk.row(at)?, chunk.texts(at)?);
            return Some(Line { rows: self.rows, row, id, total });
        }
        None
    }
}
