//! What is made of a partner's rows before they are checked, as plain data.

use super::Column;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns that are made of columns of the file, row by row, and which rows count.
///
/// Expressions are SQL. They see the file's columns as texts, under their header names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Transform {
    /// What makes a column of ours. One that is made is in no `columns` of the file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<Column, String>,
    /// Rows for which this is not true are left out: rejected as `filtered`, which harms no order.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Tables for `LOOKUP('name', text)`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub look_ups: BTreeMap<String, LookUp>,
}

/// What each text becomes; what is not in it becomes NULL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum LookUp {
    /// Here it is.
    Table(Arc<BTreeMap<String, String>>),
    /// The name of a table beside the configuration, as long as nobody has read it.
    File(String),
}

impl Transform {
    /// The table of a look-up that was not read yet.
    #[must_use]
    pub fn unread(&self) -> Option<&str> {
        self.look_ups.values().find_map(|look_up| match look_up {
            LookUp::Table(_) => None,
            LookUp::File(file) => Some(file.as_str()),
        })
    }
}
