//! What to run, and how hard.

use super::cluster;
use super::orders::Maker;
use std::path::PathBuf;
use std::time::Duration;

/// What to run, and how many faults to inject.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program `orderflow`.
    pub orderflow: PathBuf,
    /// The program `nats-server`; `None`: the one in `PATH`.
    pub nats_server: Option<PathBuf>,
    /// Determines schedule and orders.
    pub seed: u64,
    /// How long faults are injected.
    pub length: Duration,
    /// Processes killed with SIGKILL.
    pub kills: u32,
    /// Connections with a fault.
    pub faults: u32,
    /// Messages sent on `orders`.
    pub orders: u64,
    /// Files sent over SFTP.
    pub files: u32,
    /// Processes that are suspended and resumed.
    pub pauses: u32,
    /// Shortest and longest suspension; longer than leases if there is time for it.
    pub pause: (Duration, Duration),
    /// Processes that restart with a wrong clock; needs libfaketime.
    pub clock_jumps: u32,
    /// How often the disk is full; needs root.
    pub disk_full: u32,
    /// How often nats-server restarts with an empty store.
    pub empty_store: u32,
    /// Use three nats-servers instead of one, with these faults.
    pub cluster: Option<cluster::Options>,
    /// Longest stall of a connection.
    pub fault_max: Duration,
    /// How long it may take afterwards until everything is decided.
    pub settle: Duration,
    /// The folder to work in, which is kept. `None`: a temporary folder, kept only if there is a
    /// problem.
    pub keep: Option<PathBuf>,
}

impl Options {
    /// Makes the orders of its seed.
    pub(super) fn maker(&self) -> Maker {
        Maker::new(self.seed)
    }
}
