//! Sums by one property of orders.

use crate::amount::Amounts;
use archive::sums::Add;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shards, by partner.
pub(super) const SHARDS: usize = 8;
/// Rows of a shard: one for each region, category, product, hour and day of each partner. What finds no room is
/// added to the row of others.
pub(super) const SHARD_ROWS_MAX: usize = 50_000;
/// Of all shards together.
pub(crate) const ROWS_MAX: usize = SHARDS * SHARD_ROWS_MAX;
/// About what a row takes, with its key and one currency.
pub(crate) const ROW_BYTES: usize = 200;

/// What orders come to: what is confirmed, less what is cancelled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Sales.
    #[serde(rename = "o")]
    pub(crate) orders: i64,
    /// Returns.
    #[serde(rename = "r")]
    pub(crate) returns: i64,
    /// Pieces sold, less those returned.
    #[serde(rename = "p")]
    pub(crate) pieces: i64,
    /// Sales less returns.
    #[serde(rename = "a")]
    pub(crate) revenue: Amounts,
}

impl Row {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.orders += other.orders;
        self.returns += other.returns;
        self.pieces += other.pieces;
        self.revenue.merge(&other.revenue);
    }
}

impl Row {
    pub(super) fn add(&mut self, add: Add) {
        self.orders += add.orders;
        self.returns += add.returns;
        self.pieces += add.pieces;
        self.revenue.add(add.code, add.units);
    }
}

/// So many bytes of a key count as a row.
const KEY_BYTES: usize = 64;

/// The rows of one dimension.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    rows: BTreeMap<Box<str>, Row>,
    /// What found no room.
    #[serde(default)]
    others: Option<Row>,
}

impl Table {
    /// Adds to the row of `key`, or to that of others if there are `max` rows; `rows` are those of all tables. A long
    /// key counts as more than one, and so does a row with several currencies: senders write them.
    pub(super) fn add(&mut self, key: &str, add: Add, rows: &mut usize, max: usize) {
        if let Some(row) = self.rows.get_mut(key) {
            if row.revenue.has(add.code) {
                return row.add(add);
            }
            // A further currency takes less than a row, and senders make them up.
            if *rows < max {
                *rows += 1;
                return row.add(add);
            }
        }
        if max <= *rows {
            return self.others.get_or_insert_default().add(add);
        }
        *rows += 1 + key.len() / KEY_BYTES;
        self.rows.entry(key.into()).or_default().add(add);
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(key, row)| (&**key, row))
    }

    pub(crate) fn others(&self) -> Option<&Row> {
        self.others.as_ref()
    }
}
