//! Removes orders that are no longer in the stream, and the oldest above the limit.

use super::columns::{CHUNK, Chunk, Row};
use super::expiry::Expiry;
use super::rows::Rows;

impl Rows {
    /// Forgets the orders all of whose messages were stored before `kept_from`, and of the others the oldest
    /// beyond `max`. The room of forgotten orders between others is at most that of those that are held, and
    /// two chunks.
    pub(crate) fn forget(&mut self, kept_from: u64, max: usize) {
        self.see(kept_from);
        while let Some(&(last, number)) = self.expiry.late.first()
            && last < kept_from
        {
            self.expiry.late.pop_first();
            match self.row(number) {
                // It was changed since.
                Some(row) if kept_from <= row.last => {
                    self.expiry.late.insert((row.last, number));
                }
                Some(row) => self.remove(number, &row),
                None => {}
            }
        }
        self.drop_first();
        while max < self.len() {
            let number = self.base.wrapping_add(self.gone);
            let Some(row) = self.row(number) else { break };
            self.forgotten_to = row.placed;
            self.remove(number, &row);
            self.drop_first();
        }
        if self.len() + usize_of(2 * CHUNK) < self.places().saturating_sub(self.len()) {
            self.close_up();
        }
    }

    /// Goes on to the first order whose first message is in the stream.
    fn see(&mut self, kept_from: u64) {
        self.expiry.seen = self.expiry.seen.max(self.gone);
        loop {
            let number = self.base.wrapping_add(self.expiry.seen);
            let (chunk, at) = self.place(number);
            let placed = self.chunks.get(chunk).and_then(|chunk| chunk.placed(at));
            if placed.is_none_or(|placed| kept_from <= placed) {
                return;
            }
            self.expiry.seen += 1;
            if let Some(row) = self.row(number) {
                self.expiry.late.insert((row.last, number));
            }
        }
    }

    fn remove(&mut self, number: u32, row: &Row) {
        let Some(hash) = self.hash_of(number) else { return };
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == number) {
            entry.remove();
        }
        let (chunk, at) = self.place(number);
        if let Some(chunk) = self.chunks.get_mut(chunk) {
            chunk.forget(at);
        }
        self.count(row, -1);
        self.free_file(row.file);
    }

    /// Drops what was forgotten before the first order that is held.
    fn drop_first(&mut self) {
        while usize_of(self.gone) < self.first_len()
            && self.row(self.base.wrapping_add(self.gone)).is_none()
        {
            self.gone += 1;
            if self.gone == CHUNK {
                self.chunks.pop_front();
                (self.base, self.gone) = (self.base.wrapping_add(CHUNK), 0);
                self.expiry.seen = self.expiry.seen.saturating_sub(CHUNK);
            }
        }
    }

    fn first_len(&self) -> usize {
        self.chunks.front().map_or(0, Chunk::len)
    }

    /// Rows that have a place, whether they are held or not.
    fn places(&self) -> usize {
        let last = self.chunks.back().map_or(0, Chunk::len);
        self.chunks.len().saturating_sub(1) * usize_of(CHUNK) + last
    }

    /// Moves all rows together, in their order.
    fn close_up(&mut self) {
        let chunks = std::mem::take(&mut self.chunks);
        (self.gone, self.base) = (0, 0);
        self.index.clear();
        self.expiry = Expiry::default();
        for chunk in chunks {
            for at in 0..chunk.len() {
                if let (Some(row), Some((id, total))) = (chunk.row(at), chunk.texts(at)) {
                    self.push(row, id, total);
                }
            }
        }
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
