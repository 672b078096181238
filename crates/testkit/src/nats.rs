//! A real `nats-server` for one test.

use crate::lock;
use servers::nats::{Settings, Tls};
use std::path::PathBuf;
use std::sync::Mutex;

/// A server with its own port and store; killed, and its store removed, when dropped.
#[derive(Debug)]
pub struct Server {
    // Before `dir`, so that it is killed before its files are removed.
    server: Mutex<servers::nats::Server>,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts one and waits until it accepts. The program is the one that the environment variable
    /// `NATS_SERVER_BIN` names, else `nats-server` from `PATH`.
    ///
    /// # Panics
    /// It does not start; names the Debian package when it is not installed.
    #[must_use]
    pub fn start() -> Self {
        Self::of(crate::nats_server_bin())
    }

    /// The same with this program; without one it is `nats-server` from `PATH`.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn of(binary: Option<PathBuf>) -> Self {
        Self::with_tls(binary, None)
    }

    /// The same, speaking TLS in this way.
    ///
    /// # Panics
    /// It does not start.
    #[must_use]
    pub fn with_tls(binary: Option<PathBuf>, tls: Option<Tls>) -> Self {
        let dir = crate::temp_dir();
        let settings = Settings { binary, tls, ..Settings::under(dir.path()) };
        let server = servers::nats::start(settings).unwrap_or_else(|error| panic!("{error}"));
        Self { server: Mutex::new(server), dir }
    }

    /// `nats://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        lock(&self.server).url()
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        lock(&self.server).port()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        lock(&self.server).pid()
    }

    /// Folder of configuration, log and store.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Ends it with signal 9; [`Server::restart`] brings it back.
    pub fn kill(&self) {
        lock(&self.server).kill();
    }

    /// Starts it again on the same port with the same store; kills it first if it runs.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&self) {
        lock(&self.server).restart().unwrap_or_else(|error| panic!("{error}"));
    }
}
