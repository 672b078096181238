//! Which journal of a warehouse.

use anyhow::Result;
use clap::ValueEnum;
use domain::WarehouseId;
use machine::clock;
use messaging::{Nats, subject};
use state::journal::{Position, Problem, Verification, verify};

/// What a journal is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Of {
    /// Stock: orders are decided there.
    #[default]
    Stock,
    /// Invoices: decided orders get their documents there.
    Invoices,
}

/// What was found of a journal, whatever it is about.
pub(crate) struct Found {
    pub(crate) entries: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) decided_to: Option<Position>,
    pub(crate) facts: u64,
    pub(crate) expired: u64,
    pub(crate) unsettled: u64,
    pub(crate) problems: Vec<Problem>,
    pub(crate) problems_total: u64,
}

impl<S> From<Verification<S>> for Found {
    fn from(found: Verification<S>) -> Self {
        let Verification { entries, first, last, decided_to, facts, expired, unsettled, .. } =
            found;
        let Verification { problems, problems_total, .. } = found;
        Self {
            entries,
            first,
            last,
            decided_to,
            facts,
            expired,
            unsettled,
            problems,
            problems_total,
        }
    }
}

impl Of {
    /// The subject of the journal.
    pub(crate) fn journal(self, warehouse: &WarehouseId) -> String {
        match self {
            Self::Stock => subject::inventory_journal(warehouse),
            Self::Invoices => subject::invoices_journal(warehouse),
        }
    }

    /// The filter of its input.
    pub(crate) fn filter(self, warehouse: &WarehouseId) -> String {
        match self {
            Self::Stock => subject::placed(warehouse),
            Self::Invoices => subject::of_warehouse(warehouse),
        }
    }

    /// The function that decides its input.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Stock => order_processor::NAME,
            Self::Invoices => billing::NAME,
        }
    }

    /// For a command line: nothing for the default.
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::Stock => "",
            Self::Invoices => " --of invoices",
        }
    }

    /// Reads all of it, and everything that follows from it.
    pub(crate) async fn verify(self, nats: &Nats, warehouse: &WarehouseId) -> Result<Found> {
        let (journal, now) = (self.journal(warehouse), clock::now());
        Ok(match self {
            Self::Stock => {
                let book = stock::Inventory::new(warehouse.clone());
                verify(nats, &journal, &book, now).await?.into()
            }
            Self::Invoices => {
                let book = invoices::Invoices::new(warehouse.clone());
                verify(nats, &journal, &book, now).await?.into()
            }
        })
    }
}
