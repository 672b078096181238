#![doc = include_str!("../README.md")]

pub mod campaign;
pub mod cut;
pub mod disk;
pub mod history;
pub mod nats;
pub mod proxy;
pub mod raw;
pub mod sshd;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A server is as good after a test's panic as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("orderflow-test-")
        .tempdir()
        .expect("tests need a writable folder for temporary files")
}

/// Which `nats-server` tests run against, as the environment says, so that the same tests run on the
/// oldest and the newest one.
#[must_use]
pub fn nats_server_bin() -> Option<PathBuf> {
    std::env::var_os("NATS_SERVER_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Newer ones, oldest first: those that `ORDERFLOW_TEST_NATS_SERVERS` names, separated by colons.
#[must_use]
pub fn newer_nats_servers() -> Vec<PathBuf> {
    let named = std::env::var_os("ORDERFLOW_TEST_NATS_SERVERS").unwrap_or_default();
    std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// [`nats_server_bin`] and the newer ones, for a test about the server's ways.
#[must_use]
pub fn nats_server_bins() -> Vec<Option<PathBuf>> {
    [nats_server_bin()].into_iter().chain(newer_nats_servers().into_iter().map(Some)).collect()
}
