//! A real OpenSSH `sshd` for one test.

use crate::lock;
use servers::sshd::Settings;
use std::path::PathBuf;
use std::sync::Mutex;

/// A server with its own port, keys and folders; when dropped, it is killed with its sessions, and its
/// folders are deleted.
#[derive(Debug)]
pub struct Server {
    // Declared before `dir`, so that it is killed before its files are removed.
    server: Mutex<servers::sshd::Server>,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts a server with a key and the folders `inbox`, `depot`, `archive` and `quarantine` for each
    /// partner, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start; the message names the Debian package if it is not installed.
    #[must_use]
    pub fn start(partners: &[&str]) -> Self {
        let dir = crate::temp_dir();
        let server = servers::sshd::start(Settings::under(dir.path(), partners))
            .unwrap_or_else(|error| panic!("{error}"));
        Self { server: Mutex::new(server), dir }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        lock(&self.server).port()
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        lock(&self.server).pid()
    }

    /// The login name of every partner.
    #[must_use]
    pub fn user(&self) -> String {
        lock(&self.server).user().to_owned()
    }

    /// Its public key as in `known_hosts`: `ssh-ed25519 AAAA…`.
    #[must_use]
    pub fn host_key(&self) -> String {
        lock(&self.server).host_key().to_owned()
    }

    /// File of a partner's private key.
    #[must_use]
    pub fn private_key_path(&self, partner: &str) -> PathBuf {
        lock(&self.server).private_key(partner)
    }

    /// A partner's private key.
    ///
    /// # Panics
    /// If there is no such partner.
    #[must_use]
    pub fn private_key(&self, partner: &str) -> String {
        std::fs::read_to_string(self.private_key_path(partner))
            .unwrap_or_else(|error| panic!("no key of partner {partner}: {error}"))
    }

    /// A partner's folder, in which its sessions start.
    #[must_use]
    pub fn root(&self, partner: &str) -> PathBuf {
        lock(&self.server).root(partner)
    }

    /// Folder of configuration, keys and log.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Kills it and its sessions with SIGKILL; [`Server::restart`] starts it again.
    pub fn kill(&self) {
        lock(&self.server).kill();
    }

    /// Starts it again on the same port with the same keys; kills it first if it is running.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&self) {
        lock(&self.server).restart().unwrap_or_else(|error| panic!("{error}"));
    }
}
