//! Why a document cannot be shown.

use domain::invoice::Document;

/// The newest layout that is known. [`Document::layout`] names the one that a document is shown in, so that a later
/// release shows an old document as it was.
pub const LAYOUT: u32 = 1;

/// Why a document cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It was issued by a later release.
    #[error("{number} has layout {layout}, and this release knows up to {LAYOUT}; update it")]
    UnknownLayout {
        /// Number of the document.
        number: String,
        /// Its layout.
        layout: u32,
    },
    /// It would be no PDF/A, or no HTML. No document is known that gives this.
    #[error("{number} cannot be written: {reason}; please report this, and send its XML or JSON")]
    NotWritten {
        /// Number of the document.
        number: String,
        /// What is against it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn not_written(document: &Document, reason: impl ToString) -> Self {
        Self::NotWritten { number: document.number.clone(), reason: reason.to_string() }
    }
}

/// Is its layout known?
pub(crate) fn known_layout(document: &Document) -> Result<(), Error> {
    match document.layout {
        1..=LAYOUT => Ok(()),
        layout => Err(Error::UnknownLayout { number: document.number.clone(), layout }),
    }
}
