//! The prices of an order that are to be compared.

use domain::order::{Kind, Order, Terms};
use domain::partner::Prices;
use domain::{Money, ProductId};

/// What of an order is compared; nothing of most partners' orders.
#[derive(Debug)]
pub(crate) struct Priced {
    pub(crate) how: Prices,
    pub(crate) tolerance_percent: f64,
    pub(crate) currency: String,
    pub(crate) lines: Vec<(ProductId, Money)>,
}

impl Priced {
    /// A return has the price of its sale, whatever the catalogue says today.
    pub(crate) fn of(terms: &Terms, order: &Order) -> Option<Self> {
        if terms.prices == Prices::Off || order.kind != Kind::Sale {
            return None;
        }
        let lines = order.lines.iter().map(|line| (line.product_id.clone(), line.unit_price));
        Some(Self {
            how: terms.prices,
            tolerance_percent: terms.price_tolerance,
            currency: order.currency.clone(),
            lines: lines.collect(),
        })
    }
}
