//! What was issued on each day.

use super::documents::Row;
use super::{Sum, Summed};
use chrono::NaiveDate;
use domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Day, seller and currency.
type Key = (NaiveDate, Box<str>, Box<str>);

/// Sums by day, seller and currency.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Key, Sum)>", into = "Vec<(Key, Sum)>")]
pub(crate) struct Days(BTreeMap<Key, Sum>);

impl From<Vec<(Key, Sum)>> for Days {
    fn from(days: Vec<(Key, Sum)>) -> Self {
        Self(days.into_iter().collect())
    }
}

impl From<Days> for Vec<(Key, Sum)> {
    fn from(Days(days): Days) -> Self {
        days.into_iter().collect()
    }
}

impl Days {
    pub(super) fn add(&mut self, row: &Row) {
        let key = (row.issued_on, row.seller.clone(), row.currency.clone());
        self.0.entry(key).or_default().add(row);
    }
}

/// What a seller issued on a day in one currency.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Day {
    /// The day of issue in the seller's time zone.
    day: NaiveDate,
    seller: String,
    /// ISO 4217.
    currency: String,
    /// How many.
    invoices: u64,
    credit_notes: u64,
    /// What all invoices come to.
    invoiced: Money,
    /// What all credit notes come to.
    credited: Money,
    /// The first less the second.
    total: Money,
}

/// Days from `from` to `to`, both included, the newest first.
pub(crate) fn days(
    shards: &[&Summed],
    seller: Option<&str>,
    (from, to): (NaiveDate, NaiveDate),
) -> Vec<Day> {
    let mut found = BTreeMap::<&Key, Day>::new();
    for (key, sum) in shards.iter().flat_map(|summed| &summed.days.0) {
        let (day, name, currency) = key;
        if *day < from || to < *day || seller.is_some_and(|seller| *seller != **name) {
            continue;
        }
        let made = found.entry(key).or_insert_with(|| Day {
            day: *day,
            seller: name.to_string(),
            currency: currency.to_string(),
            ..Day::default()
        });
        let add = |to: &mut Money, units: i64| {
            *to = Money::from_units(to.units().saturating_add(units));
        };
        made.invoices += sum.invoices;
        made.credit_notes += sum.credit_notes;
        add(&mut made.invoiced, sum.invoiced);
        add(&mut made.credited, sum.credited);
        add(&mut made.total, sum.total());
    }
    found.into_values().rev().collect()
}
