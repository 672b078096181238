//! What was invoiced to each customer.

use super::folds::Summed;
use super::sums::Sum;
use domain::Money;
use messaging::subject;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

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
#[schemars(rename = "CustomerTotal")]
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
