//! Where a mail server is, and how it is spoken to.

use std::path::PathBuf;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the beginning (`smtps://`).
    Tls,
    /// TLS after `STARTTLS`, or nothing is sent.
    StartTls,
    /// None.
    Open,
}

/// A mail server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    /// User and password.
    pub(crate) login: Option<(String, String)>,
    /// A PEM file with one more certificate authority to trust.
    pub(crate) authority: Option<PathBuf>,
    /// How we call ourselves.
    pub(crate) hello: String,
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
