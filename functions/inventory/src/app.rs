//! What the handlers share.

use crate::ledger::Ledger;
use crate::low::LowStock;
use chassis::{Journals, Kept};
use chrono::{DateTime, Utc};
use messaging::Nats;
use messaging::store::Store;
use products::Item;
use state::fold::Folded;
use std::sync::Arc;
use stock::StockLane;

/// Its name in `stack.yml`.
pub const NAME: &str = "inventory";

#[expect(clippy::disallowed_methods, reason = "when a shipment left about which nothing is said")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) nats: Nats,
    /// What another store, or an older copy, says of an order decides no shipment.
    pub(crate) store: Arc<Store>,
    pub(crate) products: Kept<Item>,
    pub(crate) journals: Journals<StockLane>,
    pub(crate) ledger: Arc<Folded<Ledger>>,
    pub(crate) _low: LowStock,
}
