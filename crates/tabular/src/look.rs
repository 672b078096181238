//! Looks at a file that nobody has configured, with the means of the reader: what is found here is what
//! the reader will find.

mod table;

pub use crate::encoding::Candidate;
use crate::encoding::{self, Auto, auto};
use domain::partner::Encoding;
use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
pub use table::{Known, NoTable, Quotes, Table, Told, table};

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
