//! What to run, and how hard.

use super::cluster;
use super::orders::Maker;
use std::path::PathBuf;
use std::time::Duration;

/// What to run, and how hard.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program `orderflow`.
    pub orderflow: PathBuf,
    /// The program `nats-server`; without it the one in `PATH`.
    pub nats_server: Option<PathBuf>,
    /// What schedule and orders depend on.
    pub seed: u64,
    /// How long faults happen.
    pub length: Duration,
    /// Processes killed with signal 9.
    pub kills: u32,
    /// Connections harmed.
    pub faults: u32,
    /// Messages sent on `orders`.
    pub orders: u64,
    /// Files sent over SFTP.
    pub files: u32,
    /// Processes stopped and continued.
    pub pauses: u32,
    /// Shortest and longest stop; longer than leases, where there is time for it.
    pub pause: (Duration, Duration),
    /// Processes that come back with a wrong clock; needs libfaketime.
    pub clock_jumps: u32,
    /// How often the disk is full; needs root.
    pub disk_full: u32,
    /// How often nats-server comes back with an empty store.
    pub empty_store: u32,
    /// Three nats-servers instead of one, and what is done to them.
    pub cluster: Option<cluster::Options>,
    /// Longest stall of a connection.
    pub fault_max: Duration,
    /// How long it may take afterwards until everything is decided.
    pub settle: Duration,
    /// Where to work; kept afterwards. Without it a folder for temporary files, kept if something
    /// is wrong.
    pub keep: Option<PathBuf>,
}

impl Options {
    /// Makes the orders of its seed.
    pub(super) fn maker(&self) -> Maker {
        Maker::new(self.seed)
    }
}
