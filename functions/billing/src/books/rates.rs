//! What was issued on each day, by rate of tax and by who buys: totals of sales to consumers are reported so.

use bytes::Bytes;
use chrono::NaiveDate;
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
pub(super) type Key = (NaiveDate, Box<str>, Box<str>, Buyers, TaxCode, Percent);

/// In units of [`domain::Money`]. A sum ends at the largest amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) invoices: u64,
    pub(super) credit_notes: u64,
    pub(super) invoiced: (i64, i64),
    pub(super) credited: (i64, i64),
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
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Sum)> {
        self.0.iter()
    }

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
