//! Failures that scripts tell apart by the exit code.

use std::path::PathBuf;
use std::process::ExitCode;

/// A failure with an exit code of its own; anything else is 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// 3: `wait` gave up.
    #[error("time is up after {seconds} s; still open: {open}; why: orderflow doctor")]
    TimeIsUp {
        /// How long was waited.
        seconds: u64,
        /// What is not finished.
        open: String,
    },
    /// 4.
    #[error("not found: {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// 5.
    #[error("nothing is running in {dir}; start it with: orderflow up --data-dir {dir}")]
    NotRunning {
        /// The data directory.
        dir: PathBuf,
    },
    /// 8: a command that asks was not answered with yes.
    #[error("nothing was done: \"{question}\" was not answered with yes; a script says --yes")]
    NotConfirmed {
        /// What was asked.
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

/// What is said of `error`: it and its causes, each once. Some errors name their cause themselves.
pub fn text(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| match cause.to_string() {
        cause if text.is_empty() => cause,
        cause if text.contains(&cause) => text,
        cause => format!("{text}: {cause}"),
    })
}

/// The exit code that tells `error`.
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
