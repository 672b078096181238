//! Looks at a file that nobody has configured, with the means of the reader: what is found here is what
//! the reader will find.

pub use crate::encoding::Candidate;
use crate::encoding::{self, Auto, auto};
use crate::head;
use crate::scanner::{Quoting, Scanner, Step, part};
use domain::partner::{Encoding, Quote, QuoteEscape};
use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memchr;

/// Most bytes of a record.
const RECORD_BYTES_MAX: usize = 64 << 10;

/// The delimiters that `auto` tries.
pub const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A text, and how it was encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Without its byte order mark.
    pub text: String,
    /// As it is to be configured.
    pub encoding: Encoding,
    /// It began with a byte order mark.
    pub has_mark: bool,
    /// What it may be where `encoding: auto` refuses the file; `encoding` is then no more than a try.
    pub candidates: Vec<Candidate>,
}

/// The text of a file, or of its beginning, as `encoding: auto` would have it. What is no text in its
/// encoding is replaced.
#[must_use]
pub fn decode(bytes: &[u8]) -> Text {
    let (found, mark, candidates) = match auto(bytes) {
        Auto::Is(found, mark) => (found, mark, Vec::new()),
        Auto::Unclear(candidates) => (WINDOWS_1252, 0, candidates),
    };
    let rest = bytes.get(mark..).unwrap_or_default();
    let text = found.decode_without_bom_handling(rest).0.into_owned();
    let has_mark = mark > 0;
    let is_wide = found == UTF_16LE || found == UTF_16BE;
    let named = || Encoding::parse(found.name()).unwrap_or_default();
    let encoding = if is_wide && has_mark { Encoding::Utf16 } else { named() };
    Text { text, encoding, has_mark, candidates }
}

/// The first words with letters beyond ASCII, at most three.
#[must_use]
pub fn words(text: &str) -> String {
    encoding::words(text)
}

/// Words with letters beyond ASCII, with the signs inside of them.
pub fn foreign_words(text: &str) -> impl Iterator<Item = &str> {
    encoding::foreign_words(text)
}

/// Were these letters UTF-8 that somebody has read as Windows-1252 before?
#[must_use]
pub fn is_doubly_encoded(word: &str) -> bool {
    let (bytes, _, has_lost) = WINDOWS_1252.encode(word);
    !has_lost && !word.is_ascii() && std::str::from_utf8(&bytes).is_ok()
}

/// The delimiter of a first line such as `sep=;`, and what is behind that line.
#[must_use]
pub fn sep_line(text: &str) -> Option<(char, &str)> {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    Some((char::from(head::sep_line(line.as_bytes())?), rest))
}

/// A record of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Trimmed. Of a broken record, what stands between the delimiters of its first line.
    pub cells: Vec<String>,
    /// Physical lines.
    pub lines: usize,
    /// Its structure is what the partner's settings say.
    pub is_whole: bool,
}

/// The first records with text, at most `max`, as the reader would have them.
///
/// # Panics
/// `delimiter` is not ASCII.
#[must_use]
pub fn records(
    text: &str,
    delimiter: char,
    quote: Quote,
    escape: QuoteEscape,
    max: usize,
) -> Vec<Record> {
    let sign = match quote {
        Quote::None => None,
        Quote::Is(sign) => u8::try_from(sign).ok(),
    };
    let quoting = Quoting { sign, backslash: escape == QuoteEscape::Backslash, lines: true };
    let byte = u8::try_from(delimiter).expect("the delimiter is ASCII");
    let mut scanner = Scanner::new(byte, quoting, RECORD_BYTES_MAX);
    let (mut bytes, mut records) = (text.as_bytes(), Vec::new());
    while records.len() < max && !bytes.is_empty() {
        let line = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let len = match scanner.scan(bytes, true) {
            Step::Blank { len } => len,
            Step::Record { len, lines, .. } => {
                let cell = |start, end| {
                    let text = String::from_utf8_lossy(part(bytes, start, end));
                    crate::record::trim(&quoting.plain(&text)).to_owned()
                };
                let cells = scanner.fields.iter().map(|field| cell(field.start, field.end));
                let lines = usize::try_from(lines).unwrap_or(usize::MAX);
                records.push(Record { cells: cells.collect(), lines, is_whole: true });
                len
            }
            Step::Bad { .. } | Step::Need => {
                let text = String::from_utf8_lossy(part(bytes, 0, line));
                let cells = text.split(delimiter).map(|cell| crate::record::trim(cell).to_owned());
                records.push(Record { cells: cells.collect(), lines: 1, is_whole: false });
                line
            }
        };
        bytes = bytes.get(len.max(1)..).unwrap_or_default();
    }
    records
}
