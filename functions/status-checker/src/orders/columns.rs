//! Orders column by column: a row takes what its fields take, and nothing else.

use super::status::{Goods, Status};
use messaging::inventory::{HowMuch, Moved};
use serde::{Deserialize, Serialize};

/// Rows of one chunk.
pub(crate) const CHUNK: u32 = 1_024;
/// The file of an order that came in none.
pub(crate) const NO_FILE: u32 = u32::MAX;

/// One order, apart from its texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Sequence of the first message about it: its place in lists.
    pub(crate) placed: u64,
    /// When that was stored, milliseconds since 1970.
    pub(crate) placed_ms: i64,
    /// Sequence of the last message about it.
    pub(crate) last: u64,
    /// When that was stored.
    pub(crate) changed_ms: i64,
    pub(crate) partner: u32,
    pub(crate) file: u32,
    pub(crate) attempt: u32,
    pub(crate) warehouse: u16,
    pub(crate) reason: u16,
    pub(crate) status: Status,
    pub(crate) is_return: bool,
    /// How much of a sale came back, and was shipped.
    pub(crate) moved: Moved,
}

impl Row {
    /// Status, kind, what came back and what was shipped, in one byte.
    fn flags(&self) -> u8 {
        let Moved { back, shipped } = self.moved;
        let moved = flag(back, PART, ALL) | flag(shipped, SHIPPED_PART, SHIPPED_ALL);
        self.status as u8 | if self.is_return { RETURN } else { 0 } | moved
    }
}

/// How much, as one of two flags or none.
const fn flag(how_much: HowMuch, part: u8, all: u8) -> u8 {
    match how_much {
        HowMuch::Nothing => 0,
        HowMuch::Part => part,
        HowMuch::All => all,
    }
}

/// What the flags say.
const fn how_much(flags: u8, part: u8, all: u8) -> HowMuch {
    match (flags & part != 0, flags & all != 0) {
        (_, true) => HowMuch::All,
        (true, false) => HowMuch::Part,
        (false, false) => HowMuch::Nothing,
    }
}

/// Rows that were placed one after another.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Chunk {
    placed: Vec<u64>,
    placed_ms: Vec<i64>,
    last: Vec<u64>,
    changed_ms: Vec<i64>,
    partner: Vec<u32>,
    file: Vec<u32>,
    attempt: Vec<u32>,
    warehouse: Vec<u16>,
    reason: Vec<u16>,
    /// The status, [`RETURN`] of a return, [`PART`] or [`ALL`] of a sale of which something came back, and
    /// [`SHIPPED_PART`] or [`SHIPPED_ALL`] of one of which something was shipped.
    status: Vec<u8>,
    /// Id and total of one row after the other.
    text: String,
    /// Where the id and where the total ends, of each row.
    ends: Vec<(u32, u32)>,
}

const RETURN: u8 = 8;
const PART: u8 = 16;
const ALL: u8 = 32;
const SHIPPED_PART: u8 = 64;
const SHIPPED_ALL: u8 = 128;
const STATUS: u8 = 7;
/// The status of a row that was forgotten; no status has all its bits.
const GONE: u8 = u8::MAX;

impl Chunk {
    pub(crate) fn len(&self) -> usize {
        self.placed.len()
    }

    pub(crate) fn push(&mut self, row: Row, id: &str, total: &str) {
        self.placed.push(row.placed);
        self.placed_ms.push(row.placed_ms);
        self.last.push(row.last);
        self.changed_ms.push(row.changed_ms);
        self.partner.push(row.partner);
        self.file.push(row.file);
        self.attempt.push(row.attempt);
        self.warehouse.push(row.warehouse);
        self.reason.push(row.reason);
        self.status.push(row.flags());
        let end = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.text.push_str(id);
        let id_end = end(&self.text);
        self.text.push_str(total);
        self.ends.push((id_end, end(&self.text)));
    }

    /// Writes what may change.
    pub(crate) fn set(&mut self, at: usize, row: Row) {
        fn put<T>(column: &mut [T], at: usize, value: T) {
            if let Some(place) = column.get_mut(at) {
                *place = value;
            }
        }
        put(&mut self.last, at, row.last);
        put(&mut self.changed_ms, at, row.changed_ms);
        put(&mut self.attempt, at, row.attempt);
        put(&mut self.reason, at, row.reason);
        put(&mut self.status, at, row.flags());
    }

