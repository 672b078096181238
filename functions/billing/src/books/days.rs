//! What was issued on each day.

use super::folds::Summed;
use super::sums::Key;
use chrono::NaiveDate;
use domain::Money;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

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
