//! The lanes of the journals of invoices.

use crate::Invoices;
use chassis::{Lane, Role};
use domain::WarehouseId;
use messaging::{streams, subject};
use state::journal::Keep;
use std::time::Duration;

/// What of the journals is kept beyond what a start needs. The documents are their facts, which stay for ten years.
pub const KEEP: Keep = Keep::For(Duration::from_secs(90 * 24 * 60 * 60));

/// The journal of a warehouse's invoices. Its input is all that is placed and decided in the warehouse.
#[derive(Debug)]
pub struct InvoiceLane;

impl Lane for InvoiceLane {
    type Book = Invoices;

    const INPUT: &'static str = streams::ORDERS;
    const READ: Role = Role::BillingRead;
    const REBASE: &'static str = "orderflow journal rebase --of invoices";

    fn book(warehouse: &WarehouseId) -> Invoices {
        Invoices::new(warehouse.clone())
    }

    fn subject(warehouse: &WarehouseId) -> String {
        subject::invoices_journal(warehouse)
    }

    fn filter(warehouse: &WarehouseId) -> String {
        subject::of_warehouse(warehouse)
    }

    fn warehouse(filter: &str) -> Option<WarehouseId> {
        subject::invoice_lane(filter)
    }
}
