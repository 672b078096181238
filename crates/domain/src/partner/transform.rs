//! What is made of a partner's rows before they are checked, as plain data.

use super::Column;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Columns that are made of columns of the file, row by row, and which rows count.
///
/// Expressions are SQL. They see the file's columns as texts, under their header names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Transform {
    /// What makes a column of ours. One that is made is in no `columns` of the file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<Column, String>,
    /// Rows for which this is not true are left out: rejected as `filtered`, which harms no order.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Tables for `LOOKUP('name', text)`: what each text becomes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub look_ups: BTreeMap<String, BTreeMap<String, String>>,
}
