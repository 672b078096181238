//! Joins the pieces in file order: checks where each begins, finds duplicates, and counts.

use crate::block::{Block, Point};
use crate::config::{Config, FOOTER_LINES_MAX};
use crate::continued::Order;
use crate::duplicates::Seen;
use crate::fault::Fault;
use crate::file_error::FileError;
use crate::fingerprint::Fingerprint;
use crate::head::{Detected, TEXTS_MAX, keep_line};
use crate::piece::{Guessed, Piece, Plan, cut};
use crate::profile::Profile;
use crate::reader::Reader;
use crate::reject::{Reject, Rule};
use crate::rules;
use crate::scanner::part;
use crate::spill::Scratch;
use crate::summary::{Part, Summary};
use crate::trailer::{self, End, has_text};
use domain::control::Sums;
use domain::partner::Duplicates;
use memchr::memchr_iter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest footer.
const FOOTER_BYTES_MAX: usize = 64 << 10;

/// The state after a part of the file.
#[derive(Debug)]
pub(crate) struct Join {
    plan: Arc<Plan>,
    /// Reads the parts for which no guess was right.
    reader: Reader,
    /// The current position, from the start of the next block.
    point: Point,
    /// The physical line of that position.
    line: u64,
    /// The order that the next row may continue.
    order: Option<Order>,
    /// The lines after the last row.
    footer: Option<Footer>,
    seen: Seen,
    /// The keys seen for each set of unique columns.
    unique: Vec<Seen>,
    rows: u64,
    accepted: u64,
    rejected: BTreeMap<Rule, u64>,
    filtered: u64,
    /// Physical lines that repeat the header.
    headers: Vec<u64>,
    profile: Profile,
    sums: Sums,
}

impl Join {
    /// Starts at the first line after the header.
    pub(crate) fn new(plan: Arc<Plan>, line: u64, scratch: Option<Arc<dyn Scratch>>) -> Self {
        let Config { limits, unique, duplicates, .. } = &plan.config;
        let sets = unique.len() + usize::from(*duplicates != Duplicates::Off);
        let bytes_max = limits.seen_bytes_max / sets.max(1);
        let unique = unique.iter().map(|_| Seen::unique(bytes_max, scratch.clone())).collect();
        Self {
            reader: Reader::new(plan.clone()),
            point: Point::record(0),
            line,
            order: None,
            footer: None,
            unique,
            seen: Seen::new(plan.config.duplicates, bytes_max, scratch),
            rows: 0,
            accepted: 0,
            rejected: BTreeMap::new(),
            filtered: 0,
            headers: Vec::new(),
            profile: Profile::default(),
            sums: Sums::default(),
            plan,
        }
    }

    /// Adds the next block. `guessed` was read from a position that may be wrong; it is used only if
    /// the previous piece ends there.
    pub(crate) fn add(
        &mut self,
        block: &Block,
        guessed: Option<Guessed>,
        into: &mut Vec<Part>,
    ) -> Result<(), FileError> {
        if let Some(Guessed { piece, begins }) = guessed {
            self.read(block, piece.from.at, into)?;
            let may_continue = || begins.zip(self.order.as_ref());
            if self.point == piece.from
                && self.footer.is_none()
                && may_continue().is_none_or(|(id, order)| !order.is_continued_by(&id))
            {
                self.take(block, piece, into)?;
            }
        }
        self.read(block, block.len, into)?;
        if let Some(footer) = &mut self.footer {
            footer.add(part(&block.bytes, self.point.at, block.len))?;
            self.point.at = self.point.at.max(block.len);
        }
        self.point.at -= block.len;
        Ok(())
    }

    /// Reads the part for which no guess was right.
    fn read(&mut self, block: &Block, until: usize, into: &mut Vec<Part>) -> Result<(), FileError> {
        if self.footer.is_some() || until <= self.point.at {
            return Ok(());
        }
        let piece = self.reader.read(block, self.point, until, self.order.take());
        self.take(block, piece, into)
    }

