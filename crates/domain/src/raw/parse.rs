//! From bytes or JSON to an order.

use super::{json, read::Reader, sent};
use crate::PartnerId;
use crate::order::{Draft, ORDER_BYTES_MAX};
use crate::problem::Problem;
use serde_json::Value;

/// Why bytes are no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More than [`ORDER_BYTES_MAX`].
    #[error("{0}")]
    TooLarge(Problem),
    /// No JSON.
    #[error("{0}")]
    Unreadable(Problem),
    /// JSON that breaks rules: at least one problem, at most [`super::PROBLEMS_MAX`] and a count.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
}

impl Error {
    /// What is wrong, by field path.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        match self {
            Self::TooLarge(problem) | Self::Unreadable(problem) => vec![problem],
            Self::Invalid(problems) => problems,
        }
    }

    /// An order of `bytes`, which is more than [`ORDER_BYTES_MAX`].
    #[must_use]
    pub fn too_large(bytes: usize) -> Self {
        let reason = format!("the order has {bytes} bytes, the limit is {ORDER_BYTES_MAX}");
        Self::TooLarge(Problem { field: String::new(), reason })
    }
}

/// Reads an order from the bytes that were sent; `sender` is the partner that the envelope names, if
/// it does.
///
/// # Errors
/// All problems of the order, by field path.
pub fn parse(bytes: &[u8], sender: Option<&PartnerId>) -> Result<Draft, Error> {
    if bytes.len() > ORDER_BYTES_MAX {
        return Err(Error::too_large(bytes.len()));
    }
    let (json, repeated) = json::parse(bytes).map_err(Error::Unreadable)?;
    let mut reader = Reader::default();
    for path in repeated {
        reader.wrong_at(path, "is given more than once");
    }
    let as_sent = |problem| sent::as_sent(bytes, problem);
    let draft = reader.draft(&json, sender);
    draft.map_err(|problems| Error::Invalid(problems.into_iter().map(as_sent).collect()))
}

/// Reads an order from JSON; see [`parse`].
///
/// Without a `partner` anywhere the order belongs to [`PartnerId::direct`].
///
/// # Errors
/// All problems of the order, by field path.
pub fn read(json: &Value, sender: Option<&PartnerId>) -> Result<Draft, Vec<Problem>> {
    Reader::default().draft(json, sender)
}
