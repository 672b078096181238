//! Reads a stretch of the file by itself: rows, rejects and where the next stretch begins.
//!
//! What becomes of a record depends on its bytes alone, so stretches can be read at the same time
//! and in any order, as soon as it is known, or guessed, where a record begins.

use crate::batch::{Batch, Row};
use crate::config::Config;
use crate::dates::LastDate;
use crate::duplicates::Fingerprint;
use crate::header::Layout;
use crate::profile::Profile;
use crate::reject::{Reject, Rule};
use crate::rules::{self, Fault};
use crate::scanner::{Defect, Scanner, Span, Step, part, rest};
use memchr::memchr;
use std::borrow::Cow;
use std::sync::Arc;

/// Most lines that are tried as the first one of a record: a guess may fail, not take long.
const GUESSES_MAX: usize = 64;

/// What all readers of a file share.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) config: Config,
    pub(crate) layout: Layout,
}

/// A stretch of the file and, behind it, what its last record may need.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    /// Records that begin before this are the block's.
    pub(crate) len: usize,
    /// Nothing is behind `bytes`.
    pub(crate) end: bool,
}

/// A place between two records, or inside a line that is too long and whose rest is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// In bytes from the start of the block; may be behind its end.
    pub(crate) at: usize,
    pub(crate) skipping: bool,
}

impl Point {
    pub(crate) fn record(at: usize) -> Self {
        Self { at, skipping: false }
    }
}

/// What was read between two places. Lines are counted from 0 at the first.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) from: Point,
    pub(crate) to: Point,
    /// Line ends between the two.
    pub(crate) lines: u64,
    pub(crate) batch: Batch,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) profile: Profile,
    /// For each row what stands for it and where its text is; empty if duplicates are kept.
    pub(crate) origins: Vec<Origin>,
}

/// A row as it may have to be rejected later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) fingerprint: Fingerprint,
    /// Its record, in bytes from the start of the block.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Piece {
    fn new(from: Point) -> Self {
        Self {
            from,
            to: from,
            lines: 0,
            batch: Batch::default(),
            rejects: Vec::new(),
            profile: Profile::default(),
            origins: Vec::new(),
        }
    }
}

