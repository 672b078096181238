//! The receipt's column profile, computed by polars on the typed columns of each batch.

use crate::batch::{Batch, TextColumn};
use chrono::{DateTime, SecondsFormat};
use domain::Money;
use polars::prelude::{BinaryChunked, ChunkAgg, Int64Chunked, NewChunkedArray, PlSmallStr};
use serde::{Deserialize, Serialize};

/// What the accepted rows hold in one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name of the column in the output.
    pub column: String,
    /// Rows with a value.
    pub count: u64,
    /// Rows without.
    pub empty: u64,
    /// Least value: of numbers and dates by size, of texts by their bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// The profile so far.
#[derive(Debug, Default)]
pub(crate) struct Profile {
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
    pub(crate) fn add(&mut self, batch: &Batch) {
        if batch.is_empty() {
            return;
        }
        self.order_id.add(&batch.order_id);
        self.product_id.add(&batch.product_id);
        self.description.add(&batch.description);
        self.quantity.add(&batch.quantity);
        self.unit_price.add(&batch.unit_price);
        self.ordered_at.add(&batch.ordered_at);
        self.customer_id.add(&batch.customer_id);
        self.region.add(&batch.region);
        self.category.add(&batch.category);
    }

    /// One entry per output column, in the order of the output.
    pub(crate) fn finish(self) -> Vec<ColumnProfile> {
        let price = |units: i64| Money::from_units(units).to_string();
        vec![
            self.order_id.finish("order_id"),
            self.product_id.finish("product_id"),
            self.description.finish("description"),
            self.quantity.finish("quantity", |number| number.to_string()),
            self.unit_price.finish("unit_price", price),
            self.ordered_at.finish("ordered_at", rfc3339),
            self.customer_id.finish("customer_id"),
            self.region.finish("region"),
            self.category.finish("category"),
        ]
    }
}

/// Milliseconds since 1970 as `2011-12-09T08:39:00Z`, with milliseconds only if there are any.
pub(crate) fn rfc3339(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .expect("dates are read from the years 1970 to 9999 only")
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[derive(Debug, Default)]
struct Numbers {
    count: u64,
    range: Option<(i64, i64)>,
}

impl Numbers {
    fn add(&mut self, values: &[i64]) {
        let column = Int64Chunked::from_slice(PlSmallStr::EMPTY, values);
        self.count += column.len() as u64;
        if let (Some(min), Some(max)) = (column.min(), column.max()) {
            self.range = Some(match self.range {
                Some((least, greatest)) => (least.min(min), greatest.max(max)),
                None => (min, max),
            });
        }
    }

    fn finish(self, name: &str, show: impl Fn(i64) -> String) -> ColumnProfile {
        ColumnProfile {
            column: name.to_owned(),
            count: self.count,
            empty: 0,
            min: self.range.map(|(min, _)| show(min)),
            max: self.range.map(|(_, max)| show(max)),
        }
    }
}

#[derive(Debug, Default)]
struct Text {
    count: u64,
    empty: u64,
    range: Option<(Vec<u8>, Vec<u8>)>,
}

impl Text {
    fn add(&mut self, texts: &TextColumn) {
        // Runs of one value are the rule (an order's id, customer, region): each is looked at once.
        let mut last = "";
        let mut values: Vec<&[u8]> = Vec::new();
        for text in texts.iter() {
            if text.is_empty() {
                self.empty += 1;
                continue;
            }
            self.count += 1;
            if text != last {
                values.push(text.as_bytes());
                last = text;
            }
        }
        let column = BinaryChunked::from_slice(PlSmallStr::EMPTY, &values);
        let (Some(min), Some(max)) = (column.min_binary(), column.max_binary()) else { return };
        match &mut self.range {
            None => self.range = Some((min.to_vec(), max.to_vec())),
            Some((least, greatest)) => {
                if min < least.as_slice() {
                    *least = min.to_vec();
                }
                if max > greatest.as_slice() {
                    *greatest = max.to_vec();
                }
            }
        }
    }

    fn finish(self, name: &str) -> ColumnProfile {
        let show = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (min, max) = self.range.map(|(min, max)| (show(min), show(max))).unzip();
        ColumnProfile { column: name.to_owned(), count: self.count, empty: self.empty, min, max }
    }
}
