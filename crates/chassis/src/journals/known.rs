//! Which warehouses there are. What people ask for may be misspelt, and must not become a journal.

use super::lane::Lane;
use super::open::Journals;
use domain::WarehouseId;
use intake::partners::Configuration;
use messaging::{stored, streams};
use runtime::Problem;
use state::journal::{Journal, NatsLog};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Names that an answer lists.
const SHOWN_MAX: usize = 20;

/// Those of the partners.
pub(crate) fn of_partners(now: &Arc<Configuration>) -> BTreeSet<WarehouseId> {
    now.partners.values().map(|partner| partner.warehouse.clone()).collect()
}

impl<L: Lane> Journals<L> {
    /// The journal of a warehouse that somebody asks for by its name: `main`, one of a partner, or one that has a
    /// journal already.
    ///
    /// # Errors
    /// 404: there is none. 503: NATS does not say.
    pub async fn known(
        &self,
        warehouse: &WarehouseId,
    ) -> Result<Arc<Journal<L::Book, NatsLog>>, Problem> {
        let known = (self.known)();
        let is_main = *warehouse == WarehouseId::main();
        if self.is_open(warehouse) || is_main || known.contains(warehouse) {
            return Ok(self.open(warehouse));
        }
        // Of a partner that is gone, or of one that this process does not know yet.
        match stored::last(&self.nats, streams::JOURNAL, &L::subject(warehouse)).await {
            Ok(Some(_)) => Ok(self.open(warehouse)),
            Ok(None) => Err(unknown(warehouse, &known)),
            Err(error) => {
                tracing::warn!(%error, %warehouse, "whether there is such a warehouse is not known");
                Err(Problem::unavailable("NATS does not answer"))
            }
        }
    }
}

fn unknown(warehouse: &WarehouseId, known: &BTreeSet<WarehouseId>) -> Problem {
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
