//! A value, why it was chosen, and how certain it is.

use tabular::FileError;
use tabular::look::{Candidate, listed};

/// How certain a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// There is no evidence; a person must check it.
    Unsure,
    /// It fits, but something else might fit, too.
    Likely,
    /// Nothing else fits.
    Sure,
}

impl Trust {
    /// The word used in comments.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsure => "unsure",
            Self::Likely => "likely",
            Self::Sure => "sure",
        }
    }
}

/// A value, and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess<T> {
    /// The value.
    pub value: T,
    /// How certain it is.
    pub trust: Trust,
    /// Why it was chosen.
    pub why: String,
}

impl<T> Guess<T> {
    pub(crate) fn new(trust: Trust, value: T, why: impl Into<String>) -> Self {
        Self { value, trust, why: why.into() }
    }
}

/// What to do if the line that should have names has what rows have.
fn first_row(cells: &[String]) -> String {
    let is_value = |cell: &&String| {
        let of_value = |c: char| c.is_ascii_digit() || " .,:/+-".contains(c);
        cell.contains(|c: char| c.is_ascii_digit()) && cell.chars().all(of_value)
    };
    match cells.iter().filter(is_value).count() {
        0 => String::new(),
        _ => "; it looks like a row: put a line with the names of the columns before it, such as \
              order,product,quantity,price,date"
            .to_owned(),
    }
}

fn possible(candidates: &[Candidate]) -> String {
    candidates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProposal {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// It has only a header.
    #[error("there is no row behind the names of the columns: {}{}", listed(.0), first_row(.0))]
    NoRows(Vec<String>),
    /// Its rows have another delimiter than its header.
    #[error(
        "the names of the columns are separated by {header:?}, and the rows by {rows:?}: one of them has to be changed"
    )]
    OtherDelimiter {
        /// That of the header.
        header: char,
        /// That of the rows.
        rows: char,
    },
    /// It contains zero bytes.
    #[error("the file is no text: it has zero bytes")]
    NoText,
    /// The encoding cannot be determined, and the names of the columns depend on it.
    #[error(
        "the encoding cannot be told, and the names of the columns depend on it; say with --encoding in \
         which one words of the file are right: {}", possible(.0)
    )]
    Encoding(Vec<Candidate>),
    /// The file is not in the encoding that a person named.
    #[error("--encoding: {0}")]
    OtherEncoding(FileError),
    /// It is not a table.
    #[error(
        "no delimiter makes columns of it: tried comma, semicolon, tab, | and other signs; the first line is {0:?}"
    )]
    NoColumns(String),
    /// Its lines end with a carriage return alone.
    #[error(
        "its lines end with a carriage return alone, as on old Macs; save it with line feeds (\"CSV UTF-8\" or \"Windows\")"
    )]
    CarriageReturns,
    /// Its first line does not contain column names.
    #[error(
        "line {line} does not contain the names of the columns: {}{}",
        listed(found),
        first_row(found)
    )]
    NoHeader {
        /// Physical line.
        line: u64,
        /// Its fields.
        found: Vec<String>,
    },
    /// A required column was not found.
    #[error(
        "no column looks like {}; name it with --column {}=NAME; there are {}",
        missing.join(", "), missing.first().copied().unwrap_or_default(), listed(found)
    )]
    Missing {
        /// The roles without a column.
        missing: Vec<&'static str>,
        /// The columns of the file.
        found: Vec<String>,
    },
    /// A column that a person named does not exist.
    #[error("--column {role}={name}: the file has no such column; there are {}", listed(found))]
    NoSuchColumn {
        /// The role.
        role: &'static str,
        /// Its name.
        name: String,
        /// The columns of the file.
        found: Vec<String>,
    },
}
