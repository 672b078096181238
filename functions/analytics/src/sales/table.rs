//! Sums by one property of orders.

use crate::amount::{Amounts, Code};
use schemars::JsonSchema;
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

/// By what orders are added up.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dimension {
    /// The partner.
    Partner,
    /// The order's region, or `unknown`.
    Region,
    /// The category of each line's product, or `unknown`.
    Category,
    /// The product of each line.
    Product,
    /// `vip` or `other`.
    Vip,
    /// The hour of the day at which it was ordered, in UTC: `00` to `23`.
    Hour,
    /// The day on which it was ordered, in UTC.
    Day,
}

impl Dimension {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Partner,
        Self::Region,
        Self::Category,
        Self::Product,
        Self::Vip,
        Self::Hour,
        Self::Day,
    ];

    /// As in paths.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::Region => "region",
            Self::Category => "category",
            Self::Product => "product",
            Self::Vip => "vip",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Is it listed by its key, and not the largest first?
    pub(crate) const fn is_time(self) -> bool {
        matches!(self, Self::Hour | Self::Day)
    }
}

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

/// What an order adds to a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Add {
    pub(super) orders: i64,
    pub(super) returns: i64,
    pub(super) pieces: i64,
    pub(super) code: Code,
    pub(super) units: i128,
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
