//! Where the rows end before the file does.

use crate::scanner::{Scanner, Step, part};
use domain::partner::FileFormat;
use memchr::memchr;
use memchr::memmem::Finder;

/// Most fields of a trailer that are kept, and most bytes of a trailer.
const FIELDS_MAX: usize = 100;
const BYTES_MAX: usize = 64 << 10;

/// What the first line looks like that is no row.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// This stands somewhere on it.
    Marker(Box<Finder<'static>>),
    /// This is its first field.
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

    pub(crate) fn is_at(&self, line: &[u8], delimiter: u8) -> bool {
        match self {
            Self::Marker(marker) => marker.find(line).is_some(),
            Self::Trailer(marker) => first(line, delimiter).trim_ascii() == marker.as_bytes(),
        }
    }
}

fn first(line: &[u8], delimiter: u8) -> &[u8] {
    let (line, end) = match line {
        [b'"', rest @ ..] => (rest, b'"'),
        _ => (line, delimiter),
    };
    part(line, 0, memchr(end, line).unwrap_or(line.len()))
}

/// The fields of a trailer, trimmed. What is broken has none.
pub(crate) fn fields(line: &[u8], delimiter: u8) -> Vec<String> {
    let mut scanner = Scanner::new(delimiter, BYTES_MAX);
    let Step::Record { .. } = scanner.scan(line, true) else { return Vec::new() };
    let text = |start, end| {
        let text = String::from_utf8_lossy(part(line, start, end));
        text.replace("\"\"", "\"").trim().to_owned()
    };
    scanner.fields.iter().take(FIELDS_MAX).map(|field| text(field.start, field.end)).collect()
}
