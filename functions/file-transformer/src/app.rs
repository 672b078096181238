//! What the handlers share.

use crate::figures::Figures;
use crate::letters::Letters;
use crate::memory::Memory;
use crate::running::Running;
use crate::share::Shares;
use intake::ledger::Ledger;
use intake::partners::{Configuration, Live};
use messaging::Nats;
use messaging::store::Store;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The state that all handlers share.
#[derive(Debug)]
pub(crate) struct App {
    /// The owner of leases: unique for this process.
    pub(crate) owner: String,
    pub(crate) nats: Nats,
    pub(crate) ledger: Ledger,
    /// Detects another store: a file that such a store calls new is not moved, and no order is
    /// published there.
    pub(crate) store: Arc<Store>,
    pub(crate) partners: Live<Arc<Configuration>>,
    /// How long a silent process keeps its files.
    pub(crate) lease: Duration,
    pub(crate) scratch: PathBuf,
    pub(crate) running: Running,
    pub(crate) shares: Mutex<Shares>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) figures: Figures,
    pub(crate) letters: Letters,
}
