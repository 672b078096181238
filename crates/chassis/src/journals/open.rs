//! Journals that are open, and what is asked of them.

use super::lane::{Lane, open};
use crate::key::Key;
use domain::WarehouseId;
use messaging::Nats;
use prometheus_client::registry::Registry;
use runtime::Problem;
use state::journal::evidence::Seen;
use state::journal::{
    Applied, Book, BoundKey, Command, Decide, Error, Figures, Journal, Keep, NatsLog, Refused, View,
};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Which warehouses the configuration has now.
pub(crate) type Known = Box<dyn Fn() -> BTreeSet<WarehouseId> + Send + Sync>;

type Open<L> = Arc<Journal<<L as Lane>::Book, NatsLog>>;
type State<L> = <<L as Lane>::Book as Book>::State;
type Body<L> = <<L as Lane>::Book as Book>::Body;

/// The journals of a function, one for each warehouse. Each that is opened stays in memory: there are no more
/// than the configuration has warehouses.
pub struct Journals<L: Lane> {
    pub(super) nats: Nats,
    keep: Keep,
    open: Mutex<HashMap<WarehouseId, Open<L>>>,
    figures: Figures,
    /// Warehouses of partners.
    pub(super) known: Known,
    /// Journals whose input was seen to be the one that they decided.
    pub(super) seen: Seen,
}

impl<L: Lane> fmt::Debug for Journals<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journals").finish_non_exhaustive()
    }
}

impl<L: Lane> Journals<L> {
    pub(crate) fn new(nats: Nats, keep: Keep, known: Known, registry: &mut Registry) -> Self {
        let (open, figures) = (Mutex::default(), Figures::new(registry, "warehouse"));
        Self { nats, keep, open, figures, known, seen: Seen::default() }
    }

    /// The journal of a warehouse that somebody vouches for, such as the connector by its filter.
    pub(super) fn open(&self, warehouse: &WarehouseId) -> Open<L> {
        let mut journals = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(open::<L>(&self.nats, warehouse, self.keep));
        journals.entry(warehouse.clone()).or_insert_with(made).clone()
    }

    pub(super) fn is_open(&self, warehouse: &WarehouseId) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).contains_key(warehouse)
    }

    /// Brings the metrics of a journal up to date. The connector calls every few seconds.
    pub(super) fn observe(&self, warehouse: &WarehouseId, journal: &Open<L>) {
        self.figures.set(warehouse.as_str(), journal.status());
    }

    /// What `look` sees in the state of a warehouse that people name, once all is read that was committed when
    /// the call began.
    ///
    /// # Errors
    /// 404: there is no such warehouse. 503: NATS does not answer.
    pub async fn look<T>(
        &self,
        warehouse: &WarehouseId,
        look: impl Fn(View<'_, State<L>>) -> T,
    ) -> Result<T, Problem> {
        let journal = self.known(warehouse).await?;
        let seen = journal.commit(|view| match view.fresh {
            true => Decide::Answer(look(view)),
            false => Decide::Refresh,
        });
        seen.await.map_err(|error| unavailable(&error))
    }

    /// Appends a command for a warehouse that people name, once under its key. `make` says what it appends, or
    /// why it is refused.
    ///
    /// # Errors
    /// What `make` says; 404: there is no such warehouse; 422: the key was used for another command; 503: NATS
    /// does not answer, and the same call may be repeated.
    pub async fn command(
        &self,
        warehouse: &WarehouseId,
        key: &BoundKey,
        make: impl FnMut(View<'_, State<L>>) -> Result<Command<Body<L>>, Problem>,
    ) -> Result<Applied, Problem> {
        let journal = self.known(warehouse).await?;
        let done = journal.command(key, make).await;
        match done.map_err(|error| unavailable(&error))? {
            Ok(applied) => Ok(applied),
            Err(Refused::KeyUsed) => Err(Key::used_before()),
            Err(Refused::By(problem)) => Err(problem),
        }
    }
}

/// Trying again may help, or somebody has to look: in both cases the input stays where it is.
pub(super) fn unavailable(error: &Error) -> Problem {
    tracing::error!(%error, "not decided");
    match error {
        Error::Unavailable { .. } => {
            Problem::unavailable("the journal does not answer; sending the same again is safe")
        }
        Error::Damaged { .. } => Problem::internal().detail("the journal is damaged; see the log"),
        Error::TooLarge { .. } => {
            Problem::internal().detail("a decision is too large; see the log")
        }
    }
}
