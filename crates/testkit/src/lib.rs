#![doc = include_str!("../README.md")]

pub mod campaign;
pub mod cluster;
pub mod cut;
pub mod disk;
pub mod ends;
pub mod facts;
pub mod faults;
pub mod figures;
pub mod history;
pub mod nats;
pub mod proxy;
pub mod raw;
pub mod served;
pub mod sshd;
pub mod streams;
pub mod tls;
mod users;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panicked test does not make a server unusable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("orderflow-test-")
        .tempdir()
        .expect("tests need a writable folder for temporary files")
}

/// The `nats-server` for tests, so that the same tests can run on the oldest and the newest version.
#[must_use]
pub fn nats_server_bin() -> Option<PathBuf> {
    std::env::var_os("NATS_SERVER_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The server of [`nats_server_bin`] (`None`: from `PATH`), then those in
/// `ORDERFLOW_TEST_NATS_SERVERS`, separated by colons, oldest first: for behaviour that differs between
/// versions.
#[must_use]
pub fn nats_servers() -> Vec<Option<PathBuf>> {
    let more = std::env::var_os("ORDERFLOW_TEST_NATS_SERVERS").unwrap_or_default();
    let more = std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty());
    [nats_server_bin()].into_iter().chain(more.map(Some)).collect()
}
