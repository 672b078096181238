//! What was invoiced to each customer.

use super::documents::Row;
use super::{Sum, Summed, Sums};
use domain::Money;
use messaging::subject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use state::fold::Fold as _;
use std::collections::{BTreeMap, HashMap};

/// Customers whose totals are held. Where there are more, a new one is not counted, and the fold says so.
const CUSTOMERS_MAX: usize = 250_000;
const SHARD_CUSTOMERS_MAX: usize = CUSTOMERS_MAX / Sums::SHARDS;

/// By customer, `<partner>.<customer>`; each has its currencies in order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Totals(HashMap<Box<str>, Vec<(Box<str>, Sum)>>);

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
                Sums::SHARDS
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

/// Whose totals are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Of {
    pub(crate) partner: Option<String>,
    /// As a token.
    pub(crate) customer: Option<String>,
    pub(crate) limit: usize,
}

/// What was invoiced to a customer in one currency.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Customer {
    /// `PARTNER/CUSTOMER`, as commands take it.
    id: String,
    partner: String,
    /// The partner's number of the customer.
    customer: String,
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

/// Totals of customers, the largest first, and whether there are more than `limit`.
pub(crate) fn customers(shards: &[&Summed], of: &Of) -> (Vec<Customer>, bool) {
    let mut found = BTreeMap::<(&str, &str), Sum>::new();
    for (key, sums) in shards.iter().flat_map(|summed| &summed.totals.0) {
        let (partner, customer) = key.split_once('.').unwrap_or((key, ""));
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        if is(&of.partner, partner) && is(&of.customer, customer) {
            for (currency, sum) in sums {
                found.entry((key, currency)).or_default().merge(sum);
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(key, sum)| (std::cmp::Reverse(sum.total()), *key));
    let more = of.limit < found.len();
    found.truncate(of.limit);
    let customer = |((key, currency), sum): ((&str, &str), Sum)| {
        let (partner, token) = key.split_once('.').unwrap_or((key, ""));
        let customer = subject::text(token).unwrap_or_else(|| token.to_owned());
        Customer {
            id: format!("{partner}/{customer}"),
            partner: partner.to_owned(),
            customer,
            currency: currency.to_owned(),
            invoices: sum.invoices,
            credit_notes: sum.credit_notes,
            invoiced: Money::from_units(sum.invoiced),
            credited: Money::from_units(sum.credited),
            total: Money::from_units(sum.total()),
        }
    };
    (found.into_iter().map(customer).collect(), more)
}
