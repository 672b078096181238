//! Three real `nats-server`s for one test.

use crate::lock;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

/// A cluster with its own ports and stores; killed, and its stores removed, when dropped.
#[derive(Debug)]
pub struct Cluster {
    // Before `dir`, so that it is killed before its files are removed.
    cluster: Mutex<servers::cluster::Cluster>,
    dir: tempfile::TempDir,
}

impl Cluster {
    /// Starts three and waits until they have a leader. The program is the one that the environment
    /// variable `NATS_SERVER_BIN` names, else `nats-server` from `PATH`.
    ///
    /// # Panics
    /// One does not start, or they find no leader.
    #[must_use]
    pub fn start() -> Self {
        Self::of(crate::nats_server_bin().as_deref())
    }

    /// The same with this program.
    ///
    /// # Panics
    /// One does not start, or they find no leader.
    #[must_use]
    pub fn of(binary: Option<&Path>) -> Self {
        let dir = crate::temp_dir();
        let cluster = servers::cluster::start(dir.path(), binary, 3, false);
        let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
        Self { cluster: Mutex::new(cluster), dir }
    }

    /// The addresses of all members, separated by commas.
    #[must_use]
    pub fn url(&self) -> String {
        self.members().url()
    }

    /// Folder of the members' configurations, logs and stores.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The members, to look at, kill, pause and restart them. All calls block.
    pub fn members(&self) -> MutexGuard<'_, servers::cluster::Cluster> {
        lock(&self.cluster)
    }
}
