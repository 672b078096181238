//! A value, why it was chosen, and how far it can be trusted.

/// How far a guess can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Nothing speaks for it; somebody has to look.
    Unsure,
    /// It fits, and so might something else.
    Likely,
    /// Nothing else fits.
    Sure,
}

impl Trust {
    /// As it stands in a comment.
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
    /// How far it can be trusted.
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
    /// It has nothing.
    #[error("the file is empty")]
    Empty,
    /// It has a header and nothing else.
    #[error("there is no row behind the names of the columns: {0:?}")]
    NoRows(Vec<String>),
    /// It has zero bytes.
    #[error("the file is no text: it has zero bytes")]
    NoText,
    /// It is no table.
    #[error(
        "no delimiter makes columns of it: tried comma, semicolon, tab and |; the first line is {0:?}"
    )]
    NoColumns(String),
    /// Its first line has no names.
    #[error("line {line} is no line with the names of the columns: {found:?}")]
    NoHeader {
        /// Physical line.
        line: u64,
        /// Its fields.
        found: Vec<String>,
    },
    /// A column that is needed was not found.
    #[error(
        "no column looks like {}; name it with --column {}=NAME; there are {found:?}",
        missing.join(", "), missing.first().copied().unwrap_or_default()
    )]
    Missing {
        /// What they would be.
        missing: Vec<&'static str>,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A column was named that is not there.
    #[error("--column {role}={name}: the file has no such column; there are {found:?}")]
    NoSuchColumn {
        /// What it was named for.
        role: &'static str,
        /// Its name.
        name: String,
        /// The columns that are there.
        found: Vec<String>,
    },
}
