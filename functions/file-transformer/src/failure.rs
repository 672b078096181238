//! Why a file is not finished.

use chrono::{DateTime, Utc};
use intake::ledger::{self, StepError};
use intake::sftp;
use std::time::Duration;

/// Why a file is not finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sftp(#[from] intake::sftp::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Memory(#[from] crate::memory::Full),
    #[error("temporary files cannot be written: {0}")]
    Scratch(#[source] std::io::Error),
    #[error("{0} orders were not acknowledged")]
    NotStored(usize),
    #[error(transparent)]
    Unclear(#[from] messaging::publish::Unclear),
    #[error(transparent)]
    Store(#[from] messaging::store::Fault),
    #[error(transparent)]
    Reading(#[from] messaging::tail::Error),
    #[error(transparent)]
    Lookup(#[from] messaging::stored::LookupError),
    #[error("dead letters cannot be read: {0}")]
    Letters(String),
    #[error("another process ({owner}) works on the file until {until}")]
    Held { owner: String, until: DateTime<Utc>, after: Duration },
    #[error("a file with the same content, {0}, is not finished yet")]
    Same(String),
    #[error(
        "the file was replaced after it arrived; the new file will be processed as a new arrival"
    )]
    Replaced,
    #[error(
        "the file was changed while its orders were sent: those that were sent stay, and the changed \
         file will be processed as a new arrival"
    )]
    ChangedWhileSent,
    #[error(transparent)]
    Changed(#[from] intake::changed::SettleError),
    #[error("the stream ORDERS cannot be read: {0}")]
    Stream(#[from] messaging::streams::LastError),
    #[error("the configuration cannot be used: {0}")]
    Configuration(String),
    #[error("the work ended unexpectedly")]
    Panicked,
}

impl Failure {
    /// Did the partner's server fail, so that the partner's other files should wait as well? A single
    /// file that may not be opened says nothing about the others.
    pub(crate) fn is_of_server(&self) -> bool {
        match self {
            Self::Sftp(error) => !matches!(
                error,
                sftp::Error::Denied { .. }
                    | sftp::Error::NotFound { .. }
                    | sftp::Error::Exists { .. }
                    | sftp::Error::Path { .. }
                    | sftp::Error::NotAFile { .. }
            ),
            _ => false,
        }
    }

    pub(crate) fn scratch(error: std::io::Error) -> Self {
        Self::Scratch(error)
    }

    pub(crate) fn spool(error: csv::Error) -> Self {
        Self::Scratch(error.into())
    }
}

impl From<StepError> for Failure {
    fn from(error: StepError) -> Self {
        Self::Ledger(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_opened_is_not_a_failure_of_the_server() {
        let what = || "open inbox/a.csv".to_owned();
        let denied = Failure::Sftp(sftp::Error::Denied { what: what() });
        let silent = Failure::Sftp(sftp::Error::TimedOut { what: what() });
        assert_eq!((denied.is_of_server(), silent.is_of_server()), (false, true));
    }
}
