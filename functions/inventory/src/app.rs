//! What the handlers share.

use crate::ledger::Ledger;
use crate::low::LowStock;
use chassis::{Journals, Kept};
use products::Item;
use state::fold::Folded;
use std::sync::Arc;
use stock::StockLane;

/// Its name in `stack.yml`.
pub const NAME: &str = "inventory";

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) products: Kept<Item>,
    pub(crate) journals: Journals<StockLane>,
    pub(crate) ledger: Arc<Folded<Ledger>>,
    pub(crate) _low: LowStock,
}
