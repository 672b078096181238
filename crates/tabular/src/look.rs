//! Examines an unknown file with the reader's own code, so that the reader will find the same.

mod table;

pub use crate::encoding::Candidate;
use crate::encoding::{self, Auto, auto};
use crate::file_error::FileError;
pub use crate::listed::listed;
use domain::partner::Encoding;
use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
pub use table::{Known, NoTable, Quotes, Table, Told, table};

/// A text, and its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text without byte order mark.
    pub text: String,
    /// The value for the configuration.
    pub encoding: Encoding,
    /// Whether it began with a byte order mark.
    pub has_mark: bool,
    /// The possible encodings if `encoding: auto` refuses the file; `encoding` is then only an attempt.
    pub candidates: Vec<Candidate>,
}

/// The text of a file, or of its beginning, as `encoding: auto` decodes it. Invalid bytes are replaced.
#[must_use]
pub fn decode(bytes: &[u8]) -> Text {
    match auto(bytes) {
        Auto::Is(found, mark) => text(bytes, found, mark, Vec::new()),
        Auto::Unclear(candidates) => text(bytes, WINDOWS_1252, 0, candidates),
    }
}

/// The text of a file, or of its beginning, in this encoding. Invalid bytes are replaced.
///
/// # Errors
/// It begins with the byte order mark of another encoding; with `auto`, it cannot be told.
pub fn decode_as(bytes: &[u8], encoding: Encoding) -> Result<Text, FileError> {
    let (found, mark) = encoding::find(encoding, bytes)?;
    let text = text(bytes, found.encoding, mark, Vec::new());
    Ok(if encoding == Encoding::Auto { text } else { Text { encoding, ..text } })
}

fn text(
    bytes: &[u8],
    found: &'static encoding_rs::Encoding,
    mark: usize,
    candidates: Vec<Candidate>,
) -> Text {
    let rest = bytes.get(mark..).unwrap_or_default();
    let text = found.decode_without_bom_handling(rest).0.into_owned();
    let has_mark = mark > 0;
    let is_wide = found == UTF_16LE || found == UTF_16BE;
    let named = || Encoding::parse(found.name()).unwrap_or_default();
    let encoding = if is_wide && has_mark { Encoding::Utf16 } else { named() };
    Text { text, encoding, has_mark, candidates }
}

/// The first words with non-ASCII letters, at most three.
#[must_use]
pub fn words(text: &str) -> String {
    encoding::words(text)
}

/// Words with non-ASCII letters, including signs inside them.
pub fn foreign_words(text: &str) -> impl Iterator<Item = &str> {
    encoding::foreign_words(text)
}

/// Is it UTF-8 that was decoded as Windows-1252 by mistake?
#[must_use]
pub fn is_doubly_encoded(word: &str) -> bool {
    let (bytes, _, has_lost) = WINDOWS_1252.encode(word);
    !has_lost && !word.is_ascii() && std::str::from_utf8(&bytes).is_ok()
}