    /// Writes what an amended order comes to. The texts behind it move: few orders are amended.
    pub(crate) fn set_total(&mut self, at: usize, total: &str) {
        let Some((id, end)) = self.ends.get(at).copied() else { return };
        let (Ok(from), Ok(to)) = (usize::try_from(id), usize::try_from(end)) else { return };
        let new = u32::try_from(total.len()).unwrap_or(u32::MAX);
        self.text.replace_range(from..to, total);
        let moved = |place: u32| place - end + id + new;
        if let Some((_, end)) = self.ends.get_mut(at) {
            *end = moved(*end);
        }
        for (id, end) in self.ends.iter_mut().skip(at + 1) {
            (*id, *end) = (moved(*id), moved(*end));
        }
    }

    /// Forgets a row; its place stays.
    pub(crate) fn forget(&mut self, at: usize) {
        if let Some(status) = self.status.get_mut(at) {
            *status = GONE;
        }
    }

    /// When a row was placed, whether it was forgotten or not.
    pub(crate) fn placed(&self, at: usize) -> Option<u64> {
        self.placed.get(at).copied()
    }

    /// Nothing also of a row that was forgotten.
    pub(crate) fn row(&self, at: usize) -> Option<Row> {
        let status = *self.status.get(at).filter(|status| **status != GONE)?;
        let moved = Moved {
            back: how_much(status, PART, ALL),
            shipped: how_much(status, SHIPPED_PART, SHIPPED_ALL),
        };
        Some(Row {
            placed: *self.placed.get(at)?,
            placed_ms: *self.placed_ms.get(at)?,
            last: *self.last.get(at)?,
            changed_ms: *self.changed_ms.get(at)?,
            partner: *self.partner.get(at)?,
            file: *self.file.get(at)?,
            attempt: *self.attempt.get(at)?,
            warehouse: *self.warehouse.get(at)?,
            reason: *self.reason.get(at)?,
            status: *Status::ALL.get(usize::from(status & STATUS))?,
            is_return: status & RETURN != 0,
            moved,
        })
    }

    /// The partner and the id: what an order is known by.
    pub(crate) fn key(&self, at: usize) -> Option<(u32, &str)> {
        Some((*self.partner.get(at)?, self.texts(at)?.0))
    }

    /// Id and total.
    pub(crate) fn texts(&self, at: usize) -> Option<(&str, &str)> {
        let place = |end: u32| usize::try_from(end).ok();
        let begin = match at.checked_sub(1) {
            Some(before) => place(self.ends.get(before)?.1)?,
            None => 0,
        };
        let (id, total) = *self.ends.get(at)?;
        let (id, total) = (place(id)?, place(total)?);
        Some((self.text.get(begin..id)?, self.text.get(id..total)?))
    }

    /// The last row before `end` that is of this partner, if one is given, has this status, if one is given, and
    /// was changed since.
    pub(crate) fn find_before(&self, end: usize, wanted: &Wanted) -> Option<usize> {
        let statuses = self.status.get(..end)?;
        let partners = self.partner.get(..end)?;
        let changed = self.changed_ms.get(..end)?;
        let mut rows = statuses.iter().zip(partners).zip(changed);
        rows.rposition(|((status, partner), changed)| {
            *status != GONE
                && wanted.partner.is_none_or(|wanted| wanted == *partner)
                && wanted.status.is_none_or(|wanted| wanted as u8 == status & STATUS)
                && wanted.goods.is_none_or(|goods| status & goods.flags() != 0)
                && wanted.since_ms <= *changed
        })
    }

    /// How many rows were placed before `sequence`.
    pub(crate) fn before(&self, sequence: u64) -> usize {
        self.placed.partition_point(|placed| *placed < sequence)
    }
}

impl Goods {
    /// A row that has one of these is asked for.
    const fn flags(self) -> u8 {
        match self {
            Self::Returned => RETURN | ALL,
            Self::PartlyReturned => PART,
            Self::Shipped => SHIPPED_ALL,
            Self::PartlyShipped => SHIPPED_PART,
        }
    }
}

/// Which rows are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) partner: Option<u32>,
    pub(crate) status: Option<Status>,
    pub(crate) goods: Option<Goods>,
    pub(crate) since_ms: i64,
}
