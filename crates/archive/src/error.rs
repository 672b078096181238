//! What goes wrong with the archive.

use crate::day::Day;
use messaging::streams::LastError;
use parquet::errors::ParquetError;
use state::wire::Unclear;

/// Why the archive is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not answer; a write may have happened, and is looked for by the next attempt.
    #[error(
        "the archive does not answer: {0}; if its streams are missing, `orderflow setup` makes them"
    )]
    Unclear(#[from] Unclear),
    /// The server does not say how a stream is.
    #[error(transparent)]
    Stream(#[from] LastError),
    /// A stream cannot be read.
    #[error(transparent)]
    Read(#[from] messaging::tail::Error),
    /// A file of the archive is not what was written.
    #[error(
        "{name} in the archive cannot be read: {reason}; restore the stream OBJ_ARCHIVE from a backup"
    )]
    Damaged {
        /// Which one.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The stream is not the one whose days are in the archive.
    #[error(
        "the archive ends with {day} of another stream {stream} ({known}; there is {found} now): days of two streams are not mixed. \
         Put the right store back; or, if the stream was made anew on purpose, save the days with `orderflow analytics archive export`, \
         and begin a new archive: remove the streams KV_ARCHIVE and OBJ_ARCHIVE, and run `orderflow setup`"
    )]
    Other {
        /// The last day that is kept.
        day: Day,
        /// Which stream.
        stream: &'static str,
        /// The one that the archive knows.
        known: String,
        /// The one that is there.
        found: String,
    },
    /// The stream ends before the archive does.
    #[error(
        "an older copy of the stream {stream} answers: it ends at {last}, and the archive has it up to {to} ({day}); put the newest copy back"
    )]
    Older {
        /// The last day that is kept.
        day: Day,
        /// Which stream.
        stream: &'static str,
        /// Where it ends.
        last: u64,
        /// Up to where the archive has it.
        to: u64,
    },
    /// A file cannot be made.
    #[error("cannot write Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// The work was cut off.
    #[error("the work on the archive ended early: {0}")]
    Ended(String),
}

impl Error {
    pub(crate) fn damaged(name: &str, reason: impl ToString) -> Self {
        Self::Damaged { name: name.to_owned(), reason: reason.to_string() }
    }
}
