//! Sale or return.

use serde::{Deserialize, Serialize};

/// A sale or a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// All quantities above zero; takes stock.
    #[default]
    Sale,
    /// All quantities below zero; gives stock back.
    Return,
}
