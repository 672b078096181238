//! Errors of calls.

use std::error::Error;

/// Why a call has no answer, and whether the request may have arrived. URLs are shown without path and
/// query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The call breaks a rule of this crate or of the operator. Nothing was sent. A repeat helps only
    /// after the URL, the addresses of the name, or the named setting have changed.
    #[error("{url}: {why}")]
    Refused {
        /// Scheme, host and port.
        url: String,
        /// The rule, and the setting that would allow the call, if there is one.
        why: String,
    },
    /// No connection: it is certain that nothing arrived.
    #[error("{url}: nothing was sent: {why}")]
    NotSent {
        /// Scheme, host and port.
        url: String,
        /// The reason.
        why: String,
    },
    /// The request was sent, at least in part, but no answer came: it may have arrived or not.
    #[error("{url}: sent, and whether it arrived is unknown: {why}")]
    Unknown {
        /// Scheme, host and port.
        url: String,
        /// Why there is no answer.
        why: String,
    },
}

/// The root cause, which usually says most.
pub(crate) fn root(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

/// An error and its causes.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause| (*cause).source())
}
