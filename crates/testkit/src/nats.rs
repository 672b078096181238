//! A real `nats-server` for one test.

use crate::lock;
use servers::nats::{Settings, Tls};
use std::path::PathBuf;
use std::sync::Mutex;

/// A server with its own port and store; when dropped, it is killed and its store is deleted.
#[derive(Debug)]
pub struct Server {
    // Declared before `dir`, so that it is killed before its files are removed.
    server: Mutex<servers::nats::Server>,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts a server and waits until it is ready. The program is the one in the environment variable
    /// `NATS_SERVER_BIN`, else `nats-server` from `PATH`.
    ///
    /// # Panics
    /// If it does not start; the message names the Debian package if it is not installed.
    #[must_use]
    pub fn start() -> Self {
        Self::of(crate::nats_server_bin())
    }

    /// Like [`Self::start`], with this program; `None` is `nats-server` from `PATH`.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn of(binary: Option<PathBuf>) -> Self {
        Self::with_tls(binary, None)
    }

    /// Like [`Self::of`], with TLS.
    ///
    /// # Panics
    /// If it does not start.
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

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        lock(&self.server).port()
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        lock(&self.server).pid()
    }

    /// Folder of configuration, log and store.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Kills it with SIGKILL; [`Server::restart`] starts it again.
    pub fn kill(&self) {
        lock(&self.server).kill();
    }

    /// Starts it again on the same port with the same store; kills it first if it is running.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&self) {
        lock(&self.server).restart().unwrap_or_else(|error| panic!("{error}"));
    }
}
