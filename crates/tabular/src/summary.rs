//! The result of a file: its rows and rejects, and its statistics.

use crate::batch::Batch;
use crate::head::Detected;
use crate::profile::ColumnProfile;
use crate::reject::Reject;
use domain::control::Sums;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows and rejects of a part of the file, both in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Accepted rows.
    pub batch: Batch,
    /// Rejected rows.
    pub rejects: Vec<Reject>,
}

/// Statistics of a file. `rows` is always the sum of `accepted`, `filtered` and all of
/// `rejected_by_rule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Physical lines of the file: a row may have several, and not every line belongs to a row.
    #[serde(default)]
    pub lines: u64,
    /// Rows after the header, without blank lines.
    pub rows: u64,
    /// Rows that the partner's transform filters out. These are not rejects.
    #[serde(default)]
    pub filtered: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows rejected, by the code of the rule.
    pub rejected_by_rule: BTreeMap<String, u64>,
    /// Statistics of the accepted rows, column by column.
    pub profile: Vec<ColumnProfile>,
    /// The detected format of the file.
    pub detected: Detected,
    /// The fields of its trailer, at most 100.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trailer: Option<Vec<String>>,
    /// Sums over its rows, if requested.
    #[serde(default)]
    pub sums: Sums,
}

impl Summary {
    /// Rows rejected by any rule.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected_by_rule.values().sum()
    }
}
