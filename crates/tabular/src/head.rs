//! Reads the lines before the first row: finds the delimiter and the header.
//!
//! The header is the first line with every configured column. This also determines the delimiter and
//! the preamble, without guessing from the look of the file.

use crate::alike::Looks;
use crate::config::Config;
use crate::delimiter::DELIMITERS;
use crate::encoding::Found;
use crate::file_error::FileError;
use crate::header::Layout;
use crate::piece::MARK;
use crate::scanner::{Defect, Scanner, Span, Step, part, rest};
use crate::structure::broken;
use domain::partner::{Delimiter, Products};
use memchr::memchr;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most lines with text, and most bytes, in which the header is searched.
const LINES_MAX: usize = 50;
const BYTES_MAX: usize = 256 << 10;
/// Most lines of a preamble or footer that are kept, and most characters of each.
pub(crate) const TEXTS_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 200;

/// The detected format of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Detected {
    /// Name of the character encoding.
    pub encoding: String,
    /// Whether it began with a byte order mark.
    pub bom: bool,
    /// The delimiter of columns.
    pub delimiter: String,
    /// Whether it began with a line such as `sep=;`.
    pub sep_line: bool,
    /// Physical line of the header; the file's first is 1.
    pub header_line: u64,
    /// The used columns: keys of the configuration and names in the file.
    pub columns: BTreeMap<String, String>,
    /// Lines with text before the header, at most 20, each shortened to 200 characters.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub preamble: Vec<String>,
    /// Lines with text at the end that are not rows, with the same limits.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub footer: Vec<String>,
    /// Physical lines that repeat the header, at most 20. They are not rows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub header_again: Vec<u64>,
}

/// Searches the header.
#[derive(Debug)]
pub(crate) struct Head {
    config: Config,
    scanners: Vec<Scanner>,
    found: Option<Found>,
    /// The first line may be a `sep=` line.
    first: bool,
    /// Lines still to be skipped.
    skip: u32,
    /// Physical line of the first byte in the buffer.
    line: u64,
    search: Search,
    sep_line: bool,
    preamble: Vec<String>,
    /// The skipped lines, with their numbers.
    passed: Vec<(u64, Vec<u8>)>,
    /// The number of missing columns in the best line so far, and the error for it.
    best: Option<(usize, FileError)>,
}

/// How far the header was searched.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Number of lines with text, and of bytes from the first of them on.
    texts: usize,
    bytes: usize,
}

impl Search {
    /// Whether the search is over.
    pub(crate) fn is_over(&self) -> bool {
        LINES_MAX <= self.texts || BYTES_MAX <= self.bytes
    }

    /// A line of this length is not the header.
    pub(crate) fn pass(&mut self, len: usize, has_text: bool) {
        self.texts += usize::from(has_text);
        self.bytes += if self.texts == 0 { 0 } else { len };
    }
}

/// The header was found; the first row is on `line`.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) layout: Layout,
    pub(crate) delimiter: u8,
    pub(crate) line: u64,
    pub(crate) detected: Detected,
}

/// The kind of a line.
enum Line {
    /// More bytes are needed to decide.
    Need,
    Blank,
    /// A line that is skipped.
    PassedOver,
    Text,
    Header(Box<Layout>, u8, Step),
}

impl Head {
    pub(crate) fn new(config: Config) -> Self {
        let bytes_max = config.limits.record_bytes_max;
        let scanners = match config.delimiter {
            Delimiter::Auto => {
                DELIMITERS.map(|d| Scanner::new(d, config.quoting, bytes_max)).into()
            }
            Delimiter::Is(delimiter) => {
                let byte = u8::try_from(delimiter).expect("the configuration was checked");
                vec![Scanner::new(byte, config.quoting, bytes_max)]
            }
        };
        Self {
            scanners,
            found: None,
            first: true,
            skip: config.preamble_lines,
            line: 1,
            search: Search::default(),
            sep_line: false,
            preamble: Vec::new(),
            passed: Vec::new(),
            best: None,
            config,
        }
    }

    pub(crate) fn encoding(&mut self, found: Found) {
        self.found = Some(found);
    }

    /// Quantities and totals must be summed.
    pub(crate) fn sum(&mut self) {
        self.config.sums = true;
    }

