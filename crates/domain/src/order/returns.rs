//! Which sale a return names.

use super::Kind;
use crate::OrderId;

/// Why an order of this kind and id cannot name `sale` as the sale that it returns, if it cannot.
#[must_use]
pub fn problem(kind: Kind, order_id: &OrderId, sale: &OrderId) -> Option<&'static str> {
    match kind {
        Kind::Sale => Some("names a sale that is returned, but the quantities are above zero"),
        Kind::Return if order_id == sale => Some("is the return itself; name the sale"),
        Kind::Return => None,
    }
}
