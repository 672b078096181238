//! What was returned of a sale.

use crate::{OrderId, ProductId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pieces by product.
pub type Pieces = BTreeMap<ProductId, i64>;

/// How many of a product there are.
pub(super) fn of(pieces: &Pieces, product: &ProductId) -> i64 {
    pieces.get(product).copied().unwrap_or(0)
}

/// What was returned of a sale, by all its returns together, after a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The sale.
    pub order_id: OrderId,
    /// Its attempt that is confirmed.
    pub attempt: u32,
    /// Stream sequence of that attempt.
    pub placed: u64,
    /// Pieces that came back. A product of which none did is left out.
    pub returned: Pieces,
    /// Of these pieces, those that had been shipped. The others are not shipped any more.
    #[serde(default, skip_serializing_if = "Pieces::is_empty")]
    pub of_shipped: Pieces,
    /// Is nothing left of the sale?
    pub complete: bool,
}
