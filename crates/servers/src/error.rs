//! Why a server does not run.

use std::path::PathBuf;

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not installed.
    #[error("{program} is not installed; on Debian: apt-get install {package}")]
    Missing {
        /// What was looked for.
        program: String,
        /// Where Debian has it.
        package: &'static str,
    },
    /// A file or folder of the server.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// `create`, `write`, `read`, …
        action: &'static str,
        /// Of which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A path that `sshd` cannot take in a forced command.
    #[error(
        "the folder {path} contains {character:?}, which sshd does not take in a forced command"
    )]
    Path {
        /// The folder.
        path: PathBuf,
        /// The first bad character.
        character: char,
    },
    /// A partner's name that is no folder name.
    #[error("partner {name:?} is no folder name; allowed are A-Z a-z 0-9 _ -")]
    Name {
        /// The name.
        name: String,
    },
    /// The program could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// Which.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ran and failed.
    #[error("{program} ended at once ({status}): {tail}")]
    Ended {
        /// Which.
        program: PathBuf,
        /// Exit status.
        status: String,
        /// The last lines of its log.
        tail: String,
    },
    /// It runs but is not ready.
    #[error("{program} was not ready after {seconds} s; its log: {log}")]
    NotReady {
        /// Which.
        program: PathBuf,
        /// How long was waited.
        seconds: u64,
        /// Where to look.
        log: PathBuf,
    },
    /// The members of a cluster run and have no common leader.
    #[error("the nats-servers found no leader within {seconds} s; their logs: {dir}")]
    NoLeader {
        /// How long was waited.
        seconds: u64,
        /// Where to look.
        dir: PathBuf,
    },
    /// No free port was found.
    #[error("no free port from {from} to {to} on 127.0.0.1")]
    NoPort {
        /// First port tried.
        from: u16,
        /// Last port tried.
        to: u16,
    },
}

impl Error {
    /// For `map_err` on a file operation.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