    /// Product ids must be looked up.
    pub(crate) fn look_up(&mut self, products: Arc<Products>) {
        self.config.products = Some(products);
    }

    /// Sets the currency of prices.
    pub(crate) fn priced_in(&mut self, currency: &str) {
        self.config.currency.set(currency);
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn encoding_name(&self) -> &'static str {
        encoding_name(self.found)
    }

    /// Removes lines from `buffer`, including the header. `None` if more bytes are needed.
    pub(crate) fn read(
        &mut self,
        buffer: &mut Vec<u8>,
        end: bool,
    ) -> Result<Option<Start>, FileError> {
        let mut at = 0;
        let start = loop {
            let bytes = rest(buffer, at);
            if bytes.is_empty() {
                break None;
            }
            if bytes.starts_with(MARK) {
                at += MARK.len();
                continue;
            }
            if self.search.is_over() {
                return Err(self.give_up());
            }
            let line = match self.pass_over(bytes, end)? {
                None => Line::Need,
                Some(true) => Line::PassedOver,
                Some(false) => self.look(bytes, end)?,
            };
            let len = memchr(b'\n', bytes).map_or(bytes.len(), |n| n + 1);
            match line {
                Line::Need => break None,
                Line::Blank => {
                    at += len;
                    self.search.pass(len, false);
                }
                Line::PassedOver => {
                    self.pass(part(bytes, 0, len));
                    at += len;
                }
                Line::Text => {
                    self.search.pass(len, true);
                    self.pass(part(bytes, 0, len));
                    at += len;
                }
                Line::Header(layout, delimiter, step) => {
                    let Step::Record { len, lines, .. } = step else { break None };
                    self.check_passed(&layout, delimiter)?;
                    let detected = self.detected(&layout, delimiter);
                    self.line += lines;
                    at += len;
                    break Some(Start { layout: *layout, delimiter, line: self.line, detected });
                }
            }
            self.line += 1;
        };
        buffer.drain(..at);
        if start.is_none() && end {
            return Err(self.give_up());
        }
        Ok(start)
    }

    /// Keeps a line that is not the header.
    fn pass(&mut self, line: &[u8]) {
        keep_line(line, &mut self.preamble);
        let kept: usize = self.passed.iter().map(|(_, line)| line.len()).sum();
        if kept + line.len() <= BYTES_MAX {
            self.passed.push((self.line, line.to_vec()));
        }
    }

    /// A row before the header would be lost: the file was sorted or put together, perhaps from files
    /// with different delimiters.
    fn check_passed(&self, layout: &Layout, delimiter: u8) -> Result<(), FileError> {
        let is_order = |line: &[u8]| {
            let mut delimiters = DELIMITERS.into_iter().chain([delimiter]);
            delimiters
                .any(|delimiter| Looks { config: &self.config, layout, delimiter }.is_order(line))
        };
        match self.passed.iter().find(|(_, line)| is_order(line)) {
            Some((line, _)) => Err(FileError::RowBeforeHeader { line: *line }),
            None => Ok(()),
        }
    }

    /// Is the line at the start of `bytes` skipped? `None` if the line may not be complete.
    fn pass_over(&mut self, bytes: &[u8], end: bool) -> Result<Option<bool>, FileError> {
        if !self.first && self.skip == 0 {
            return Ok(Some(false));
        }
        let max = self.config.limits.record_bytes_max;
        let line = match memchr(b'\n', part(bytes, 0, bytes.len().min(max))) {
            Some(n) => part(bytes, 0, n),
            // A line without end is not skipped, because it may hide anything.
            None if max < bytes.len() && self.skip != 0 => {
                let reason = broken(Defect::TooLong, None, max).reason.into_owned();
                return Err(FileError::HeaderUnreadable { line: self.line, reason });
            }
            None if max < bytes.len() => return Ok(Some(false)),
            None if end => bytes,
            None => return Ok(None),
        };
        if std::mem::take(&mut self.first)
            && let Some(delimiter) = sep_line(line)
        {
            self.sep_line = true;
            if self.config.delimiter == Delimiter::Auto {
                self.scanners = vec![Scanner::new(delimiter, self.config.quoting, max)];
            }
            return Ok(Some(true));
        }
        let skipped = self.skip != 0;
        self.skip = self.skip.saturating_sub(1);
        Ok(Some(skipped))
    }

