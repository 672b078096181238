//! Before the first row: finds the delimiter and the header.
//!
//! The header is the first line that has every configured column. That says the delimiter as well,
//! and which lines are a preamble, without a guess from the looks of the file.

use crate::alike::Looks;
use crate::config::Config;
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

/// Most lines with text, and most bytes, among which the header is looked for.
const LINES_MAX: usize = 50;
const BYTES_MAX: usize = 256 << 10;
/// What `auto` tries.
pub(crate) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Most lines of a preamble or footer that are kept, and most characters of each.
pub(crate) const TEXTS_MAX: usize = 20;
const TEXT_CHARS_MAX: usize = 200;

/// How a file looks, as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct Detected {
    /// Name of the character encoding.
    pub encoding: String,
    /// It began with a byte order mark.
    pub bom: bool,
    /// What separates the columns.
    pub delimiter: String,
    /// It began with a line such as `sep=;`.
    pub sep_line: bool,
    /// Physical line of the header; the file's first is 1.
    pub header_line: u64,
    /// The columns in use: keys of the configuration and names in the file.
    pub columns: BTreeMap<String, String>,
    /// Lines with text before the header, at most 20, each cut at 200 characters.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub preamble: Vec<String>,
    /// Lines with text that were no rows at the end, with the same limits.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub footer: Vec<String>,
    /// Physical lines on which the header stands again, at most 20. They are no rows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub header_again: Vec<u64>,
}

/// Looks for the header.
#[derive(Debug)]
pub(crate) struct Head {
    config: Config,
    scanners: Vec<Scanner>,
    found: Option<Found>,
    /// The first line may still say `sep=`.
    first: bool,
    /// Lines still to be passed over.
    skip: u32,
    /// Physical line of the first byte in the buffer.
    line: u64,
    search: Search,
    sep_line: bool,
    preamble: Vec<String>,
    /// The lines passed over, with their numbers.
    passed: Vec<(u64, Vec<u8>)>,
    /// Columns missing in the line that lacks the fewest, and what is said about it.
    best: Option<(usize, FileError)>,
}

/// How far the header was looked for.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Lines with text, and bytes from the first of them on.
    texts: usize,
    bytes: usize,
}

impl Search {
    /// No further line is looked at.
    pub(crate) fn is_over(&self) -> bool {
        LINES_MAX <= self.texts || BYTES_MAX <= self.bytes
    }

    /// A line of so many bytes is none.
    pub(crate) fn pass(&mut self, len: usize, has_text: bool) {
        self.texts += usize::from(has_text);
        self.bytes += if self.texts == 0 { 0 } else { len };
    }
}

/// What was found: the first row is on `line`.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) layout: Layout,
    pub(crate) delimiter: u8,
    pub(crate) line: u64,
    pub(crate) detected: Detected,
}

/// What a line is.
enum Line {
    /// Not decidable without more bytes.
    Need,
    Blank,
    /// One that is not looked at.
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

    /// Rows are to be added up.
    pub(crate) fn sum(&mut self) {
        self.config.sums = true;
    }

    /// Product ids are to be looked up.
    pub(crate) fn look_up(&mut self, products: Arc<Products>) {
        self.config.products = Some(products);
    }

    /// Prices are in this currency.
    pub(crate) fn priced_in(&mut self, currency: &str) {
        self.config.currency.set(currency);
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn encoding_name(&self) -> &'static str {
        encoding_name(self.found)
    }

    /// Takes lines out of `buffer`, the header included. Nothing if more bytes are needed.
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

    /// Keeps a line that is no header.
    fn pass(&mut self, line: &[u8]) {
        keep_line(line, &mut self.preamble);
        let kept: usize = self.passed.iter().map(|(_, line)| line.len()).sum();
        if kept + line.len() <= BYTES_MAX {
            self.passed.push((self.line, line.to_vec()));
        }
    }

    /// A row before the header would be lost: the file was sorted, or put together, perhaps of files with
    /// several delimiters.
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

    /// Is the line at the start of `bytes` one that is not looked at? Nothing if it may go on.
    fn pass_over(&mut self, bytes: &[u8], end: bool) -> Result<Option<bool>, FileError> {
        if !self.first && self.skip == 0 {
            return Ok(Some(false));
        }
        let max = self.config.limits.record_bytes_max;
        let line = match memchr(b'\n', part(bytes, 0, bytes.len().min(max))) {
            Some(n) => part(bytes, 0, n),
            // One without end is not passed over: what else it hides is not known.
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

    /// What the line at the start of `bytes` is with each delimiter.
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
                // All columns are there: no other line is meant.
                Err((0, error)) => return Err(error),
                Err((missing, error)) => {
                    if self.best.as_ref().is_none_or(|(fewest, _)| missing < *fewest) {
                        self.best = Some((missing, error));
                    }
                    // A line without end is not passed over.
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

/// Name of an encoding, as people write it.
pub(crate) fn encoding_name(found: Option<Found>) -> &'static str {
    found.map_or("UTF-8", |found| found.encoding.name())
}

/// Keeps a line for people, if there is text on it and room for it.
pub(crate) fn keep_line(line: &[u8], texts: &mut Vec<String>) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    if !text.is_empty() && texts.len() < TEXTS_MAX {
        texts.push(text.chars().take(TEXT_CHARS_MAX).collect());
    }
}

/// The delimiter of a line `sep=;`, in quotes or not.
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

/// Reads a record as the header; or how many columns it lacks, and what is to be said about it.
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
