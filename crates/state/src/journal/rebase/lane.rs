//! A journal and its input, by their names.

use crate::journal::Error;

/// A journal and its input.
#[derive(Debug)]
pub struct Lane<'a, B> {
    /// Subject of the journal.
    pub journal: &'a str,
    /// Its book.
    pub book: &'a B,
    /// The input's stream.
    pub stream: &'a str,
    /// The filter under which it is read.
    pub filter: &'a str,
}

impl<B> Lane<'_, B> {
    /// The server does not answer.
    pub(super) fn unavailable(&self, reason: impl ToString) -> Error {
        Error::Unavailable { journal: self.journal.to_owned(), reason: reason.to_string() }
    }
}
