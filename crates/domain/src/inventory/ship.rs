//! What may be shipped of a sale: never more than was sold and did not come back before it was shipped.

use super::returned::of;
use super::{Confirmed, Pieces, Shipment, Shipped};
use crate::order::Kind;
use crate::{OrderId, PartnerId, ProductId};
use chrono::{DateTime, Utc};

/// What somebody says was shipped.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// Pieces by product, above zero; all that is left if nothing is said.
    pub products: Option<Pieces>,
    /// See [`Shipment`].
    pub carrier: Option<String>,
    /// See [`Shipment`].
    pub tracking: Option<String>,
    /// See [`Shipment`].
    pub shipped_at: DateTime<Utc>,
    /// See [`Shipment`].
    pub by: Option<String>,
}

/// Why something was not shipped of a sale.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotShipped {
    /// It is a return.
    #[error("it is a return; only sales are shipped")]
    Return,
    /// All of it was shipped, or came back before it was.
    #[error("nothing is left to ship")]
    Complete,
    /// Less is left of these products.
    #[error("less is left to ship")]
    TooMuch(Vec<(ProductId, TooMuch)>),
}

/// Less of a product is left than is to be shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is {wanted}, but {left} are left to ship: {sold} were sold, {shipped} shipped before, {withdrawn} \
     returned without having been shipped"
)]
pub struct TooMuch {
    /// Pieces to ship.
    pub wanted: i64,
    /// Pieces left.
    pub left: i64,
    /// Pieces sold.
    pub sold: i64,
    /// Pieces shipped before.
    pub shipped: i64,
    /// Pieces that came back without having been shipped.
    pub withdrawn: i64,
}

impl Confirmed {
    /// The next shipment of this sale, `order_id` of `partner`.
    ///
    /// # Errors
    /// It is no sale, or less of it is left to ship.
    pub fn ship(
        &self,
        (partner, order_id): (PartnerId, OrderId),
        shipping: Shipping,
    ) -> Result<Shipped, NotShipped> {
        if self.in_force.kind == Kind::Return {
            return Err(NotShipped::Return);
        }
        let left = self.left_to_ship();
        let Shipping { products, carrier, tracking, shipped_at, by } = shipping;
        let products = match products {
            Some(products) => products,
            None if left.is_empty() => return Err(NotShipped::Complete),
            None => left.clone(),
        };
        let over = products.iter().filter_map(|(product, wanted)| self.over(product, *wanted));
        let over: Vec<_> = over.collect();
        if !over.is_empty() {
            return Err(NotShipped::TooMuch(over));
        }
        let complete = left == products;
        let mut shipped = self.shipped.clone();
        for (product, pieces) in &products {
            *shipped.entry(product.clone()).or_default() += pieces;
        }
        let number = self.shipments.saturating_add(1);
        let shipment = Shipment { number, products, carrier, tracking, shipped_at, by };
        let Self { attempt, placed, .. } = *self;
        Ok(Shipped { partner, order_id, attempt, placed, shipment, shipped, complete })
    }

    /// Pieces by product that may still be shipped: what was sold, less what was shipped, less what came back
    /// without having been shipped.
    #[must_use]
    pub fn left_to_ship(&self) -> Pieces {
        let mut left = self.sold();
        for (product, pieces) in &mut left {
            *pieces = pieces
                .saturating_sub(of(&self.shipped, product))
                .saturating_sub(self.withdrawn(product));
        }
        left.retain(|_, pieces| 0 < *pieces);
        left
    }

    /// Pieces that came back without having been shipped.
    fn withdrawn(&self, product: &ProductId) -> i64 {
        of(&self.returned, product).saturating_sub(of(&self.of_shipped, product))
    }

    fn over(&self, product: &ProductId, wanted: i64) -> Option<(ProductId, TooMuch)> {
        let (sold, shipped) = (of(&self.sold(), product), of(&self.shipped, product));
        let withdrawn = self.withdrawn(product);
        let left = sold.saturating_sub(shipped).saturating_sub(withdrawn).max(0);
        let over = TooMuch { wanted, left, sold, shipped, withdrawn };
        (left < wanted || wanted <= 0).then(|| (product.clone(), over))
    }
}

#[cfg(test)]
mod tests;
