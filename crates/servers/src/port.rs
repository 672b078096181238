//! Free ports on loopback.

use crate::Error;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Below 32768, where Linux begins to take ports for outgoing connections: while a server is down, no
/// such connection can take its port or connect to itself.
const FROM: u16 = 15_000;
const TO: u16 = 31_999;

/// How often a start is repeated after another process took the free port.
const ATTEMPTS_MAX: u32 = 5;

static CALLS: AtomicU16 = AtomicU16::new(0);

/// The folder of lock files, one for each port, among temporary files; the owner of a port locks its
/// file.
const LOCKS: &str = "orderflow-ports";

/// A port that no other server of ours takes while its server is down. Otherwise the server's clients
/// would reach a different server and trust its confirmations.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    /// `None` if files cannot be locked here.
    _lock: Option<File>,
}

/// Starts a server on `wanted`, or on a free port; returns the port and the result of `start`.
///
/// Another process may take the free port before the server does, so a server that ends immediately is
/// started again on another port.
pub(crate) fn claim<T>(
    wanted: Option<u16>,
    mut start: impl FnMut(u16) -> Result<T, Error>,
) -> Result<(Port, T), Error> {
    let dir = std::env::temp_dir().join(LOCKS);
    let mut attempt = 1;
    loop {
        let port = match wanted {
            Some(number) => Port { number, _lock: lock(&dir, number).unwrap_or_default() },
            None => free(&dir)?,
        };
        match start(port.number) {
            Ok(started) => return Ok((port, started)),
            Err(Error::Ended { .. }) if wanted.is_none() && attempt < ATTEMPTS_MAX => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Reserves a free port that is bound later.
pub(crate) fn reserve() -> Result<Port, Error> {
    free(&std::env::temp_dir().join(LOCKS))
}

/// Locks a port; `None` if another server has it.
fn lock(dir: &Path, port: u16) -> io::Result<Option<File>> {
    std::fs::create_dir_all(dir)?;
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join(port.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// A port that is free now and does not belong to a stopped server of ours.
fn free(dir: &Path) -> Result<Port, Error> {
    let count = u32::from(TO - FROM) + 1;
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let calls = u32::from(CALLS.fetch_add(1, Ordering::Relaxed));
    let start = (nanos / 64).wrapping_add(std::process::id().wrapping_mul(7919)) ^ (calls << 7);
    (0..count)
        .filter_map(|step| u16::try_from(start.wrapping_add(step) % count).ok())
        .map(|offset| FROM + offset)
        .find_map(|port| at(dir, port))
        .ok_or(Error::NoPort { from: FROM, to: TO })
}

/// This port, if it is free.
fn at(dir: &Path, number: u16) -> Option<Port> {
    let lock = match lock(dir, number) {
        Ok(Some(lock)) => Some(lock),
        Ok(None) => return None,
        // The folder is not writable, or the file belongs to another user.
        Err(_) => None,
    };
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
    Some(Port { number, _lock: lock })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_stopped_server_is_not_free() {
        let dir = tempfile::tempdir().unwrap();
        let held = free(dir.path()).unwrap();
        assert!(at(dir.path(), held.number).is_none(), "nothing listens there, but it is reserved");
        let other = free(dir.path()).unwrap();
        assert_ne!(other.number, held.number);
        let number = held.number;
        drop(held);
        assert_eq!(at(dir.path(), number).unwrap().number, number);
    }

    #[test]
    fn without_lock_files_ports_are_free_if_nothing_listens_on_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let port = free(file.path()).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number)).unwrap();
        assert!(at(file.path(), port.number).is_none());
        drop(listener);
    }
}
