//! The prices of an order that are to be compared.

use domain::order::{Kind, Line, Order, Terms};
use domain::partner::Prices;
use domain::{Money, ProductId};

/// What of an order is compared; nothing of most partners' orders.
#[derive(Debug)]
pub(crate) struct Priced {
    pub(crate) how: Prices,
    pub(crate) tolerance_percent: f64,
    pub(crate) currency: String,
    /// With its place in the order.
    pub(crate) lines: Vec<(usize, ProductId, Money)>,
    /// Does it take the place of an order that was placed before? Then that one says nothing of its prices.
    pub(crate) amends: bool,
}

impl Priced {
    /// A return has the price of its sale, whatever the catalogue says today.
    pub(crate) fn of(terms: &Terms, order: &Order) -> Option<Self> {
        if terms.prices == Prices::Off || order.kind != Kind::Sale {
            return None;
        }
        let lines = order.lines.iter().enumerate();
        let lines = lines.map(|(index, line)| (index, line.product_id.clone(), line.unit_price));
        Some(Self {
            how: terms.prices,
            tolerance_percent: terms.price_tolerance,
            currency: order.currency.clone(),
            lines: lines.collect(),
            amends: false,
        })
    }

    /// The same of an amendment: what was ordered before for the same price keeps that price.
    pub(crate) fn amending(mut self, before: &[Line]) -> Self {
        let is_old = |product: &ProductId, price: Money| {
            before.iter().any(|line| (&line.product_id, line.unit_price) == (product, price))
        };
        self.lines.retain(|(_, product, price)| !is_old(product, *price));
        Self { amends: true, ..self }
    }
}
