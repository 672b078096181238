//! Errors of starting and stopping servers.

use std::path::PathBuf;

/// Why a server could not be started or managed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is not installed.
    #[error("{program} is not installed; on Debian: apt-get install {package}")]
    Missing {
        /// The name of the program.
        program: String,
        /// The Debian package that contains it.
        package: &'static str,
    },
    /// An operation on a file or folder of the server failed.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// `create`, `write`, `read`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A path that `sshd` does not accept in a forced command.
    #[error(
        "the folder {path} contains {character:?}, which sshd does not take in a forced command"
    )]
    Path {
        /// The folder.
        path: PathBuf,
        /// The first bad character.
        character: char,
    },
    /// A partner's name that cannot be a folder name.
    #[error("partner {name:?} cannot be a folder name; allowed are A-Z a-z 0-9 _ -")]
    Name {
        /// The name.
        name: String,
    },
    /// The program could not be started.
    #[error("cannot start {program}: {source}")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The program ended during its start.
    #[error("{program} ended at once ({status}): {tail}")]
    Ended {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: String,
        /// The last lines of its log.
        tail: String,
    },
    /// The program runs but is not ready.
    #[error("{program} was not ready after {seconds} s; its log: {log}")]
    NotReady {
        /// The program.
        program: PathBuf,
        /// How long it was waited for.
        seconds: u64,
        /// The log file.
        log: PathBuf,
    },
    /// The members of a cluster run, but have no common leader.
    #[error("the nats-servers found no leader within {seconds} s; their logs: {dir}")]
    NoLeader {
        /// How long it was waited for.
        seconds: u64,
        /// The folder with their logs.
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
