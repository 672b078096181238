//! From blocks of bytes to batches and rejects.

use crate::batch::{Batch, Row};
use crate::config::{Config, ConfigError, Limits};
use crate::duplicates::Seen;
use crate::header::{FileError, Layout};
use crate::profile::{ColumnProfile, Profile};
use crate::reject::{Reject, Rule};
use crate::rules::{self, Fault};
use crate::scanner::{Defect, Scanner, Span, Step, part, rest};
use domain::partner::{FileFormat, Rules};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most bytes that are worked on at once, whatever a caller pushes.
const BLOCK_BYTES: usize = 1 << 20;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads one file, block by block.
#[derive(Debug)]
pub struct Transform {
    config: Config,
    scanner: Scanner,
    state: State,
    /// Bytes that no record was made of yet.
    buffer: Vec<u8>,
    /// Physical line of the first byte in `buffer`.
    line: u64,
    /// Where the columns stand, once the header was read.
    layout: Option<Layout>,
    seen: Option<Seen>,
    /// Scratch: a record whose doubled quotes are single, and its fields.
    unescaped: String,
    unescaped_fields: Vec<Span>,
    /// Scratch: what two equal rows share.
    fingerprint: Vec<u8>,
    summary: Summary,
    rejected: BTreeMap<Rule, u64>,
    profile: Profile,
}

#[derive(Debug)]
enum State {
    /// Nothing read yet: there may be a byte order mark.
    Start,
    /// At the start of a record.
    Record,
    /// Inside a line that is too long, whose rest is dropped.
    Skipping,
    /// The file is unreadable.
    Failed(FileError),
}

/// Rows and rejects of some blocks, each in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Accepted rows.
    pub batch: Batch,
    /// Rejected rows.
    pub rejects: Vec<Reject>,
}

/// What a file held. `rows` is always `accepted` and all of `rejected_by_rule` together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rows behind the header; blank lines are none.
    pub rows: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows rejected, by the code of the rule.
    pub rejected_by_rule: BTreeMap<String, u64>,
    /// What the accepted rows hold, column by column.
    pub profile: Vec<ColumnProfile>,
}

impl Summary {
    /// Rows rejected by any rule.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected_by_rule.values().sum()
    }
}

impl Transform {
    /// Makes ready to read one file of a partner. `time_zone` is its IANA name.
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub fn new(
        format: &FileFormat,
        rules: &Rules,
        time_zone: &str,
        limits: Limits,
    ) -> Result<Self, ConfigError> {
        let config = Config::new(format, rules, time_zone, limits)?;
        Ok(Self {
            scanner: Scanner::new(config.delimiter, limits.record_bytes_max),
            state: State::Start,
            buffer: Vec::new(),
            line: 1,
            layout: None,
            seen: config.reject_duplicates.then(Seen::default),
            unescaped: String::new(),
            unescaped_fields: Vec::new(),
            fingerprint: Vec::new(),
            summary: Summary::default(),
            rejected: BTreeMap::new(),
            profile: Profile::default(),
            config,
        })
    }

