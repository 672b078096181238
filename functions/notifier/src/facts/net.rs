//! The tax of an order whose prices do not hold it: people are told what they pay.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::invoice::{Part, Taxed, amounts};
use domain::seller::{Prices, Seller, TaxRates};
use domain::{Currency, Money, Order, TaxCategory};
use std::sync::Arc;

/// A seller with net prices, and all rates.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    seller: Arc<Seller>,
    rates: Arc<TaxRates>,
}

/// Tax, and the total with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WithTax {
    pub(super) tax: Money,
    pub(super) total: Money,
}

impl Net {
    /// Nothing if the seller's prices hold the tax.
    pub(crate) fn of(seller: &Seller, rates: &Arc<TaxRates>) -> Option<Self> {
        let is_net = seller.prices == Prices::Net;
        is_net.then(|| Self { seller: Arc::new(seller.clone()), rates: Arc::clone(rates) })
    }

    /// The tax of an order that is decided at a time, as its invoice will have it; nothing if a rate is not
    /// configured, or the order is in another currency: then there is no invoice either.
    pub(super) fn tax(&self, order: &Order, at: DateTime<Utc>) -> Option<WithTax> {
        let seller = &self.seller;
        if order.currency != seller.currency {
            return None;
        }
        let day = at.with_timezone(&seller.time_zone.parse().unwrap_or(Tz::UTC)).date_naive();
        let rate = |category: &TaxCategory| -> Option<Taxed> {
            let rate = self.rates.on(&seller.address.country, category.as_str(), day);
            Some(rate?.taxed())
        };
        let lines = order.lines.iter().map(|line| {
            let tax = rate(line.tax_category.as_ref().unwrap_or(&seller.tax_category))?;
            Some((line.total()?, Some(tax)))
        });
        let lines: Vec<(Money, Option<Taxed>)> = lines.collect::<Option<_>>()?;
        let charges = order.charges.iter().map(|charge| match &charge.tax_category {
            Some(category) => Some((charge.amount, Some(rate(category)?))),
            None => Some((charge.amount, None)),
        });
        let charges: Vec<(Money, Option<Taxed>)> = charges.collect::<Option<_>>()?;
        let decimals = Currency::parse(&order.currency).ok()?.decimals();
        let made = amounts(Prices::Net, decimals, &parts(&lines), &parts(&charges)).ok()?;
        Some(WithTax { tax: made.totals.tax, total: made.totals.payable })
    }
}

fn parts(all: &[(Money, Option<Taxed>)]) -> Vec<Part<'_>> {
    all.iter().map(|(amount, tax)| Part { amount: *amount, tax: tax.as_ref() }).collect()
}
