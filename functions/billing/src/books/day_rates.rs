//! What was issued on each day at each rate, over all shards.

use super::folds::Summed;
use super::rates::{Buyers, Key, Sum};
use chrono::NaiveDate;
use domain::Money;
use domain::invoice::TaxCode;
use domain::seller::Percent;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a seller issued on a day at one rate, in one currency. A document counts at each of its rates.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DayRate {
    /// The day of issue in the seller's time zone.
    day: NaiveDate,
    seller: String,
    /// ISO 4217.
    currency: String,
    buyers: Buyers,
    /// The code of EN 16931.
    code: TaxCode,
    /// From 0 to 100.
    #[schemars(with = "String")]
    percent: Percent,
    invoices: u64,
    credit_notes: u64,
    /// What invoices are taxed on.
    invoiced_base: Money,
    /// Their tax.
    invoiced_tax: Money,
    /// What credit notes take back, above zero.
    credited_base: Money,
    /// Their tax.
    credited_tax: Money,
    /// Invoices less credit notes, without tax.
    base: Money,
    /// The tax of that.
    tax: Money,
}

/// Days from `from` to `to`, both included, the newest first.
pub(crate) fn day_rates(
    shards: &[&Summed],
    (seller, buyers): (Option<&str>, Option<Buyers>),
    (from, to): (NaiveDate, NaiveDate),
) -> Vec<DayRate> {
    let mut found = BTreeMap::<&Key, Sum>::new();
    for (key, sum) in shards.iter().flat_map(|summed| summed.rates.iter()) {
        let (day, name, _, of, ..) = key;
        let fits = (from..=to).contains(day)
            && seller.is_none_or(|seller| *seller == **name)
            && buyers.is_none_or(|buyers| buyers == *of);
        if !fits {
            continue;
        }
        let all = found.entry(key).or_default();
        let add = |all: &mut (i64, i64), more: (i64, i64)| {
            *all = (all.0.saturating_add(more.0), all.1.saturating_add(more.1));
        };
        all.invoices += sum.invoices;
        all.credit_notes += sum.credit_notes;
        add(&mut all.invoiced, sum.invoiced);
        add(&mut all.credited, sum.credited);
    }
    let row = |(key, sum): (&Key, Sum)| {
        let (day, seller, currency, buyers, code, percent) = key.clone();
        let Sum { invoices, credit_notes, invoiced, credited } = sum;
        let less = |a: i64, b: i64| Money::from_units(a.saturating_sub(b));
        DayRate {
            day,
            seller: seller.into(),
            currency: currency.into(),
            buyers,
            code,
            percent,
            invoices,
            credit_notes,
            invoiced_base: Money::from_units(invoiced.0),
            invoiced_tax: Money::from_units(invoiced.1),
            credited_base: Money::from_units(credited.0),
            credited_tax: Money::from_units(credited.1),
            base: less(invoiced.0, credited.0),
            tax: less(invoiced.1, credited.1),
        }
    };
    found.into_iter().rev().map(row).collect()
}
