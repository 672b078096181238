//! Why a file is not done.

use chrono::{DateTime, Utc};
use intake::ledger::{self, StepError};

/// Why a file is not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sftp(#[from] intake::sftp::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error(transparent)]
    Memory(#[from] crate::memory::Full),
    #[error("scratch space: {0}")]
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
    #[error("the file is held by {owner} until {until}")]
    Held { owner: String, until: DateTime<Utc> },
    #[error("the same content came as {0}, which is not done yet")]
    Same(String),
    #[error("the file was replaced after it arrived; what stands there now arrives by itself")]
    Replaced,
    #[error("the configuration cannot be used: {0}")]
    Configuration(String),
    #[error("the work ended unexpectedly")]
    Panicked,
}

impl Failure {
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
