//! Free ports on loopback.

use crate::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Below 32768, from where Linux takes ports for outgoing connections: while a server is down, none
/// of them can take its port, nor connect to itself.
const FROM: u16 = 15_000;
const TO: u16 = 31_999;

static CALLS: AtomicU16 = AtomicU16::new(0);

/// A port that was free a moment ago. Another process may take it before the server does, so
/// callers try again when their server cannot bind.
pub(crate) fn free() -> Result<u16, Error> {
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
