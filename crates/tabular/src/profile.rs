//! The column profile in the receipt.
//!
//! It is merged from the profiles of the file's pieces. A duplicate equals an earlier row, so removing
//! it changes counts, but never a minimum or maximum.

use crate::batch::{Batch, Row, TextColumn};
use chrono::{DateTime, SecondsFormat};
use domain::Money;
use serde::{Deserialize, Serialize};

/// Statistics of the accepted rows in one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name of the column in the output.
    pub column: String,
    /// Rows with a value.
    pub count: u64,
    /// Rows without a value.
    pub empty: u64,
    /// Minimum: numbers and dates are compared by value, texts by their bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// The profile so far.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    rows: u64,
    order_id: Text,
    product_id: Text,
    description: Text,
    quantity: Numbers,
    unit_price: Numbers,
    ordered_at: Numbers,
    customer_id: Text,
    region: Text,
    category: Text,
}

impl Profile {
    /// The profile of all rows of `batch`.
    pub(crate) fn of(batch: &Batch) -> Self {
        Self {
            rows: batch.len() as u64,
            order_id: Text::of(&batch.order_id),
            product_id: Text::of(&batch.product_id),
            description: Text::of(&batch.description),
            quantity: Numbers::of(&batch.quantity),
            unit_price: Numbers::of(&batch.unit_price),
            ordered_at: Numbers::of(&batch.ordered_at),
            customer_id: Text::of(&batch.customer_id),
            region: Text::of(&batch.region),
            category: Text::of(&batch.category),
        }
    }

    /// Removes a row that equals an earlier one.
    pub(crate) fn forget(&mut self, row: &Row<'_>) {
        self.rows -= 1;
        self.order_id.forget(row.order_id);
        self.product_id.forget(row.product_id);
        self.description.forget(row.description);
        self.customer_id.forget(row.customer_id);
        self.region.forget(row.region);
        self.category.forget(row.category);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.order_id.add(other.order_id);
        self.product_id.add(other.product_id);
        self.description.add(other.description);
        self.quantity.add(other.quantity);
        self.unit_price.add(other.unit_price);
        self.ordered_at.add(other.ordered_at);
        self.customer_id.add(other.customer_id);
        self.region.add(other.region);
        self.category.add(other.category);
    }

    /// One entry per output column, in the order of the output.
    pub(crate) fn finish(self) -> Vec<ColumnProfile> {
        let price = |units: i64| Money::from_units(units).to_string();
        let rows = self.rows;
        vec![
            self.order_id.finish("order_id", rows),
            self.product_id.finish("product_id", rows),
            self.description.finish("description", rows),
            self.quantity.finish("quantity", rows, |number| number.to_string()),
            self.unit_price.finish("unit_price", rows, price),
            self.ordered_at.finish("ordered_at", rows, rfc3339),
            self.customer_id.finish("customer_id", rows),
            self.region.finish("region", rows),
            self.category.finish("category", rows),
        ]
    }
}

/// Milliseconds since 1970 as `2011-12-09T08:39:00Z`, with a fraction only if it is not zero.
pub(crate) fn rfc3339(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .expect("dates are read from the years 1970 to 9999 only")
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[derive(Debug, Default)]
struct Numbers {
    range: Option<(i64, i64)>,
}

impl Numbers {
    fn of(values: &[i64]) -> Self {
        let (min, max) = (values.iter().min(), values.iter().max());
        Self { range: min.copied().zip(max.copied()) }
    }

    fn add(&mut self, other: Self) {
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    fn finish(self, name: &str, rows: u64, show: impl Fn(i64) -> String) -> ColumnProfile {
        ColumnProfile {
            column: name.to_owned(),
            count: rows,
            empty: 0,
            min: self.range.map(|(min, _)| show(min)),
            max: self.range.map(|(_, max)| show(max)),
        }
    }
}

#[derive(Debug, Default)]
struct Text {
    empty: u64,
    range: Option<(String, String)>,
}

impl Text {
    fn of(texts: &TextColumn) -> Self {
        let mut empty = 0;
        let mut last = "";
        let mut range: Option<(&str, &str)> = None;
        let mut keys = (0, 0);
        for text in texts.iter() {
            if text.is_empty() {
                empty += 1;
                continue;
            }
            // Repeated values are common (an order's id, customer, region).
            if text == last {
                continue;
            }
            last = text;
            // The first eight bytes decide nearly every comparison.
            let key = key(text);
            match &mut range {
                None => (range, keys) = (Some((text, text)), (key, key)),
                Some((min, max)) => {
                    if key <= keys.0 && text < *min {
                        (*min, keys.0) = (text, key);
                    }
                    if key >= keys.1 && text > *max {
                        (*max, keys.1) = (text, key);
                    }
                }
            }
        }
        Self { empty, range: range.map(|(min, max)| (min.to_owned(), max.to_owned())) }
    }

    fn forget(&mut self, text: &str) {
        self.empty -= u64::from(text.is_empty());
    }

    fn add(&mut self, other: Self) {
        self.empty += other.empty;
        self.range = match (self.range.take(), other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    fn finish(self, name: &str, rows: u64) -> ColumnProfile {
        let (min, max) = self.range.unzip();
        let (count, empty) = (rows - self.empty, self.empty);
        ColumnProfile { column: name.to_owned(), count, empty, min, max }
    }
}

/// The first eight bytes as a number with the same order.
fn key(text: &str) -> u64 {
    match text.as_bytes().first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let bytes = text.bytes().chain(std::iter::repeat(0)).take(8);
            bytes.fold(0, |key, byte| key << 8 | u64::from(byte))
        }
    }
}
