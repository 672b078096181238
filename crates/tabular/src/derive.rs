//! What a partner's `transform` makes of rows: columns of several columns, and rows that are left
//! out.
//!
//! Expressions are parsed and typed when the configuration is read, so that none can fail for
//! another reason than a row's content; then each batch of rows is calculated at once.

#[cfg(feature = "polars")]
mod bind;
#[cfg(feature = "polars")]
mod columns;
#[cfg(feature = "polars")]
mod derivation;
#[cfg(feature = "polars")]
mod functions;
#[cfg(feature = "polars")]
mod number;
#[cfg(feature = "polars")]
mod texts;
#[cfg(feature = "polars")]
mod tree;
#[cfg(feature = "polars")]
mod values;

#[cfg(not(feature = "polars"))]
#[path = "derive/without.rs"]
mod derivation;

pub(crate) use derivation::Derivation;

use crate::batch::TextColumn;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What was made of a batch.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// For each column that is made the texts of all rows; nothing where there is none.
    pub(crate) columns: Vec<TextColumn>,
    /// Rows that do not go on.
    pub(crate) verdicts: BTreeMap<usize, Verdict>,
}

/// Why a row does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The partner does not want it.
    Filtered,
    /// It cannot be said whether the partner wants it, or what a column is: which of them.
    #[cfg_attr(not(feature = "polars"), expect(dead_code, reason = "nothing is calculated"))]
    Failed(Option<usize>, Cow<'static, str>),
}
