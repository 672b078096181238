//! Free ports on loopback.

use crate::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Below 32768, from where Linux takes ports for outgoing connections: while a server is down, none
/// of them can take its port, nor connect to itself.
const FROM: u16 = 15_000;
const TO: u16 = 31_999;

/// Starts that lost their free port to another process before giving up.
const ATTEMPTS_MAX: u32 = 5;

static CALLS: AtomicU16 = AtomicU16::new(0);

/// Starts a server on `wanted`, or on a free port; gives the port with what `start` gives.
///
/// A free one may be taken by another process before the server does, so that a server which ends at
/// once is started on another one.
pub(crate) fn claim<T>(
    wanted: Option<u16>,
    mut start: impl FnMut(u16) -> Result<T, Error>,
) -> Result<(u16, T), Error> {
    let mut attempt = 1;
    loop {
        let port = wanted.map_or_else(free, Ok)?;
        match start(port) {
            Ok(started) => return Ok((port, started)),
            Err(Error::Ended { .. }) if wanted.is_none() && attempt < ATTEMPTS_MAX => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A port that was free a moment ago.
fn free() -> Result<u16, Error> {
    let count = u32::from(TO - FROM) + 1;
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let calls = u32::from(CALLS.fetch_add(1, Ordering::Relaxed));
    let start = (nanos / 64).wrapping_add(std::process::id().wrapping_mul(7919)) ^ (calls << 7);
    (0..count)
        .filter_map(|step| u16::try_from(start.wrapping_add(step) % count).ok())
        .map(|offset| FROM + offset)
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .ok_or(Error::NoPort { from: FROM, to: TO })
}