    /// The kind of the line at the start of `bytes`, with each delimiter.
    fn look(&mut self, bytes: &[u8], end: bool) -> Result<Line, FileError> {
        let mut headers = Vec::new();
        for i in 0..self.scanners.len() {
            let Some(scanner) = self.scanners.get_mut(i) else { continue };
            let step = scanner.scan(bytes, end);
            match step {
                Step::Need => return Ok(Line::Need),
                Step::Blank { .. } => return Ok(Line::Blank),
                _ => {}
            }
            let scanner = &*scanner;
            match header(&self.config, self.found, scanner, self.line, bytes, step) {
                Ok(layout) => headers.push((Box::new(layout), scanner.delimiter(), step)),
                // All columns are there, so no other line is the header.
                Err((0, error)) => return Err(error),
                Err((missing, error)) => {
                    if self.best.as_ref().is_none_or(|(fewest, _)| missing < *fewest) {
                        self.best = Some((missing, error));
                    }
                    // A line without end is not skipped.
                    if matches!(step, Step::Bad { len: None, .. }) {
                        return Err(self.give_up());
                    }
                }
            }
        }
        if headers.len() > 1 {
            let choices = headers.iter().map(|(_, delimiter, _)| char::from(*delimiter)).collect();
            return Err(FileError::DelimiterUnclear { line: self.line, choices });
        }
        Ok(headers
            .pop()
            .map_or(Line::Text, |(layout, delimiter, step)| Line::Header(layout, delimiter, step)))
    }

    fn give_up(&mut self) -> FileError {
        let within = |line: &&(u64, Vec<u8>)| line.1.trim_ascii_end().contains(&b'\r');
        if let Some((line, _)) = self.passed.first().filter(within) {
            return FileError::CarriageReturns { line: *line };
        }
        self.best.take().map_or(FileError::Empty, |(_, error)| error)
    }

    fn detected(&mut self, layout: &Layout, delimiter: u8) -> Detected {
        Detected {
            encoding: encoding_name(self.found).to_owned(),
            bom: self.found.is_some_and(|found| found.bom),
            delimiter: Delimiter::Is(char::from(delimiter)).to_string(),
            sep_line: self.sep_line,
            header_line: self.line,
            columns: layout.used(),
            preamble: std::mem::take(&mut self.preamble),
            footer: Vec::new(),
            header_again: Vec::new(),
        }
    }
}

/// The usual name of an encoding.
pub(crate) fn encoding_name(found: Option<Found>) -> &'static str {
    found.map_or("UTF-8", |found| found.encoding.name())
}

/// Keeps a line for people, if it has text and the limit is not reached.
pub(crate) fn keep_line(line: &[u8], texts: &mut Vec<String>) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    if !text.is_empty() && texts.len() < TEXTS_MAX {
        texts.push(text.chars().take(TEXT_CHARS_MAX).collect());
    }
}

/// The delimiter in a line `sep=;`, with or without quotes.
pub(crate) fn sep_line(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [s, e, p].map(u8::to_ascii_lowercase) == *b"sep" => {
            Some(*delimiter).filter(|d| d.is_ascii() && !d.is_ascii_alphanumeric() && *d != b'"')
        }
        _ => None,
    }
}

/// Reads a record as the header; otherwise returns the number of missing columns and the error.
fn header(
    config: &Config,
    found: Option<Found>,
    scanner: &Scanner,
    line: u64,
    bytes: &[u8],
    step: Step,
) -> Result<Layout, (usize, FileError)> {
    let all = config.columns.len();
    let unreadable = |reason: Cow<'static, str>| {
        (all, FileError::HeaderUnreadable { line, reason: reason.into_owned() })
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
    let text = std::str::from_utf8(raw)
        .map_err(|_| (all, FileError::HeaderNotText { line, encoding: encoding_name(found) }))?;
    let name = |span: &Span| {
        let name = text.get(span.start..span.end).unwrap_or_default();
        config.quoting.plain(name).into_owned()
    };
    let names: Vec<String> = scanner.fields.iter().map(name).collect();
    Layout::new(config, &names).map_err(|error| match &error {
        FileError::HeaderMissing { missing, .. } => (missing.len(), error),
        _ => (0, error),
    })
}
