//! Reads a part of the file independently: rows, rejects, and where the next part begins.
//!
//! The result for a record depends only on its bytes, so parts can be read concurrently and in any
//! order, once it is known or guessed where a record begins.

use crate::batch::Batch;
use crate::block::{Block, Point};
use crate::column::Column;
use crate::continued::Order;
use crate::derive::Verdict;
use crate::ids::Cleaned;
use crate::making::Making;
use crate::piece::{Guessed, MARK, Origin, Piece, Plan};
use crate::profile::Profile;
use crate::record::{self, Record};
use crate::rules::{self, Scratch};
use crate::scanner::{Scanner, Span, Step, part, rest};
use crate::structure::{broken, check_structure, is_empty, row_in_quotes};
use domain::partner::Duplicates;
use memchr::memchr;
use std::sync::Arc;

/// Most lines that are tried as the beginning of a record: a guess may fail, but must not take long.
const GUESSES_MAX: usize = 64;

/// Reads pieces; its fields are only buffers.
#[derive(Debug)]
pub(crate) struct Reader {
    plan: Arc<Plan>,
    scanner: Scanner,
    scratch: Scratch,
    /// An empty batch with capacity for one like the last.
    room: Batch,
    /// A record with unescaped quotes, and its fields.
    unescaped: String,
    unescaped_fields: Vec<Span>,
    cleaned: Cleaned,
    /// The current block is pure ASCII, so it contains no invisible characters.
    is_ascii: bool,
    /// The bytes that two equal rows share.
    fingerprint: Vec<u8>,
    /// `Some` only if a transform computes columns or filters rows.
    making: Option<Making>,
}

