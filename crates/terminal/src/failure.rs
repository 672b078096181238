//! Failures that scripts can distinguish by the exit code.

use std::path::PathBuf;
use std::process::ExitCode;

/// A failure with its own exit code; any other error exits with 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 3: `wait` gave up.
    #[error("time is up after {seconds} s; still open: {open}; why: orderflow doctor")]
    TimeIsUp {
        /// How long it waited.
        seconds: u64,
        /// What is not finished.
        open: String,
    },
    /// Exit code 4.
    #[error("not found: {what}")]
    NotFound {
        /// What was requested.
        what: String,
    },
    /// Exit code 5.
    #[error("nothing is running in {dir}; start it with: orderflow up --data-dir {dir}")]
    NotRunning {
        /// The data directory.
        dir: PathBuf,
    },
    /// Exit code 8: a confirmation was not answered with yes.
    #[error("nothing was done: \"{question}\" was not answered with yes; scripts pass --yes")]
    NotConfirmed {
        /// The question.
        question: String,
    },
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::TimeIsUp { .. } => 3,
            Self::NotFound { .. } => 4,
            Self::NotRunning { .. } => 5,
            Self::NotConfirmed { .. } => 8,
        }
    }
}

/// The text of `error` with its causes, each once: some errors already contain their cause.
pub fn text(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| match cause.to_string() {
        cause if text.is_empty() => cause,
        cause if text.contains(&cause) => text,
        cause => format!("{text}: {cause}"),
    })
}

/// The exit code of `error`.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(error.downcast_ref::<Failure>().map_or(1, Failure::code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read {path}: {source}")]
    struct Unread {
        path: &'static str,
        source: std::io::Error,
    }

    #[test]
    fn a_cause_is_said_once() {
        let source = || std::io::Error::other("it is no file");
        let error = anyhow::Error::new(Unread { path: "a", source: source() }).context("the table");
        assert_eq!(text(&error), "the table: cannot read a: it is no file");
        let error = anyhow::Error::new(source()).context("cannot read a");
        assert_eq!(text(&error), "cannot read a: it is no file");
    }
}
