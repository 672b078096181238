//! The strict scanner: RFC 4180 with the partner's settings for quotes, one record at a time.
//!
//! The result depends only on the bytes from the start of a record on. A structural defect costs the
//! physical line on which the record began, never a later line: so an unclosed quote cannot swallow the
//! orders after it.

use domain::partner::{FileFormat, Quote, QuoteEscape};
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use std::borrow::Cow;

/// The position of a field's text in its record, without the enclosing quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it contains escaped quotes: see [`Quoting::plain`].
    pub(crate) escaped: bool,
}

/// How many fields a row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width {
    /// As many as the header.
    pub(crate) all: usize,
    /// A row with this many has empty ones at its end.
    pub(crate) least: usize,
}

/// How fields may be enclosed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quoting {
    /// The sign around a field; without one, quotes have no meaning.
    pub(crate) sign: Option<u8>,
    /// Inside a field in quotes, `\"` is a quote and `\\` a backslash.
    pub(crate) backslash: bool,
    /// A field in quotes may contain line ends.
    pub(crate) lines: bool,
}

impl Quoting {
    /// From a partner's format; the sign is known to be ASCII.
    pub(crate) fn of(format: &FileFormat) -> Self {
        Self {
            sign: match format.quote {
                Quote::None => None,
                Quote::Is(sign) => u8::try_from(sign).ok(),
            },
            backslash: format.quote_escape == QuoteEscape::Backslash,
            lines: format.line_ends_in_fields,
        }
    }

    /// The unescaped text of a field in quotes.
    pub(crate) fn plain(self, text: &str) -> Cow<'_, str> {
        let Some(sign) = self.sign.map(char::from) else { return text.into() };
        let mut plain = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let escapes = match chars.peek() {
                Some(next) if c == sign => *next == sign,
                Some(next) if c == '\\' && self.backslash => *next == sign || *next == '\\',
                _ => false,
            };
            plain.push(if escapes { chars.next().unwrap_or(c) } else { c });
        }
        plain.into()
    }
}

/// Defects of a record's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    StrayQuote,
    TextAfterQuote,
    UnclosedQuote,
    /// If fields may not contain line ends.
    UnclosedOnLine,
    StrayCarriageReturn,
    TooLong,
}

/// The result for the start of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More bytes are needed to decide.
    Need,
    /// A line without text, `len` bytes with its end.
    Blank { len: usize },
    /// A record of `lines` physical lines, with `len` bytes including its line end and `raw` without;
    /// its first physical line has `first` bytes including its line end. The fields are in
    /// [`Scanner::fields`].
    Record { len: usize, raw: usize, lines: u64, first: usize, has_nul: bool },
    /// A defect; its line has `len` bytes including its line end, or does not end within the limit.
    /// [`Scanner::fields`] contains the fields before the defect.
    Bad { defect: Defect, len: Option<usize>, raw: usize },
}

/// Scans records; reuses its field list to save allocations.
#[derive(Debug)]
pub(crate) struct Scanner {
    delimiter: u8,
    quoting: Quoting,
    /// Most bytes of a record with its line end.
    record_bytes_max: usize,
    pub(crate) fields: Vec<Span>,
}

/// The bytes that a record may use, and what follows them.
#[derive(Clone, Copy)]
struct Window<'a> {
    bytes: &'a [u8],
    /// The record limit is reached: bytes after the window do not matter.
    full: bool,
    /// No bytes follow the window.
    end: bool,
}

