//! What a function says of its journals.

use crate::role::Role;
use domain::WarehouseId;
use messaging::Nats;
use state::journal::{Book, Journal, Keep, NatsLog};

/// One journal for each warehouse, and the messages that it decides.
pub trait Lane: Send + Sync + 'static {
    /// What its entries hold, and what follows from them.
    type Book: Book;

    /// The stream of its input.
    const INPUT: &'static str;
    /// The role that may see the state of a journal.
    const READ: Role;
    /// What an operator runs to go on elsewhere in the input.
    const REBASE: &'static str;

    /// The book of a warehouse.
    fn book(warehouse: &WarehouseId) -> Self::Book;

    /// Where its journal is: `journal.inventory.main`.
    fn subject(warehouse: &WarehouseId) -> String;

    /// The filter under which its input is read: `orders.placed.main.>`.
    fn filter(warehouse: &WarehouseId) -> String;

    /// The warehouse of a filter; nothing if [`Lane::filter`] makes none like it.
    fn warehouse(filter: &str) -> Option<WarehouseId>;
}

/// Opens a journal, from which what is older than `keep` is removed.
pub(super) fn open<L: Lane>(
    nats: &Nats,
    warehouse: &WarehouseId,
    keep: Keep,
) -> Journal<L::Book, NatsLog> {
    let subject = L::subject(warehouse);
    let log = NatsLog::new(nats.clone(), subject.clone()).keep(keep);
    Journal::new(subject, L::book(warehouse), log)
}
