//! Why something in an inbox is not taken, and which names can be used.

use super::entry::Kind;
use std::fmt;

/// Most bytes of a file's name.
pub const NAME_BYTES_MAX: usize = 255;

/// Why something in an inbox is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Its name cannot be used.
    Name(BadName),
    /// It is no regular file.
    NotAFile(Kind),
    /// Its name says that it is being written: by which part of it.
    Temporary(String),
    /// Larger than the partner's limit, in bytes.
    TooLarge(u64),
    /// A marker beside which no file stands.
    LoneMarker,
    /// A checksum or manifest beside which no file stands.
    LoneSide,
    /// Its marker, checksum or manifest is not there yet, or not at rest.
    NoMarker(String),
    /// Too young, seconds.
    TooYoung {
        /// Since the last change.
        age: u64,
        /// What is needed.
        min: u64,
    },
    /// It changed between two looks.
    Changing,
    /// It came between two looks.
    JustCame,
}

/// Why a name cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing.
    #[error("the name is empty")]
    Empty,
    /// Hidden, or `.` and `..`.
    #[error("the name begins with a dot")]
    Dot,
    /// It names a folder.
    #[error("the name contains a slash")]
    Slash,
    /// It would break logs and listings.
    #[error("the name contains a control character")]
    Control,
    /// It is not UTF-8.
    #[error("the name is not UTF-8")]
    Encoding,
    /// More bytes than file systems take.
    #[error("the name has {0} bytes, the limit is {NAME_BYTES_MAX}")]
    TooLong(usize),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(bad) => write!(f, "{bad}"),
            Self::NotAFile(Kind::Directory) => f.write_str("is a folder"),
            Self::NotAFile(Kind::Symlink) => f.write_str("is a symbolic link"),
            Self::NotAFile(_) => f.write_str("is not a regular file"),
            Self::Temporary(part) => write!(f, "{part}: still being written"),
            Self::TooLarge(max) => write!(f, "is larger than the limit of {max} bytes"),
            Self::LoneMarker => f.write_str("is a marker without its file"),
            Self::LoneSide => f.write_str("is a checksum or manifest without its file"),
            Self::NoMarker(name) => write!(f, "waits for {name}"),
            Self::TooYoung { age, min } => {
                write!(f, "changed {age} s ago, complete after {min} s of rest")
            }
            Self::Changing => f.write_str("is still changing"),
            Self::JustCame => f.write_str("has just come"),
        }
    }
}

/// Something that is not taken now, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name; unreadable parts are replaced.
    pub name: String,
    /// Why.
    pub reason: Skip,
}

/// Checks a name as it came from a server or a person.
///
/// # Errors
/// Why it cannot be used.
pub fn check_name(name: &str) -> Result<(), BadName> {
    if name.is_empty() {
        Err(BadName::Empty)
    } else if name.starts_with('.') {
        Err(BadName::Dot)
    } else if name.contains('/') {
        Err(BadName::Slash)
    } else if name.chars().any(char::is_control) {
        Err(BadName::Control)
    } else if NAME_BYTES_MAX < name.len() {
        Err(BadName::TooLong(name.len()))
    } else {
        Ok(())
    }
}