    /// The number of bytes at the start of `tail`, the assumed footer, up to the end of its last row.
    pub(crate) fn rows_in(&mut self, tail: &[u8]) -> usize {
        let (mut end, mut rows) = (0, 0);
        for line in tail.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            rows = if self.reader.is_row(line) { end } else { rows };
        }
        rows
    }

    /// A row after a footer's marker would be lost.
    fn check_footer(&mut self) -> Result<(), FileError> {
        let Some(footer) = &self.footer else { return Ok(()) };
        if !self.plan.config.end.as_ref().is_some_and(End::is_marker) {
            return Ok(());
        }
        for (line, text) in (footer.line..).zip(footer.bytes.split(|byte| *byte == b'\n')) {
            if self.reader.is_row(text) {
                return Err(FileError::RowInFooter { line, footer: footer.line });
            }
        }
        Ok(())
    }

    /// The summary of the file; `detected` comes from before the first row, and `tail` from after the
    /// last.
    pub(crate) fn finish(
        mut self,
        mut detected: Detected,
        tail: &[u8],
    ) -> Result<Summary, FileError> {
        let trailer = self.trailer()?;
        self.check_footer()?;
        let footer = self.footer.map(|footer| footer.bytes).unwrap_or_default();
        for line in [footer.as_slice(), tail].into_iter().flat_map(|b| b.split(|c| *c == b'\n')) {
            keep_line(line, &mut detected.footer);
        }
        detected.header_again = self.headers;
        let behind = lines(&footer) + lines(tail) + u64::from(self.point.skipping);
        let by_rule = self.rejected.into_iter();
        Ok(Summary {
            lines: self.line - 1 + behind,
            rows: self.rows,
            filtered: self.filtered,
            accepted: self.accepted,
            rejected_by_rule: by_rule.map(|(rule, n)| (rule.code().to_owned(), n)).collect(),
            profile: self.profile.finish(),
            detected,
            trailer,
            sums: Sums { rows: self.rows, ..self.sums },
        })
    }

    /// The fields of the last line, if it is a trailer.
    fn trailer(&self) -> Result<Option<Vec<String>>, FileError> {
        let (Some(End::Trailer(_)), Some(footer)) = (&self.plan.config.end, &self.footer) else {
            return Ok(None);
        };
        let mut lines = footer.bytes.split_inclusive(|byte| *byte == b'\n');
        let line = lines.next().unwrap_or_default();
        if lines.any(has_text) {
            return Err(FileError::BehindTrailer { line: footer.line });
        }
        Ok(Some(trailer::fields(line, self.plan.delimiter, self.plan.config.quoting)))
    }

    /// Adds a piece that begins at the current position.
    fn take(
        &mut self,
        block: &Block,
        mut piece: Piece,
        into: &mut Vec<Part>,
    ) -> Result<(), FileError> {
        if let Some(line) = piece.other_header {
            return Err(FileError::HeaderAgain { line: self.line + line });
        }
        self.rows += (piece.batch.len() + piece.rejects.len()) as u64 + piece.filtered;
        let max = self.plan.config.limits.rows_max;
        if self.rows > max {
            return Err(FileError::TooManyRows { max });
        }
        self.remove_duplicates(block, &mut piece)?;
        self.filtered += piece.filtered;
        let room = TEXTS_MAX.saturating_sub(self.headers.len());
        self.headers.extend(piece.headers.iter().take(room).map(|line| line + self.line));
        let Piece { to, lines, mut batch, mut rejects, profile, sums, footer, order, .. } = piece;
        batch.line.iter_mut().for_each(|line| *line += self.line);
        for reject in &mut rejects {
            reject.line += self.line;
            *self.rejected.entry(reject.rule).or_default() += 1;
        }
        self.point = to;
        self.line += lines;
        self.order = order;
        self.footer = footer.then(|| Footer { line: self.line, bytes: Vec::new() });
        self.accepted += batch.len() as u64;
        self.profile.add(profile);
        self.sums.add(&sums);
        if !batch.is_empty() || !rejects.is_empty() {
            into.push(Part { batch, rejects });
        }
        Ok(())
    }

    /// Rejects rows that equal an earlier row or repeat unique values.
    fn remove_duplicates(&mut self, block: &Block, piece: &mut Piece) -> Result<(), FileError> {
        let mut out = Vec::new();
        let mut repeated = false;
        for (i, origin) in piece.origins.iter().enumerate() {
            let order = piece.batch.order_id.get(i).unwrap_or_default();
            let keys = i * self.unique.len()..(i + 1) * self.unique.len();
            let fault = if self.seen.insert(origin.fingerprint, order)? {
                self.repeated(piece.keys.get(keys).unwrap_or_default())?
            } else {
                Some(Fault { rule: Rule::Duplicate, column: None, reason: rules::DUPLICATE.into() })
            };
            let (Some(Fault { rule, column, reason }), Some(row)) = (fault, piece.batch.row(i))
            else {
                continue;
            };
            repeated |= rule != Rule::Duplicate;
            piece.profile.forget(&row);
            let order_id = Some(row.order_id.to_owned());
            let raw = cut(part(&block.bytes, origin.start, origin.end), &self.plan.config);
            piece.rejects.push(Reject { line: row.line, column, rule, reason, raw, order_id });
            out.push(i);
        }
        if !out.is_empty() {
            piece.batch = piece.batch.without(&out);
            piece.rejects.sort_by_key(|reject| reject.line);
        }
        if repeated {
            // Another row than the earlier one may have been the minimum or maximum.
            piece.profile = Profile::of(&piece.batch);
        }
        Ok(())
    }

    /// The fault of a row that repeats the unique values of an earlier accepted row; otherwise its keys
    /// are remembered.
    fn repeated(&mut self, keys: &[Fingerprint]) -> Result<Option<Fault>, FileError> {
        let Plan { config, layout, .. } = &*self.plan;
        let sets = self.unique.iter_mut().zip(keys).zip(&config.unique);
        for ((seen, key), columns) in sets {
            if seen.contains(*key)? {
                let names = columns.iter().filter_map(|column| layout.column(*column));
                let names: Vec<&str> = names.map(|column| &*column.name).collect();
                let reason = format!("has the same {} as an earlier row", names.join(", "));
                let column = columns.first().and_then(|column| layout.column(*column));
                let column = column.map(|column| column.name.clone());
                return Ok(Some(Fault { rule: Rule::NotUnique, column, reason: reason.into() }));
            }
        }
        for (seen, key) in self.unique.iter_mut().zip(keys) {
            seen.insert(*key, "")?;
        }
        Ok(None)
    }
}

/// Number of physical lines; the last one may have no line end.
fn lines(bytes: &[u8]) -> u64 {
    let unended = bytes.last().is_some_and(|byte| *byte != b'\n');
    memchr_iter(b'\n', bytes).count() as u64 + u64::from(unended)
}

/// The lines after the last row; the first of them has the marker.
#[derive(Debug)]
struct Footer {
    line: u64,
    bytes: Vec<u8>,
}

impl Footer {
    /// If a row contained the marker, all rows after it would be lost, so a footer must be short.
    fn add(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.bytes.extend_from_slice(part(bytes, 0, bytes.len().min(FOOTER_BYTES_MAX + 1)));
        let texts = self.bytes.split(|c| *c == b'\n').filter(|line| has_text(line));
        if self.bytes.len() > FOOTER_BYTES_MAX || texts.count() > FOOTER_LINES_MAX {
            return Err(FileError::FooterTooLong { line: self.line, max: FOOTER_LINES_MAX });
        }
        Ok(())
    }
}