    /// Reads on: `bytes` is any piece of the file. What is returned, taken together, does not
    /// depend on where the pieces were cut. About 1 MiB is a good size.
    ///
    /// # Errors
    /// Why the file is unreadable as a whole; every later call says the same.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Part, FileError> {
        let mut part = Part::default();
        for block in bytes.chunks(BLOCK_BYTES) {
            if self.config.windows_1252 {
                let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(block);
                self.buffer.extend_from_slice(text.as_bytes());
            } else {
                self.buffer.extend_from_slice(block);
            }
            self.advance(false, &mut part)?;
        }
        self.profile.add(&part.batch);
        Ok(part)
    }

    /// The file ends here.
    ///
    /// # Errors
    /// As [`Transform::push`].
    pub fn finish(mut self) -> Result<(Part, Summary), FileError> {
        let mut part = Part::default();
        self.advance(true, &mut part)?;
        if self.layout.is_none() {
            return Err(FileError::Empty);
        }
        self.profile.add(&part.batch);
        self.summary.profile = self.profile.finish();
        let by_rule = self.rejected.into_iter();
        self.summary.rejected_by_rule =
            by_rule.map(|(rule, n)| (rule.code().to_owned(), n)).collect();
        Ok((part, self.summary))
    }

    /// Turns the buffer's complete records into rows and rejects.
    fn advance(&mut self, end: bool, into: &mut Part) -> Result<(), FileError> {
        let buffer = std::mem::take(&mut self.buffer);
        let read = self.read(&buffer, end, into);
        self.buffer = buffer;
        match read {
            Ok(read) => {
                self.buffer.drain(..read);
                Ok(())
            }
            Err(error) => {
                self.buffer = Vec::new();
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Reads records from `bytes` as far as they can be decided; says how far.
    fn read(&mut self, bytes: &[u8], end: bool, into: &mut Part) -> Result<usize, FileError> {
        let mut at = 0;
        // Once for all records: a good block is text throughout.
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                std::str::from_utf8(part(bytes, 0, error.valid_up_to())).unwrap_or_default()
            }
        };
        loop {
            match &self.state {
                State::Failed(error) => return Err(error.clone()),
                State::Start => {
                    if bytes.len() < BOM.len() && BOM.starts_with(bytes) && !end {
                        return Ok(0);
                    }
                    if bytes.starts_with(BOM) {
                        at = BOM.len();
                    }
                    self.state = State::Record;
                }
                State::Skipping => match memchr(b'\n', rest(bytes, at)) {
                    None => return Ok(bytes.len()),
                    Some(n) => {
                        at += n + 1;
                        self.line += 1;
                        self.state = State::Record;
                    }
                },
                State::Record => {
                    let bytes = rest(bytes, at);
                    match self.scanner.scan(bytes, end) {
                        Step::Need => return Ok(at),
                        Step::Blank { len } => {
                            at += len;
                            self.line += 1;
                        }
                        step => at += self.record(bytes, text.get(at..), step, into)?,
                    }
                }
            }
        }
    }

    /// Handles one record or defect at the start of `bytes`; says how many bytes are done.
    /// `text` is the same as far as it is known to be UTF-8.
    fn record(
        &mut self,
        bytes: &[u8],
        text: Option<&str>,
        step: Step,
        into: &mut Part,
    ) -> Result<usize, FileError> {
        let Some(layout) = &self.layout else {
            let layout = header(&self.config, &self.scanner, self.line, bytes, step)?;
            self.layout = Some(layout);
            return Ok(self.pass(bytes, step, true));
        };
        let limits = self.config.limits;
        if self.summary.rows >= limits.rows_max {
            return Err(FileError::TooManyRows { max: limits.rows_max });
        }
        self.summary.rows += 1;
        let mut fields = &self.scanner.fields;
        let (raw, whole, fault) = match step {
            Step::Record { raw, has_nul, .. } => {
                let text = text.and_then(|text| text.get(..raw));
                let raw = part(bytes, 0, raw);
                let checked = structure(layout, fields.len(), raw, text, has_nul);
                let checked = checked.and_then(|mut text| {
                    if fields.iter().any(|field| field.escaped) {
                        self.unescaped_fields.clone_from(fields);
                        rules::unescape(text, &mut self.unescaped_fields, &mut self.unescaped);
                        (text, fields) = (&self.unescaped, &self.unescaped_fields);
                    }
                    let row = rules::read(&mut self.config, layout, self.line, text, fields);
                    let new = |row: Row<'_>| {
                        is_new(self.seen.as_mut(), &row, &mut self.fingerprint)?;
                        into.batch.push(&row);
                        Ok(())
                    };
                    row.and_then(new).map_err(|fault| (fault, true))
                });
                let Err((fault, whole)) = checked else {
                    self.summary.accepted += 1;
                    return Ok(self.pass(bytes, step, true));
                };
                (raw, whole, fault)
            }
            Step::Bad { defect, raw, .. } => {
                let column = layout.names.get(fields.len()).cloned();
                (part(bytes, 0, raw), true, broken(defect, column, limits.record_bytes_max))
            }
            Step::Need | Step::Blank { .. } => return Ok(0),
        };
        let order_id = rules::order_id(layout, bytes, &self.scanner.fields);
        let raw = part(raw, 0, raw.len().min(limits.raw_bytes_max)).to_vec();
        let Fault { rule, column, reason } = fault;
        *self.rejected.entry(rule).or_default() += 1;
        into.rejects.push(Reject { line: self.line, column, rule, reason, raw, order_id });
        Ok(self.pass(bytes, step, whole))
    }

    /// Goes behind a record, or with `whole` false only behind its first line; says how many bytes
    /// that is.
    fn pass(&mut self, bytes: &[u8], step: Step, whole: bool) -> usize {
        match step {
            Step::Record { len, lines, .. } if whole => {
                self.line += lines;
                len
            }
            Step::Record { first: len, .. } | Step::Bad { len: Some(len), .. } => {
                self.line += 1;
                len
            }
            Step::Bad { len: None, .. } => {
                self.state = State::Skipping;
                self.config.limits.record_bytes_max.min(bytes.len())
            }
            Step::Need | Step::Blank { .. } => 0,
        }
    }
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

/// Whether no earlier accepted row equals `row`.
fn is_new(seen: Option<&mut Seen>, row: &Row<'_>, scratch: &mut Vec<u8>) -> Result<(), Fault> {
    let Some(seen) = seen else { return Ok(()) };
    rules::fingerprint(row, scratch);
    if seen.insert(scratch) {
        return Ok(());
    }
    let reason = "equals an earlier row".into();
    Err(Fault { rule: Rule::Duplicate, column: None, reason })
}

fn broken(defect: Defect, column: Option<Arc<str>>, limit: usize) -> Fault {
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

/// Reads the header from the first record.
fn header(
    config: &Config,
    scanner: &Scanner,
    line: u64,
    bytes: &[u8],
    step: Step,
) -> Result<Layout, FileError> {
    let unreadable = |reason: Cow<'static, str>| FileError::HeaderUnreadable {
        line,
        reason: reason.into_owned(),
    };
    let raw = match step {
        Step::Record { raw, .. } => part(bytes, 0, raw),
        Step::Bad { defect, .. } => {
            return Err(unreadable(broken(defect, None, config.limits.record_bytes_max).reason));
        }
        Step::Need | Step::Blank { .. } => b"",
    };
    if memchr(0, raw).is_some() {
        return Err(unreadable("it has a zero byte; is it a CSV file?".into()));
    }
    let text = std::str::from_utf8(raw).map_err(|_| FileError::HeaderNotUtf8 { line })?;
    let name =
        |span: &Span| text.get(span.start..span.end).unwrap_or_default().replace("\"\"", "\"");
    Layout::new(config, &scanner.fields.iter().map(name).collect::<Vec<_>>())
}
