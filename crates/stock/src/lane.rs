//! The lanes of the stock's journals, for all functions that write them.

use crate::Inventory;
use chassis::{Lane, Role};
use domain::WarehouseId;
use messaging::{streams, subject};
use state::journal::Keep;
use std::time::Duration;

/// What of the journals is kept beyond what a start needs: as long as the facts that follow from it. Each writer
/// removes what is older than its own setting says.
pub const KEEP: Keep = Keep::For(Duration::from_secs(90 * 24 * 60 * 60));

/// The journal of a warehouse's stock.
///
/// order-processor decides its input, what is placed; it and inventory append commands. A second writer needs nothing more: each publishes the facts of whatever entry is last before
/// it appends, and only one of two appends on the same entry is stored.
#[derive(Debug)]
pub struct StockLane;

impl Lane for StockLane {
    type Book = Inventory;

    const INPUT: &'static str = streams::ORDERS;
    const READ: Role = Role::StockRead;
    const REBASE: &'static str = "orderflow journal rebase";

    fn book(warehouse: &WarehouseId) -> Inventory {
        Inventory::new(warehouse.clone())
    }

    fn subject(warehouse: &WarehouseId) -> String {
        subject::inventory_journal(warehouse)
    }

    fn filter(warehouse: &WarehouseId) -> String {
        subject::placed(warehouse)
    }

    fn warehouse(filter: &str) -> Option<WarehouseId> {
        subject::lane(filter)
    }
}
