//! A real `nats-server` for one test.

use crate::lock;
use crate::users::{self, Refusals};
use messaging::rights::Rights;
use servers::nats::{Settings, Tls};
use std::path::PathBuf;
use std::sync::Mutex;

/// A server with its own port and store; when dropped, it is killed and its store is deleted.
#[derive(Debug)]
pub struct Server {
    /// Declared first: it reads the log before it is deleted.
    refusals: Option<Refusals>,
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
        Self::with(Settings { binary, tls, ..Settings::under("") })
    }

    /// Like [`Self::start`], with the users of production: an administrator, and the function `name` with
    /// its rights, which logs in with [`Self::url_of`].
    ///
    /// # Panics
    /// If it does not start. When it is dropped and has refused something to a user, so that a test whose
    /// function lacks a right fails; unless the test has asked for [`Self::refusals`].
    #[must_use]
    pub fn with_rights(name: &str, rights: &Rights) -> Self {
        let (binary, users) = (crate::nats_server_bin(), users::authorization(name, rights));
        Self::with(Settings { binary, users: Some(users), ..Settings::under("") })
    }

    fn with(settings: Settings) -> Self {
        let dir = crate::temp_dir();
        let Settings { dir: own, store_dir, .. } = Settings::under(dir.path());
        let settings = Settings { dir: own, store_dir, ..settings };
        let has_users = settings.users.is_some();
        let server = servers::nats::start(settings).unwrap_or_else(|error| panic!("{error}"));
        let refusals = has_users.then(|| Refusals::of(vec![server.log()]));
        Self { refusals, server: Mutex::new(server), dir }
    }

    /// `nats://127.0.0.1:<port>`; where there are users, with the login of the administrator.
    #[must_use]
    pub fn url(&self) -> String {
        self.login(None)
    }

    /// The same with the login of a user.
    #[must_use]
    pub fn url_of(&self, user: &str) -> String {
        self.login(Some(user))
    }

    fn login(&self, user: Option<&str>) -> String {
        let url = lock(&self.server).url();
        if self.refusals.is_some() { users::login(&url, user) } else { url }
    }

    /// What the server refused to its users so far, as it logged it. A test that asks does not fail for it.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.refusals.as_ref().map_or_else(Vec::new, Refusals::ask)
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

    /// Stops it in order, so that all that it took is in its files; [`Server::restart`] starts it again.
    pub fn stop(&self) {
        lock(&self.server).stop();
    }

    /// Starts it again on the same port with the same store; kills it first if it is running.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&self) {
        lock(&self.server).restart().unwrap_or_else(|error| panic!("{error}"));
    }
}
