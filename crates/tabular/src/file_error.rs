//! Why a file is unreadable as a whole.

use crate::delimiter::{DELIMITERS, another};
use crate::encoding::Candidate;
use crate::listed::listed;

fn possible(candidates: &[Candidate]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// `',' or ';'`
fn any_of(choices: &[char]) -> String {
    choices.iter().map(|choice| format!("{choice:?}")).collect::<Vec<_>>().join(" or ")
}

/// Why a file is unreadable as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Only blank lines.
    #[error("the file is empty")]
    Empty,
    /// The byte order mark contradicts the configuration.
    #[error("the file begins with the byte order mark of {found}; configured is {configured}")]
    OtherEncoding {
        /// The configured encoding.
        configured: &'static str,
        /// The encoding of the file.
        found: &'static str,
    },
    /// With `auto`: the encoding cannot be determined from the text.
    #[error(
        "the encoding cannot be told; configure the one with which words of the file are right: {}",
        possible(candidates)
    )]
    EncodingUnclear {
        /// The possible encodings.
        candidates: Vec<Candidate>,
    },
    /// The first line with text is not a record, and no later line is the header.
    #[error("line {line}: the header is unreadable: {reason}")]
    HeaderUnreadable {
        /// Physical line.
        line: u64,
        /// Why it is unreadable.
        reason: String,
    },
    /// The first line goes on behind a carriage return.
    #[error(
        "line {line}: its lines end with a carriage return alone, as on old Macs; they have to end with a line feed"
    )]
    CarriageReturns {
        /// Physical line.
        line: u64,
    },
    /// Another encoding, or not a text file at all.
    #[error(
        "line {line}: the header is not {encoding}; is the encoding configured, and is it a CSV file?"
    )]
    HeaderNotText {
        /// Physical line.
        line: u64,
        /// The assumed encoding of the file.
        encoding: &'static str,
    },
    /// A configured column is missing.
    #[error(
        "the header has no column {}; found: {}{}",
        listed(missing),
        listed(found),
        another(found)
    )]
    HeaderMissing {
        /// The missing names.
        missing: Vec<String>,
        /// The existing names, at most 32.
        found: Vec<String>,
    },
    /// It is unclear which of the columns is meant.
    #[error("the header has column {column:?} more than once: {}", listed(found))]
    HeaderDuplicate {
        /// The configured name.
        column: String,
        /// The matching names in the file.
        found: Vec<String>,
    },
    /// With several delimiters, the header has all columns.
    #[error("line {line}: the delimiter may be {}; configure one of them", any_of(choices))]
    DelimiterUnclear {
        /// Physical line.
        line: u64,
        /// The delimiters.
        choices: Vec<char>,
    },
    /// The file was put together from two files.
    #[error(
        "line {line} has names of columns again, in another order or not all of them: two files were put \
         together, and have to be sent one by one"
    )]
    HeaderAgain {
        /// Physical line.
        line: u64,
    },
    /// A row that would be skipped as a preamble.
    #[error("line {line} is before the header, and looks like a row")]
    RowBeforeHeader {
        /// Physical line.
        line: u64,
    },
    /// A row that would be skipped as a footer.
    #[error("line {line} looks like a row, but stands in the footer that begins in line {footer}")]
    RowInFooter {
        /// Physical line.
        line: u64,
        /// Physical line of the marker.
        footer: u64,
    },
    /// Too many lines follow the beginning of the footer.
    #[error("line {line} has the footer's marker, but more than {max} lines follow")]
    FooterTooLong {
        /// Physical line of the marker.
        line: u64,
        /// Most lines that may follow.
        max: usize,
    },
    /// Lines follow the trailer, which must be the last line.
    #[error("line {line} is the trailer, but other lines follow")]
    BehindTrailer {
        /// Physical line of the trailer.
        line: u64,
    },
    /// More rows than the limit.
    #[error("the file has more than {max} rows")]
    TooManyRows {
        /// The limit.
        max: u64,
    },
    /// Rows that are compared with each other need more memory than the limit, and there is no scratch
    /// space.
    #[error("its rows cannot be compared with each other within {bytes_max} bytes of memory")]
    TooManyToCompare {
        /// The limit.
        bytes_max: usize,
    },
    /// Scratch space failed, which is not the file's fault.
    #[error("scratch space: {reason}")]
    Scratch {
        /// The error of the disk.
        reason: String,
    },
}

/// Stands for the cells of a line that is no header but a row.
const VALUES: &str = "a line with values that are not repeated here";

/// Is it something that rows have: a number, a date, an e-mail address, or several of them in one cell?
fn is_value(cell: &str) -> bool {
    let of_number = |c: char| c.is_ascii_digit() || " .,:/+-".contains(c);
    let is_value = |part: &str| {
        let has_digit = part.contains(|c: char| c.is_ascii_digit());
        part.contains('@') || (has_digit && part.chars().all(of_number))
    };
    cell.split(DELIMITERS.map(char::from)).any(is_value)
}

impl FileError {
    /// The same without what rows may say of persons: the reason goes further than the file.
    #[must_use]
    pub fn without_values(mut self) -> Self {
        match &mut self {
            Self::EncodingUnclear { candidates } => {
                candidates.iter_mut().for_each(|candidate| candidate.words.clear());
            }
            Self::HeaderMissing { found, .. } if found.iter().any(|cell| is_value(cell)) => {
                *found = vec![VALUES.to_owned()];
            }
            _ => {}
        }
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn scratch(error: std::io::Error) -> Self {
        Self::Scratch { reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::partner::Encoding;

    #[test]
    fn a_reason_without_values_has_names_of_columns_and_no_row() {
        let missing = |found: &[&str]| {
            let found = found.iter().map(ToString::to_string).collect();
            let error = FileError::HeaderMissing { missing: vec!["order".into()], found };
            error.without_values().to_string()
        };
        let row =
            "the header has no column order; found: a line with values that are not repeated here";
        assert_eq!(missing(&["Ana", "12.50"]), row);
        assert_eq!(missing(&["Ana;P1;2026-01-01"]), row);
        assert_eq!(missing(&["ana@example.org", "x"]), row);
        let names = "the header has no column order; found: Name, Address 1, 2nd line";
        assert_eq!(missing(&["Name", "Address 1", "2nd line"]), names);
        let words = "Müller".to_owned();
        let candidates = vec![Candidate { encoding: Encoding::Windows1252, words }];
        let unclear = FileError::EncodingUnclear { candidates }.without_values().to_string();
        assert!(unclear.ends_with(": windows-1252"), "{unclear}");
    }
}
