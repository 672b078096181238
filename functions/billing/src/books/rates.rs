//! What was issued on each day, by rate of tax and by who buys: totals of sales to consumers are reported so.

use super::folds::Summed;
use bytes::Bytes;
use chrono::NaiveDate;
use domain::Money;
use domain::invoice::{DocumentKind, TaxCode, TaxTotal};
use domain::seller::Percent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who buys.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Buyers {
    /// Persons: the document names neither a company nor a VAT number.
    Consumers,
    /// The document names a company or a VAT number.
    Businesses,
}

/// Day, seller, currency, buyers, and the tax: its code, and its percent in units.
type Key = (NaiveDate, Box<str>, Box<str>, Buyers, TaxCode, Percent);

/// In units of [`Money`]. A sum ends at the largest amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sum {
    invoices: u64,
    credit_notes: u64,
    invoiced: (i64, i64),
    credited: (i64, i64),
}

/// Sums by day and rate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Key, Sum)>", into = "Vec<(Key, Sum)>")]
pub(crate) struct Rates(BTreeMap<Key, Sum>);

impl From<Vec<(Key, Sum)>> for Rates {
    fn from(rates: Vec<(Key, Sum)>) -> Self {
        Self(rates.into_iter().collect())
    }
}

impl From<Rates> for Vec<(Key, Sum)> {
    fn from(Rates(rates): Rates) -> Self {
        rates.into_iter().collect()
    }
}

/// What is read of a document's body: what its headers do not say.
#[derive(Debug, Deserialize)]
struct Fact {
    data: Taxes,
}

#[derive(Debug, Deserialize)]
struct Taxes {
    #[serde(default)]
    buyer: Buyer,
    taxes: Vec<TaxTotal>,
}

#[derive(Debug, Default, Deserialize)]
struct Buyer {
    #[serde(default)]
    person: Person,
}

#[derive(Debug, Default, Deserialize)]
struct Person {
    #[serde(default)]
    company: Option<String>,
    #[serde(default)]
    vat_number: Option<String>,
}

impl Rates {
    /// Adds a document.
    ///
    /// # Errors
    /// Its body is none.
    pub(super) fn add(
        &mut self,
        (day, seller, currency): (NaiveDate, &str, &str),
        kind: DocumentKind,
        body: &Bytes,
    ) -> Result<(), String> {
        let Fact { data } =
            serde_json::from_slice(body).map_err(|error| format!("the document: {error}"))?;
        let Person { company, vat_number } = data.buyer.person;
        let is_business = company.is_some() || vat_number.is_some();
        let buyers = if is_business { Buyers::Businesses } else { Buyers::Consumers };
        for TaxTotal { tax, base, amount } in data.taxes {
            let key = (day, seller.into(), currency.into(), buyers, tax.code, tax.percent);
            let sum = self.0.entry(key).or_default();
            let (count, sums) = match kind {
                DocumentKind::Invoice => (&mut sum.invoices, &mut sum.invoiced),
                DocumentKind::CreditNote => (&mut sum.credit_notes, &mut sum.credited),
            };
            *count += 1;
            sums.0 = sums.0.saturating_add(base.units());
            sums.1 = sums.1.saturating_add(amount.units());
        }
        Ok(())
    }
}

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
    for (key, sum) in shards.iter().flat_map(|summed| &summed.rates.0) {
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
