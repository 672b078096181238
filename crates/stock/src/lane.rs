//! The lanes of the stock's journals, for all functions that write them.

use crate::Inventory;
use chassis::{Lane, Role};
use domain::WarehouseId;
use messaging::{streams, subject};

/// The journal of a warehouse's stock. order-processor decides its input, what is placed; it and inventory
/// append commands. A second writer needs nothing more: each publishes the facts of whatever entry is last before
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