impl Reader {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self {
            scanner: Scanner::new(
                plan.delimiter,
                plan.config.quoting,
                plan.config.limits.record_bytes_max,
            ),
            making: plan.config.derivation.as_ref().map(|_| Making::default()),
            plan,
            scratch: Scratch::default(),
            room: Batch::default(),
            unescaped: String::new(),
            unescaped_fields: Vec::new(),
            cleaned: Cleaned::default(),
            is_ascii: false,
            fingerprint: Vec::new(),
        }
    }

    /// Reads a block without knowing where its first record begins.
    pub(crate) fn read_ahead(&mut self, block: &Block) -> Option<Guessed> {
        let (start, begins) = self.guess(block)?;
        let piece = self.read(block, Point::record(start), block.len, None);
        Some(Guessed { piece, begins })
    }

    /// The probable beginning of a record in `block`: after a line end, where a record with the
    /// header's number of fields can be read. Inside a text of several lines this can be wrong.
    ///
    /// If rows can continue orders, it is the first record of an order, and its order id is returned as
    /// well: the rows before the block may belong to the same order.
    fn guess(&mut self, block: &Block) -> Option<(usize, Option<String>)> {
        let plan = self.plan.clone();
        let mut at = 0;
        let step = (0..GUESSES_MAX).find_map(|_| {
            at += memchr(b'\n', part(&block.bytes, at, block.len))? + 1;
            self.scan_row(block, at)
        })?;
        if !plan.config.continued_rows {
            return (at < block.len).then_some((at, None));
        }
        let mut step = step;
        let mut before = None;
        while at < block.len {
            if let Step::Record { len, raw, .. } = step {
                let record = part(&block.bytes, at, at + raw);
                let fields = &self.scanner.fields;
                let id = rules::order_text(&plan.layout, plan.config.quoting, record, fields)?;
                match before {
                    _ if id.is_empty() => {}
                    Some(before) if before != id => return Some((at, Some(id))),
                    _ => before = Some(id),
                }
                at += len;
            }
            step = self.scan_row(block, at)?;
        }
        None
    }

    /// The record at `at`, if it has the header's number of fields.
    fn scan_row(&mut self, block: &Block, at: usize) -> Option<Step> {
        let step = self.scanner.scan(rest(&block.bytes, at), block.end);
        let Step::Record { raw, .. } = step else { return None };
        let width = self.plan.width();
        self.scanner.fit(width, raw);
        (self.scanner.fields.len() == width.all).then_some(step)
    }

    /// Reads the records that begin in `block` at or after `from` and before `until`; the first one may
    /// continue `order`.
    pub(crate) fn read(
        &mut self,
        block: &Block,
        from: Point,
        until: usize,
        order: Option<Order>,
    ) -> Piece {
        self.make(block, from, until);
        let mut piece = Piece::new(from, order);
        let most = from.at < until / 2;
        if most {
            // Blocks are similar, so this avoids growing columns by repeated copying.
            piece.batch = std::mem::take(&mut self.room);
        }
        self.walk(block, until, &mut piece);
        if most {
            self.room = piece.batch.room();
        }
        piece.profile = Profile::of(&piece.batch);
        piece
    }

    /// Evaluates the transform for the rows before the first of them is checked.
    fn make(&mut self, block: &Block, from: Point, until: usize) {
        let Some(making) = &mut self.making else { return };
        making.begin();
        self.walk(block, until, &mut Piece::new(from, None));
        let derivation = self.plan.config.derivation.as_ref();
        if let Some((making, derivation)) = self.making.as_mut().zip(derivation) {
            making.calculate(derivation);
        }
    }

    /// Iterates over the records that begin at or after `piece.to` and before `until`.
    fn walk(&mut self, block: &Block, until: usize, piece: &mut Piece) {
        let from = piece.to;
        let bytes = block.bytes.as_slice();
        // Cloned once for all records, because other threads count the same references.
        let plan = &*self.plan.clone();
        // Checked once for all records: a good block is valid text, except for its cut end.
        let text = match std::str::from_utf8(rest(bytes, from.at)) {
            Ok(text) => text,
            Err(error) => {
                let valid = part(bytes, from.at, from.at + error.valid_up_to());
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        self.is_ascii = rest(bytes, from.at).is_ascii();
        while piece.to.at < until && !piece.footer {
            let at = piece.to.at;
            if piece.to.skipping {
                match memchr(b'\n', part(bytes, at, until)) {
                    None => piece.to.at = until,
                    Some(n) => {
                        piece.to = Point::record(at + n + 1);
                        piece.lines += 1;
                    }
                }
                continue;
            }
            if !self.is_ascii && rest(bytes, at).starts_with(MARK) {
                piece.to.at += MARK.len();
                continue;
            }
            piece.footer = self.is_end(plan, rest(bytes, at), block.end);
            if piece.footer {
                continue;
            }
            match self.scanner.scan(rest(bytes, at), block.end) {
                // A block contains complete records, or more bytes than a record may have.
                Step::Need => unreachable!("byte {at} of a block of {}", block.len),
                Step::Blank { len } => {
                    piece.to.at += len;
                    piece.lines += 1;
                }
                // Spreadsheets write blank lines like this.
                Step::Record { len, lines, .. } if is_empty(&self.scanner.fields) => {
                    piece.to.at += len;
                    piece.lines += lines;
                }
                step => self.record(plan, bytes, text.get(at - from.at..), step, piece),
            }
        }
    }

    /// Does the file's footer begin here? A row that contains its marker is still a row.
    fn is_end(&mut self, plan: &Plan, bytes: &[u8], at_end: bool) -> bool {
        let Some(end) = &plan.config.end else { return false };
        let len = memchr(b'\n', bytes).unwrap_or(bytes.len());
        let line = part(bytes, 0, len.min(plan.config.limits.record_bytes_max));
        end.is_at(line, plan.delimiter, plan.config.quoting)
            && !(end.is_marker() && self.is_order(plan, bytes, line, at_end))
    }

    /// Does a row begin at the start of `bytes`, judged by its record or by its `line`?
    fn is_order(&mut self, plan: &Plan, bytes: &[u8], line: &[u8], at_end: bool) -> bool {
        let looks = plan.looks();
        if looks.is_order(line) {
            return true;
        }
        let Step::Record { raw, lines, .. } = self.scanner.scan(bytes, at_end) else {
            return false;
        };
        lines > 1 && looks.is_order_of(part(bytes, 0, raw), &self.scanner.fields)
    }

    /// Is `line`, from an assumed footer, a row after all?
    pub(crate) fn is_row(&mut self, line: &[u8]) -> bool {
        let plan = self.plan.clone();
        if plan.looks().is_order(line) {
            return true;
        }
        // Only the transform knows its computed columns.
        let block = Block { bytes: line.to_vec(), len: line.len(), end: true };
        plan.config.derivation.is_some()
            && !self.read(&block, Point::record(0), block.len, None).batch.is_empty()
    }

    /// Handles the record or defect at `piece.to`, and moves after it. `text` begins there and contains
    /// the bytes that are known to be UTF-8.
    fn record(
        &mut self,
        plan: &Plan,
        bytes: &[u8],
        text: Option<&str>,
        step: Step,
        piece: &mut Piece,
    ) {
        let limits = plan.config.limits;
        let bytes = rest(bytes, piece.to.at);
        let (raw, whole, fault) = match step {
            Step::Record { raw, lines, first, .. }
                if 1 < lines
                    && plan.looks().has_row(part(bytes, 0, raw), first, &self.scanner.fields) =>
            {
                (part(bytes, 0, first).trim_ascii_end(), false, row_in_quotes())
            }
            Step::Record { raw, has_nul, .. } => {
                let text = text.and_then(|text| text.get(..raw));
                self.scanner.fit(plan.width(), raw);
                let raw = part(bytes, 0, raw);
                match check_structure(plan, self.scanner.fields.len(), raw, text, has_nul) {
                    Err(_) if self.header(plan, raw, piece) => {
                        return piece.pass(step, false, limits.record_bytes_max);
                    }
                    Err((fault, whole)) => (raw, whole, fault),
                    Ok(text) => {
                        self.row(plan, text, piece);
                        return piece.pass(step, true, limits.record_bytes_max);
                    }
                }
            }
            Step::Bad { defect, raw, .. } => {
                let column = plan.layout.names.get(self.scanner.fields.len()).cloned();
                (part(bytes, 0, raw), true, broken(defect, column, limits.record_bytes_max))
            }
            Step::Need | Step::Blank { .. } => return,
        };
        if !self.making.as_ref().is_some_and(Making::is_gathering) {
            let id = self.order_text(plan, bytes, step, whole);
            let order_id = id.and_then(|id| piece.order_named(&id));
            piece.reject(raw, fault, order_id, plan);
        }
        piece.sums.unread += 1;
        // It may have begun an order: the following rows must not continue the order before it.
        piece.order = None;
        piece.pass(step, whole, limits.record_bytes_max);
    }

    /// The text in the order column of a broken record, or of its first line if only that is given up.
    fn order_text(&self, plan: &Plan, bytes: &[u8], step: Step, whole: bool) -> Option<String> {
        let fields = self.scanner.fields.as_slice();
        let text = |fields| rules::order_text(&plan.layout, plan.config.quoting, bytes, fields);
        match step {
            Step::Record { first, lines, .. } if !whole && 1 < lines => {
                let line = part(bytes, 0, first);
                let within = fields.iter().take_while(|field| field.end <= first).count();
                plan.looks()
                    .order_text(line)
                    .or_else(|| text(fields.get(..within).unwrap_or_default()))
            }
            _ => text(fields),
        }
    }

    /// Checks whether a record that is not a row is a line of column names, and records it as such.
    fn header(&self, plan: &Plan, raw: &[u8], piece: &mut Piece) -> bool {
        let name = |span: &Span| {
            let text = String::from_utf8_lossy(part(raw, span.start, span.end));
            if span.escaped { plan.config.quoting.plain(&text).into_owned() } else { text.into() }
        };
        let names: Vec<String> = self.scanner.fields.iter().map(name).collect();
        let field = |column: &Column| names.get(column.at).map(|name| record::trim(name));
        plan.layout.may_be_header(field) && piece.header(plan, &names)
    }

    /// Adds a record with the right number of fields to the batch or to the rejects.
    fn row(&mut self, plan: &Plan, raw: &str, piece: &mut Piece) {
        let Plan { config, layout, .. } = plan;
        let (mut text, mut fields) = (raw, &self.scanner.fields);
        if fields.iter().any(|field| field.escaped) {
            self.unescaped_fields.clone_from(fields);
            let into = &mut self.unescaped;
            rules::unescape(text, config.quoting, &mut self.unescaped_fields, into);
            (text, fields) = (&self.unescaped, &self.unescaped_fields);
        }
        // Computed columns may contain letters that the file does not.
        let is_clean = self.is_ascii && self.making.is_none();
        let mut record = Record { layout, text, fields };
        let mut verdict = None;
        if let Some(making) = &mut self.making {
            if making.is_gathering() {
                return making.gather(&record);
            }
            (record, verdict) = making.take(&record);
        }
        if !is_clean {
            record = self.cleaned.of(record);
        }
        let own_id = record.field(&layout.order_id);
        let before = piece.order.take();
        let continued = before.as_ref().filter(|before| before.is_continued_by(own_id));
        if continued.is_some_and(Order::is_filtered) {
            verdict = Some(Verdict::Filtered);
        }
        let filtered = verdict == Some(Verdict::Filtered);
        let begun = config.continued_rows.then(|| Order::begun(&record, before.as_ref(), filtered));
        let row = match verdict {
            None => rules::read(config, &record, before.as_ref(), &mut self.scratch, piece.lines),
            Some(verdict) => Err(verdict.fault(layout)),
        };
        if row.as_ref().is_err_and(|fault| piece.is_header(plan, &record, fault)) {
            return;
        }
        if config.sums {
            let (quantity, price) = match &row {
                Ok(row) => (Some(row.quantity), Some(row.unit_price)),
                Err(_) => rules::amounts(config, &record, &mut self.scratch),
            };
            piece.sums.add_row(quantity, price);
        }
        let rejected = match row {
            Ok(row) => {
                let into = &mut self.fingerprint;
                piece.keys.extend(config.unique.iter().map(|set| rules::key(&row, set, into)));
                if config.duplicates != Duplicates::Off || !config.unique.is_empty() {
                    let fingerprint = rules::fingerprint(&row, into);
                    let start = piece.to.at;
                    piece.origins.push(Origin { fingerprint, start, end: start + raw.len() });
                }
                piece.batch.push(&row);
                None
            }
            Err(fault) => Some((fault, own_id.to_owned())),
        };
        piece.order = begun.flatten().or(before);
        if let Some((fault, own_id)) = rejected {
            piece.reject_row(raw, fault, &own_id, plan);
        }
    }
}