/// Reads pieces; what it keeps between two is scratch.
#[derive(Debug)]
pub(crate) struct Reader {
    plan: Arc<Plan>,
    scanner: Scanner,
    last_date: LastDate,
    /// A record whose doubled quotes are single, and its fields.
    unescaped: String,
    unescaped_fields: Vec<Span>,
    /// What two equal rows share.
    fingerprint: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self {
            scanner: Scanner::new(plan.config.delimiter, plan.config.limits.record_bytes_max),
            plan,
            last_date: LastDate::default(),
            unescaped: String::new(),
            unescaped_fields: Vec::new(),
            fingerprint: Vec::new(),
        }
    }

    /// Where a record begins in `block`, probably: behind a line end, where one of the header's
    /// width can be read. Inside a text of several lines that can be wrong.
    pub(crate) fn guess(&mut self, block: &Block) -> Option<usize> {
        let mut at = 0;
        for _ in 0..GUESSES_MAX {
            at += memchr(b'\n', part(&block.bytes, at, block.len))? + 1;
            let step = self.scanner.scan(rest(&block.bytes, at), block.end);
            let fits = self.scanner.fields.len() == self.plan.layout.width;
            if matches!(step, Step::Record { .. }) && fits {
                return (at < block.len).then_some(at);
            }
        }
        None
    }

    /// Reads the records that begin in `block` at or behind `from` and before `until`.
    pub(crate) fn read(&mut self, block: &Block, from: Point, until: usize) -> Piece {
        let mut piece = Piece::new(from);
        let bytes = block.bytes.as_slice();
        // Once for all records: a good block is text throughout, but for its cut end.
        let text = match std::str::from_utf8(rest(bytes, from.at)) {
            Ok(text) => text,
            Err(error) => {
                let valid = part(bytes, from.at, from.at + error.valid_up_to());
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        while piece.to.at < until {
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
            match self.scanner.scan(rest(bytes, at), block.end) {
                // A block holds its records whole, or more of them than a record may have.
                Step::Need => unreachable!("byte {at} of a block of {}", block.len),
                Step::Blank { len } => {
                    piece.to.at += len;
                    piece.lines += 1;
                }
                step => self.record(bytes, text.get(at - from.at..), step, &mut piece),
            }
        }
        piece.profile = Profile::of(&piece.batch);
        piece
    }

    /// Handles the record or defect at `piece.to`, and goes behind it. `text` begins there, and is
    /// as much as is known to be UTF-8.
    fn record(&mut self, bytes: &[u8], text: Option<&str>, step: Step, piece: &mut Piece) {
        let plan = self.plan.clone();
        let Plan { config, layout } = plan.as_ref();
        let start = piece.to.at;
        let bytes = rest(bytes, start);
        let mut fields = &self.scanner.fields;
        let (raw, whole, fault) = match step {
            Step::Record { raw, has_nul, .. } => {
                let text = text.and_then(|text| text.get(..raw));
                let origin = (start, start + raw);
                let raw = part(bytes, 0, raw);
                let checked = structure(layout, fields.len(), raw, text, has_nul);
                let checked = checked.and_then(|mut text| {
                    if fields.iter().any(|field| field.escaped) {
                        self.unescaped_fields.clone_from(fields);
                        rules::unescape(text, &mut self.unescaped_fields, &mut self.unescaped);
                        (text, fields) = (&self.unescaped, &self.unescaped_fields);
                    }
                    let date = &mut self.last_date;
                    rules::read(config, layout, date, piece.lines, text, fields)
                        .map_err(|fault| (fault, true))
                });
                match checked {
                    Ok(row) => {
                        if config.reject_duplicates {
                            let fingerprint = fingerprint(&row, &mut self.fingerprint);
                            let (start, end) = origin;
                            piece.origins.push(Origin { fingerprint, start, end });
                        }
                        piece.batch.push(&row);
                        return pass(piece, step, true, config.limits.record_bytes_max);
                    }
                    Err((fault, whole)) => (raw, whole, fault),
                }
            }
            Step::Bad { defect, raw, .. } => {
                let column = layout.names.get(fields.len()).cloned();
                let fault = broken(defect, column, config.limits.record_bytes_max);
                (part(bytes, 0, raw), true, fault)
            }
            Step::Need | Step::Blank { .. } => return,
        };
        let order_id = rules::order_id(layout, bytes, &self.scanner.fields);
        let Fault { rule, column, reason } = fault;
        let raw = cut(raw, config);
        piece.rejects.push(Reject { line: piece.lines, column, rule, reason, raw, order_id });
        pass(piece, step, whole, config.limits.record_bytes_max);
    }
}

/// As much of a record as a reject keeps.
pub(crate) fn cut(raw: &[u8], config: &Config) -> Vec<u8> {
    part(raw, 0, raw.len().min(config.limits.raw_bytes_max)).to_vec()
}

/// Goes behind a record, or with `whole` false only behind its first line.
fn pass(piece: &mut Piece, step: Step, whole: bool, record_bytes_max: usize) {
    let (len, lines) = match step {
        Step::Record { len, lines, .. } if whole => (len, lines),
        Step::Record { first: len, .. } | Step::Bad { len: Some(len), .. } => (len, 1),
        Step::Bad { len: None, .. } => {
            piece.to.skipping = true;
            (record_bytes_max, 0)
        }
        Step::Need | Step::Blank { .. } => return,
    };
    piece.to.at += len;
    piece.lines += lines;
}

fn fingerprint(row: &Row<'_>, scratch: &mut Vec<u8>) -> Fingerprint {
    rules::fingerprint(row, scratch);
    Fingerprint::of(scratch)
}

/// What is wrong with a record's width and bytes; with it, whether the whole record is to blame
/// or only its first line. `text` is `raw` if that is known to be UTF-8.
fn structure<'a>(
    layout: &Layout,
    fields: usize,
    raw: &'a [u8],
    text: Option<&'a str>,
    has_nul: bool,
) -> Result<&'a str, (Fault, bool)> {
    let fault = |rule, reason: Cow<'static, str>| Fault { rule, column: None, reason };
    if fields != layout.width {
        let rule = if fields < layout.width { Rule::TooFewFields } else { Rule::TooManyFields };
        let reason = format!("has {fields} fields, the header has {}", layout.width);
        // A quote that was left open may have run to the next row's first one.
        return Err((fault(rule, reason.into()), false));
    }
    if has_nul {
        let reason = format!("byte {} of the record is zero", memchr(0, raw).unwrap_or(0) + 1);
        return Err((fault(Rule::NulByte, reason.into()), true));
    }
    text.map_or_else(|| std::str::from_utf8(raw), Ok).map_err(|error| {
        let reason = format!("byte {} of the record is not UTF-8", error.valid_up_to() + 1);
        (fault(Rule::InvalidUtf8, reason.into()), true)
    })
}

/// What a defect is, for people.
pub(crate) fn broken(defect: Defect, column: Option<Arc<str>>, limit: usize) -> Fault {
    let (rule, reason): (Rule, Cow<'static, str>) = match defect {
        Defect::StrayQuote => (Rule::StrayQuote, "a quote inside a field without quotes".into()),
        Defect::TextAfterQuote => (Rule::TextAfterQuote, "text after a closing quote".into()),
        Defect::UnclosedQuote => {
            let reason = format!("a quote is not closed within {limit} bytes or the file");
            (Rule::UnclosedQuote, reason.into())
        }
        Defect::StrayCarriageReturn => {
            (Rule::StrayCarriageReturn, "a carriage return inside a field without quotes".into())
        }
        Defect::TooLong => (Rule::RecordTooLong, format!("is longer than {limit} bytes").into()),
    };
    let column = column.filter(|_| defect != Defect::TooLong);
    Fault { rule, column, reason }
}