impl Scanner {
    pub(crate) fn new(delimiter: u8, quoting: Quoting, record_bytes_max: usize) -> Self {
        Self { delimiter, quoting, record_bytes_max, fields: Vec::with_capacity(32) }
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Makes the record as wide as the header where only empty fields are missing or too many; it ends at `raw`.
    pub(crate) fn fit(&mut self, width: Width, raw: usize) {
        let extra = self.fields.get(width.all..).unwrap_or_default();
        if extra.iter().all(|field| field.start == field.end) {
            self.fields.truncate(width.all);
        }
        if (width.least..width.all).contains(&self.fields.len()) {
            self.fields.resize(width.all, Span { start: raw, end: raw, escaped: false });
        }
    }

    /// Scans the record at the start of `bytes`; `end` means that no more bytes follow.
    pub(crate) fn scan(&mut self, bytes: &[u8], end: bool) -> Step {
        self.fields.clear();
        if bytes.is_empty() {
            return Step::Need;
        }
        let full = bytes.len() > self.record_bytes_max;
        let window = if full { part(bytes, 0, self.record_bytes_max) } else { bytes };
        let window = Window { bytes: window, full, end: end && !full };
        let (line, first) = match memchr(b'\n', window.bytes) {
            Some(at) => (part(bytes, 0, at), at + 1),
            None if full => {
                // Scans the fields before the limit: the order id is probably among them.
                self.scan_quoted(window, 0, 0);
                return Step::Bad { defect: Defect::TooLong, len: None, raw: window.bytes.len() };
            }
            None if end => (window.bytes, window.bytes.len()),
            None => return Step::Need,
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Step::Blank { len: first };
        }
        if memchr3(self.quoting.sign.unwrap_or(b'\r'), b'\r', 0, line).is_some() {
            let window = match self.quoting.lines {
                true => window,
                // A quote that is open at the end of the line is not closed later.
                false => Window { bytes: part(bytes, 0, first), full: false, end: true },
            };
            return self.scan_quoted(window, first, line.len());
        }
        self.split(line);
        Step::Record { len: first, raw: line.len(), lines: 1, first, has_nul: false }
    }

    /// The fast path: without quotes, every delimiter ends a field.
    ///
    /// Fields are short, and calling `memchr` for each costs more than examining eight bytes at a time:
    /// it would be a third of the whole scan.
    fn split(&mut self, line: &[u8]) {
        const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
        let pattern = u64::from_ne_bytes([self.delimiter; 8]);
        let mut start = 0;
        let (words, tail) = line.as_chunks::<8>();
        for (i, word) in words.iter().enumerate() {
            // The top bit of each byte in `hits` is set if the byte is the delimiter.
            let other = u64::from_le_bytes(*word) ^ pattern;
            let mut hits = !(((other & LOW) + LOW) | other | LOW);
            while hits != 0 {
                let end = i * 8 + hits.trailing_zeros() as usize / 8;
                self.fields.push(Span { start, end, escaped: false });
                start = end + 1;
                hits &= hits - 1;
            }
        }
        let tail_start = line.len() - tail.len();
        for (i, byte) in tail.iter().enumerate() {
            if *byte == self.delimiter {
                let end = tail_start + i;
                self.fields.push(Span { start, end, escaped: false });
                start = end + 1;
            }
        }
        self.fields.push(Span { start, end: line.len(), escaped: false });
    }

    /// The slow path, for a record whose first line contains a quote or a carriage return.
    fn scan_quoted(&mut self, window: Window<'_>, first: usize, raw: usize) -> Step {
        let mut at = 0;
        let found = loop {
            let sign = self.quoting.sign;
            let field = if sign.is_some() && window.bytes.get(at) == sign.as_ref() {
                self.quoted_field(window, at)
            } else {
                self.plain_field(window, at)
            };
            match field {
                Field::Next(next) => at = next,
                other => break other,
            }
        };
        match found {
            Field::Next(_) | Field::Need => Step::Need,
            Field::Bad(defect) => Step::Bad { defect, len: Some(first), raw },
            Field::Last { raw, len } => {
                let record = part(window.bytes, 0, len);
                let ends = memchr_iter(b'\n', record).count() as u64;
                let unended = u64::from(record.last() != Some(&b'\n'));
                let has_nul = memchr(0, record).is_some();
                Step::Record { len, raw, lines: ends + unended, first, has_nul }
            }
        }
    }

    fn quoted_field(&mut self, window: Window<'_>, open: usize) -> Field {
        let bytes = window.bytes;
        let mut escaped = false;
        let mut from = open + 1;
        let Quoting { sign, backslash, .. } = self.quoting;
        let sign = sign.unwrap_or(b'"');
        let open_end =
            if self.quoting.lines { Defect::UnclosedQuote } else { Defect::UnclosedOnLine };
        let close = loop {
            let found = match backslash {
                true => memchr2(sign, b'\\', rest(bytes, from)),
                false => memchr(sign, rest(bytes, from)),
            };
            let Some(at) = found.map(|n| from + n) else { return window.cut(Field::Bad(open_end)) };
            let is_backslash = bytes.get(at) != Some(&sign);
            if is_backslash || bytes.get(at + 1) == Some(&sign) {
                escaped = true;
                from = at + 2;
                continue;
            }
            break at;
        };
        let span = Span { start: open + 1, end: close, escaped };
        let after = rest(bytes, close + 1).iter();
        let behind = close + 1 + after.take_while(|byte| self.is_blank(**byte)).count();
        let ended = match bytes.get(behind) {
            Some(&byte) if byte == self.delimiter => Field::Next(behind + 1),
            Some(b'\n') => Field::Last { raw: behind, len: behind + 1 },
            Some(b'\r') => match bytes.get(behind + 1) {
                Some(b'\n') => Field::Last { raw: behind, len: behind + 2 },
                Some(_) => Field::Bad(Defect::TextAfterQuote),
                None if window.end => Field::Last { raw: behind, len: behind + 1 },
                None => window.cut(Field::Bad(open_end)),
            },
            Some(_) => Field::Bad(Defect::TextAfterQuote),
            None if window.end => Field::Last { raw: behind, len: behind },
            None => window.cut(Field::Bad(open_end)),
        };
        if matches!(ended, Field::Next(_) | Field::Last { .. }) {
            self.fields.push(span);
        }
        ended
    }

    /// Is it a blank, and no delimiter?
    fn is_blank(&self, byte: u8) -> bool {
        matches!(byte, b' ' | b'\t') && byte != self.delimiter
    }

    fn are_blanks(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.is_blank(*byte))
    }

