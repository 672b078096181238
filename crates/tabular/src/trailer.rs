//! The end of the rows, if it is before the end of the file.

use crate::scanner::{Quoting, Scanner, Step, part};
use domain::partner::FileFormat;
use memchr::memmem::Finder;
use memchr::{memchr, memrchr};

/// Most fields of a trailer that are kept, and largest trailer.
const FIELDS_MAX: usize = 100;
const BYTES_MAX: usize = 64 << 10;

/// How the first line after the rows is recognised.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The line contains this text.
    Marker(Box<Finder<'static>>),
    /// This is the first field of the line.
    Trailer(String),
}

impl End {
    pub(crate) fn of(format: &FileFormat) -> Option<Self> {
        let marker = || {
            let finder = Finder::new(format.footer_marker.as_ref()?).into_owned();
            Some(Self::Marker(Box::new(finder)))
        };
        let trailer = format.trailer.as_ref().map(|trailer| trailer.marker.trim().to_owned());
        trailer.map(Self::Trailer).or_else(marker)
    }

    /// Is it a text that may occur anywhere on a line?
    pub(crate) fn is_marker(&self) -> bool {
        matches!(self, Self::Marker(_))
    }

    pub(crate) fn is_at(&self, line: &[u8], delimiter: u8, quoting: Quoting) -> bool {
        match self {
            Self::Marker(marker) => marker.find(line).is_some(),
            Self::Trailer(marker) => {
                first(line, delimiter, quoting).trim_ascii() == marker.as_bytes()
            }
        }
    }
}

fn first(line: &[u8], delimiter: u8, quoting: Quoting) -> &[u8] {
    let (line, end) = match line {
        [sign, rest @ ..] if quoting.sign == Some(*sign) => (rest, *sign),
        _ => (line, delimiter),
    };
    part(line, 0, memchr(end, line).unwrap_or(line.len()))
}

/// The fields of a trailer, trimmed; empty for a broken one.
pub(crate) fn fields(line: &[u8], delimiter: u8, quoting: Quoting) -> Vec<String> {
    let mut scanner = Scanner::new(delimiter, quoting, BYTES_MAX);
    let Step::Record { .. } = scanner.scan(line, true) else { return Vec::new() };
    let text = |start, end| {
        let text = String::from_utf8_lossy(part(line, start, end));
        quoting.plain(&text).trim().to_owned()
    };
    scanner.fields.iter().take(FIELDS_MAX).map(|field| text(field.start, field.end)).collect()
}

/// Where the last `lines` lines with text begin, within the last `within` bytes.
pub(crate) fn footer_start(bytes: &[u8], lines: usize, within: usize) -> usize {
    let mut start = bytes.len();
    let mut left = lines;
    let mut end = bytes.len();
    let from = bytes.len().saturating_sub(within);
    while left > 0 && end > from {
        let line = part(bytes, from, end);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let at = memrchr(b'\n', line).map_or(from, |n| from + n + 1);
        if has_text(part(bytes, at, end)) {
            (start, left) = (at, left - 1);
        }
        end = at;
    }
    start
}

/// Does the line count as a line of a footer?
pub(crate) fn has_text(line: &[u8]) -> bool {
    !line.trim_ascii().is_empty()
}
