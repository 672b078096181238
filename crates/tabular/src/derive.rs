//! A partner's `transform`: computes columns from several columns, and filters rows.
//!
//! Expressions are parsed and typed when the configuration is read, so that later only the content of a
//! row can make one fail. Each batch of rows is then evaluated at once.

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

/// The result for a batch.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// For each computed column the texts of all rows; empty if there are none.
    pub(crate) columns: Vec<TextColumn>,
    /// Rows that are not processed further.
    pub(crate) verdicts: BTreeMap<usize, Verdict>,
}

/// Why a row is not processed further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The partner's filter excludes it.
    Filtered,
    /// The filter or a computed column cannot be evaluated; with the column.
    #[cfg_attr(not(feature = "polars"), expect(dead_code, reason = "nothing is calculated"))]
    Failed(Option<usize>, Cow<'static, str>),
}
