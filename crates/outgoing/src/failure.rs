//! Calls without an answer.

use std::error::Error;

/// Why a call has no answer, and whether it may have arrived. URLs are shown without path and query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Against a rule of this crate or of the operator. Nothing was sent, and a repeat helps only after the
    /// URL, the name's addresses or the setting that is named were changed.
    #[error("{url}: {why}")]
    Refused {
        /// Scheme, host and port.
        url: String,
        /// The rule, and the setting that allows it if there is one.
        why: String,
    },
    /// No connection: it is certain that nothing arrived.
    #[error("{url}: nothing was sent: {why}")]
    NotSent {
        /// Scheme, host and port.
        url: String,
        /// What failed.
        why: String,
    },
    /// Sent, at least in part, and no answer came: it may have arrived or not.
    #[error("{url}: sent, and whether it arrived is unknown: {why}")]
    Unknown {
        /// Scheme, host and port.
        url: String,
        /// What became of the answer.
        why: String,
    },
}

/// The first cause, which says most.
pub(crate) fn root(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

/// An error and its causes.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| (*cause).source())
}
