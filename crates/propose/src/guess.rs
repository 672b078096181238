//! A value, why it was chosen, and how certain it is.

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

/// Why nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProposal {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// It has only a header.
    #[error("there is no row behind the names of the columns: {0:?}")]
    NoRows(Vec<String>),
    /// It contains zero bytes.
    #[error("the file is no text: it has zero bytes")]
    NoText,
    /// It is not a table.
    #[error(
        "no delimiter makes columns of it: tried comma, semicolon, tab and |; the first line is {0:?}"
    )]
    NoColumns(String),
    /// Its first line does not contain column names.
    #[error("line {line} does not contain the names of the columns: {found:?}")]
    NoHeader {
        /// Physical line.
        line: u64,
        /// Its fields.
        found: Vec<String>,
    },
    /// A required column was not found.
    #[error(
        "no column looks like {}; name it with --column {}=NAME; there are {found:?}",
        missing.join(", "), missing.first().copied().unwrap_or_default()
    )]
    Missing {
        /// The roles without a column.
        missing: Vec<&'static str>,
        /// The columns of the file.
        found: Vec<String>,
    },
    /// A column that a person named does not exist.
    #[error("--column {role}={name}: the file has no such column; there are {found:?}")]
    NoSuchColumn {
        /// The role.
        role: &'static str,
        /// Its name.
        name: String,
        /// The columns of the file.
        found: Vec<String>,
    },
}
