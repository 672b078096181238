//! Which warehouses there are. What people ask for may be misspelt, and must not become a journal.

use crate::App;
use ::stock::InventoryJournal;
use domain::WarehouseId;
use intake::partners::Configuration;
use messaging::{stored, streams, subject};
use runtime::Problem;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

/// Names that an answer lists.
const SHOWN_MAX: usize = 20;

/// Those of the partners.
pub(crate) type Warehouses = BTreeSet<WarehouseId>;

pub(crate) fn of_partners(now: &Arc<Configuration>) -> Warehouses {
    now.partners.values().map(|partner| partner.warehouse.clone()).collect()
}

impl App {
    /// The journal of a warehouse that somebody asks for by its name.
    ///
    /// # Errors
    /// 404: no partner has the warehouse, and nothing was ever decided there. 503: NATS does not say.
    pub(crate) async fn known_journal(
        &self,
        warehouse: &WarehouseId,
    ) -> Result<Arc<InventoryJournal>, Problem> {
        let known = self.known.as_ref().map(|known| known.get()).unwrap_or_default();
        let is_open = {
            let journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
            journals.contains_key(warehouse)
        };
        if is_open || *warehouse == WarehouseId::main() || known.contains(warehouse) {
            return Ok(self.journal(warehouse));
        }
        // Of a partner that is gone, or of one that this process does not know yet.
        let journal = subject::inventory_journal(warehouse);
        match stored::last(&self.nats, streams::JOURNAL, &journal).await {
            Ok(Some(_)) => Ok(self.journal(warehouse)),
            Ok(None) => Err(unknown(warehouse, &known)),
            Err(error) => {
                tracing::warn!(%error, %warehouse, "whether there is such a warehouse is not known");
                Err(Problem::unavailable("NATS does not answer"))
            }
        }
    }
}

fn unknown(warehouse: &WarehouseId, known: &Warehouses) -> Problem {
    let main = WarehouseId::main();
    let others = known.iter().filter(|known| **known != main);
    let names: Vec<&str> =
        std::iter::once(&main).chain(others).take(SHOWN_MAX).map(WarehouseId::as_str).collect();
    Problem::not_found(format!(
        "there is no warehouse {warehouse}; partners.yml has {}. A new one begins with a partner: \
         warehouse: {warehouse}",
        names.join(", ")
    ))
}
