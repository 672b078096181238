#![doc = include_str!("../README.md")]

pub mod campaign;
pub mod cluster;
pub mod cut;
pub mod disk;
pub mod history;
pub mod nats;
pub mod proxy;
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

/// The one thing of the environment that tests read: which `nats-server` they run against, so that
/// the same tests run on the oldest and the newest one.
#[must_use]
pub fn nats_server_bin() -> Option<PathBuf> {
    std::env::var_os("NATS_SERVER_BIN").filter(|path| !path.is_empty()).map(PathBuf::from)
}
