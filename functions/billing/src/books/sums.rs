//! What documents come to, by customer and by day.

use super::documents::Row;
use chrono::NaiveDate;
use domain::invoice::DocumentKind;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Into how many shards customers are divided.
pub(super) const SHARDS: usize = 32;
/// What documents come to, in units of [`domain::Money`]. A sum ends at the largest amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) invoices: u64,
    pub(super) credit_notes: u64,
    pub(super) invoiced: i64,
    pub(super) credited: i64,
}

impl Sum {
    pub(super) fn add(&mut self, row: &Row) {
        let (count, units) = match row.kind {
            DocumentKind::Invoice => (&mut self.invoices, &mut self.invoiced),
            DocumentKind::CreditNote => (&mut self.credit_notes, &mut self.credited),
        };
        *count += 1;
        *units = units.saturating_add(row.units);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.invoices += other.invoices;
        self.credit_notes += other.credit_notes;
        self.invoiced = self.invoiced.saturating_add(other.invoiced);
        self.credited = self.credited.saturating_add(other.credited);
    }

    /// What is invoiced and not credited.
    pub(super) const fn total(&self) -> i64 {
        self.invoiced.saturating_sub(self.credited)
    }
}

/// Customers whose totals are held. Where there are more, a new one is not counted, and the fold says so.
const CUSTOMERS_MAX: usize = 250_000;
const SHARD_CUSTOMERS_MAX: usize = CUSTOMERS_MAX / SHARDS;

/// By customer, `<partner>.<customer>`; each has its currencies in order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Totals(pub(super) HashMap<Box<str>, Vec<(Box<str>, Sum)>>);

fn key(row: &Row) -> Option<Box<str>> {
    let (partner, _) = row.names();
    row.customer.as_deref().map(|customer| format!("{partner}.{customer}").into())
}

impl Totals {
    /// Adds a document; of guests nothing is held.
    ///
    /// # Errors
    /// There is no room for its customer.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), String> {
        let Some(key) = key(row) else { return Ok(()) };
        if SHARD_CUSTOMERS_MAX <= self.0.len() && !self.0.contains_key(&key) {
            return Err(format!(
                "one of the {} shards has {SHARD_CUSTOMERS_MAX} customers already, which is the limit; the total of a \
                 new one is not counted",
                SHARDS
            ));
        }
        let sums = self.0.entry(key).or_default();
        match sums.iter_mut().find(|(currency, _)| *currency == row.currency) {
            Some((_, sum)) => sum.add(row),
            None => {
                let mut sum = Sum::default();
                sum.add(row);
                sums.push((row.currency.clone(), sum));
            }
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Day, seller and currency.
pub(super) type Key = (NaiveDate, Box<str>, Box<str>);

/// Sums by day, seller and currency.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Key, Sum)>", into = "Vec<(Key, Sum)>")]
pub(crate) struct Days(pub(super) BTreeMap<Key, Sum>);

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
