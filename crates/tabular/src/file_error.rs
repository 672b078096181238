//! Why a file is unreadable as a whole.

use crate::encoding::Candidate;

fn listed(candidates: &[Candidate]) -> String {
    let listed: Vec<String> = candidates.iter().map(ToString::to_string).collect();
    listed.join(", ")
}

/// Why a file is unreadable as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Nothing but blank lines.
    #[error("the file is empty")]
    Empty,
    /// The byte order mark says something else than the configuration.
    #[error("the file begins with the byte order mark of {found}; configured is {configured}")]
    OtherEncoding {
        /// The configured encoding.
        configured: &'static str,
        /// That of the file.
        found: &'static str,
    },
    /// With `auto`: its text looks like one in no encoding that can be told.
    #[error(
        "the encoding cannot be told; configure the one with which words of the file are right: {}",
        listed(candidates)
    )]
    EncodingUnclear {
        /// What it may be.
        candidates: Vec<Candidate>,
    },
    /// The first line with text is not a record, and no line behind it is the header.
    #[error("line {line}: the header is unreadable: {reason}")]
    HeaderUnreadable {
        /// Physical line.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another encoding, or not a text file at all.
    #[error(
        "line {line}: the header is not {encoding}; is the encoding configured, and is it a CSV file?"
    )]
    HeaderNotText {
        /// Physical line.
        line: u64,
        /// The encoding that the file was taken to have.
        encoding: &'static str,
    },
    /// A column of the partner's configuration is not there.
    #[error("the header has no column {missing:?}; found: {found:?}")]
    HeaderMissing {
        /// The configured names that are not there.
        missing: Vec<String>,
        /// The names that are there, at most 32.
        found: Vec<String>,
    },
    /// It would be a guess which of them is meant.
    #[error("the header has column {column:?} more than once: {found:?}")]
    HeaderDuplicate {
        /// The configured name.
        column: String,
        /// The names that are it.
        found: Vec<String>,
    },
    /// The header has all columns with more than one delimiter.
    #[error("line {line}: the delimiter may be any of {choices:?}; configure one of them")]
    DelimiterUnclear {
        /// Physical line.
        line: u64,
        /// The delimiters.
        choices: Vec<char>,
    },
    /// Two files in one.
    #[error(
        "line {line} has names of columns again, in another order or not all of them: two files were put \
         together, and have to be sent one by one"
    )]
    HeaderAgain {
        /// Physical line.
        line: u64,
    },
    /// A row that would be passed over as a preamble.
    #[error("line {line} is before the header, and looks like a row")]
    RowBeforeHeader {
        /// Physical line.
        line: u64,
    },
    /// A row that would be passed over as a footer.
    #[error("line {line} looks like a row, but stands in the footer that begins in line {footer}")]
    RowInFooter {
        /// Physical line.
        line: u64,
        /// Physical line of the marker.
        footer: u64,
    },
    /// What was taken for the footer goes on.
    #[error("line {line} has the footer's marker, but more than {max} lines follow")]
    FooterTooLong {
        /// Physical line of the marker.
        line: u64,
        /// Lines allowed.
        max: usize,
    },
    /// The trailer says that the file ends with it.
    #[error("line {line} is the trailer, but other lines follow")]
    BehindTrailer {
        /// Physical line of the trailer.
        line: u64,
    },
    /// More rows than the limit.
    #[error("the file has more than {max} rows")]
    TooManyRows {
        /// Rows allowed.
        max: u64,
    },
    /// Rows that are compared with each other need more memory than the limit, and there is no
    /// scratch space.
    #[error("its rows cannot be compared with each other within {bytes_max} bytes of memory")]
    TooManyToCompare {
        /// Bytes allowed.
        bytes_max: usize,
    },
    /// Scratch space failed, which is not the file's fault.
    #[error("scratch space: {reason}")]
    Scratch {
        /// What the disk says.
        reason: String,
    },
}

impl FileError {
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn scratch(error: std::io::Error) -> Self {
        Self::Scratch { reason: error.to_string() }
    }
}
