//! What comes of a file: its rows and rejects, and what it held.

use crate::batch::Batch;
use crate::head::Detected;
use crate::profile::ColumnProfile;
use crate::reject::Reject;
use domain::control::Sums;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows and rejects of a stretch of the file, each in file order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Accepted rows.
    pub batch: Batch,
    /// Rejected rows.
    pub rejects: Vec<Reject>,
}

/// What a file held. `rows` is always `accepted`, `filtered` and all of `rejected_by_rule` together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Physical lines of the file: rows may take several, and not every line is one.
    #[serde(default)]
    pub lines: u64,
    /// Rows behind the header; blank lines are none.
    pub rows: u64,
    /// Rows that the partner's transform leaves out. They are no rejects.
    #[serde(default)]
    pub filtered: u64,
    /// Rows accepted.
    pub accepted: u64,
    /// Rows rejected, by the code of the rule.
    pub rejected_by_rule: BTreeMap<String, u64>,
    /// What the accepted rows hold, column by column.
    pub profile: Vec<ColumnProfile>,
    /// How the file looks.
    pub detected: Detected,
    /// The fields of its trailer, at most 100.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trailer: Option<Vec<String>>,
    /// What its rows add up to, if that was asked for.
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
