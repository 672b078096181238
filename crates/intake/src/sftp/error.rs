//! Why something did not work on an SFTP server.

use libssh2_sys as raw;
use ssh2::ErrorCode;

/// Why something did not work on an SFTP server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection could be made.
    #[error("cannot reach {address}: {source}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The server did not answer in time.
    #[error("{what}: no answer in time")]
    TimedOut {
        /// What was asked.
        what: String,
    },
    /// The connection was lost.
    #[error("{what}: the connection was lost ({message})")]
    Disconnected {
        /// What was asked.
        what: String,
        /// What the library says.
        message: String,
    },
    /// The server is not the one that is configured.
    #[error("{address} has the host key {presented}, configured is {configured}")]
    HostKey {
        /// Host and port.
        address: String,
        /// Fingerprint of the server's key.
        presented: String,
        /// Fingerprint of the configured key.
        configured: String,
    },
    /// The configured host key cannot be used.
    #[error("the configured host key of {address} {source}")]
    BadHostKey {
        /// Host and port.
        address: String,
        /// What is wrong with it.
        source: crate::host_key::HostKeyError,
    },
    /// The server does not take the login.
    #[error("{address} refuses the login of {user}: {message}")]
    Login {
        /// Host and port.
        address: String,
        /// The login.
        user: String,
        /// What the library says.
        message: String,
    },
    /// The login may not do this.
    #[error("{what}: permission denied")]
    Denied {
        /// What was asked.
        what: String,
    },
    /// There is no such file or folder.
    #[error("{what}: no such file or folder")]
    NotFound {
        /// What was asked.
        what: String,
    },
    /// Something is there already.
    #[error("{what}: something of that name is there")]
    Exists {
        /// What was asked.
        what: String,
    },
    /// The server's disk or quota is full.
    #[error("{what}: no space left on the server")]
    NoSpace {
        /// What was asked.
        what: String,
    },
    /// A path that is not below the partner's folder, or has a name that cannot be used.
    #[error("the path {path:?} cannot be used: {reason}")]
    Path {
        /// The path.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// Something that is read as a file is none.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// The path.
        path: String,
    },
    /// Everything else that server or library say.
    #[error("{what}: {message}")]
    Protocol {
        /// What was asked.
        what: String,
        /// What the library says.
        message: String,
    },
}

/// What an error means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// It may work later, without anyone doing anything.
    Retry,
    /// Somebody must change something: configuration, keys, permissions.
    Fault,
}

impl Error {
    /// Is it worth trying again?
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Disconnected { .. }
            | Self::NoSpace { .. }
            | Self::Protocol { .. } => Disposition::Retry,
            Self::HostKey { .. }
            | Self::BadHostKey { .. }
            | Self::Login { .. }
            | Self::Denied { .. }
            | Self::NotFound { .. }
            | Self::Exists { .. }
            | Self::Path { .. }
            | Self::NotAFile { .. } => Disposition::Fault,
        }
    }

    /// What the library says, for one action.
    pub(crate) fn ssh(what: impl Into<String>, error: &ssh2::Error) -> Self {
        let (what, message) = (what.into(), error.message().to_owned());
        match error.code() {
            ErrorCode::Session(raw::LIBSSH2_ERROR_TIMEOUT | raw::LIBSSH2_ERROR_SOCKET_TIMEOUT) => {
                Self::TimedOut { what }
            }
            ErrorCode::Session(
                raw::LIBSSH2_ERROR_SOCKET_SEND
                | raw::LIBSSH2_ERROR_SOCKET_RECV
                | raw::LIBSSH2_ERROR_SOCKET_DISCONNECT
                | raw::LIBSSH2_ERROR_BAD_SOCKET
                | raw::LIBSSH2_ERROR_BANNER_RECV
                | raw::LIBSSH2_ERROR_BANNER_SEND
                | raw::LIBSSH2_ERROR_CHANNEL_CLOSED
                | raw::LIBSSH2_ERROR_CHANNEL_EOF_SENT,
            )
            | ErrorCode::SFTP(raw::LIBSSH2_FX_NO_CONNECTION | raw::LIBSSH2_FX_CONNECTION_LOST) => {
                Self::Disconnected { what, message }
            }
            ErrorCode::SFTP(raw::LIBSSH2_FX_NO_SUCH_FILE | raw::LIBSSH2_FX_NO_SUCH_PATH) => {
                Self::NotFound { what }
            }
            ErrorCode::SFTP(raw::LIBSSH2_FX_PERMISSION_DENIED | raw::LIBSSH2_FX_WRITE_PROTECT) => {
                Self::Denied { what }
            }
            ErrorCode::SFTP(raw::LIBSSH2_FX_FILE_ALREADY_EXISTS) => Self::Exists { what },
            ErrorCode::SFTP(
                raw::LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM | raw::LIBSSH2_FX_QUOTA_EXCEEDED,
            ) => Self::NoSpace { what },
            ErrorCode::Session(_) | ErrorCode::SFTP(_) => Self::Protocol { what, message },
        }
    }

    /// Of reading or writing, where the library's number is lost on the way.
    pub(crate) fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        let what = what.into();
        match error.kind() {
            std::io::ErrorKind::TimedOut => Self::TimedOut { what },
            std::io::ErrorKind::NotFound => Self::NotFound { what },
            _ => Self::Protocol { what, message: error.to_string() },
        }
    }
}