    fn plain_field(&mut self, window: Window<'_>, start: usize) -> Field {
        let bytes = window.bytes;
        let sign = self.quoting.sign.unwrap_or(b'\n');
        let stop = memchr3(self.delimiter, b'\n', sign, rest(bytes, start)).map(|n| start + n);
        let (end, ended) = match stop.map(|at| (at, bytes.get(at))) {
            // `="0017"`, which tells a spreadsheet to keep the zeros.
            Some((at, Some(b'"'))) if sign == b'"' && part(bytes, start, at) == b"=" => {
                return self.quoted_field(window, at);
            }
            // `a, "b"`: blanks before the quote are none of the field.
            Some((at, Some(&byte)))
                if byte == sign && sign != b'\n' && self.are_blanks(part(bytes, start, at)) =>
            {
                return self.quoted_field(window, at);
            }
            Some((_, Some(&byte))) if byte == sign && sign != b'\n' => {
                return Field::Bad(Defect::StrayQuote);
            }
            Some((at, Some(b'\n'))) => (at, Field::Last { raw: at, len: at + 1 }),
            Some((at, _)) => (at, Field::Next(at + 1)),
            None if window.end => (bytes.len(), Field::Last { raw: bytes.len(), len: bytes.len() }),
            None => return window.cut(Field::Bad(Defect::TooLong)),
        };
        let text = part(bytes, start, end);
        let (text, ended) = match (ended, text.strip_suffix(b"\r")) {
            (Field::Last { raw, len }, Some(text)) => (text, Field::Last { raw: raw - 1, len }),
            (ended, _) => (text, ended),
        };
        if memchr(b'\r', text).is_some() {
            return Field::Bad(Defect::StrayCarriageReturn);
        }
        self.fields.push(Span { start, end: start + text.len(), escaped: false });
        ended
    }
}

impl Window<'_> {
    /// The result for a field that does not end within the window.
    fn cut(self, bad: Field) -> Field {
        if self.full || self.end { bad } else { Field::Need }
    }
}

/// How a field ended.
#[derive(Clone, Copy)]
enum Field {
    /// The next one starts here.
    Next(usize),
    /// It was the last field of the record.
    Last {
        raw: usize,
        len: usize,
    },
    Need,
    Bad(Defect),
}

/// `bytes[start..end]`, for positions that were found in `bytes`.
pub(crate) fn part(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

/// `bytes[start..]`, for a position that was found in `bytes`.
pub(crate) fn rest(bytes: &[u8], start: usize) -> &[u8] {
    bytes.get(start..).unwrap_or_default()
}
