//! A TCP proxy whose connections end after an exact number of bytes, or are slow.
//!
//! Uses threads instead of async: its clients block, and every byte counts.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const BUFFER_BYTES: usize = 16 << 10;
/// How often bytes pass when the speed is limited.
const DRIP: Duration = Duration::from_millis(20);

/// Limits for connections, counted over all bytes in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// Each connection ends after this many bytes.
    pub cut_after: Option<u64>,
    /// At most this many bytes pass per second, in each direction.
    pub bytes_a_second: Option<usize>,
}

/// A proxy on loopback; it ends with its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    passed: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and forwards connections to `upstream`.
    ///
    /// # Errors
    /// If it cannot listen.
    pub fn start(upstream: SocketAddr, plan: Plan) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (passed, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (passed.clone(), ended.clone());
        let accepting = thread::spawn(move || {
            for client in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                let Ok(client) = client else { continue };
                let Ok(server) = TcpStream::connect(upstream) else { continue };
                let left = Arc::new(AtomicU64::new(plan.cut_after.unwrap_or(u64::MAX)));
                // Without this, single packets would be merged. It fails only for a closed connection.
                client.set_nodelay(true).ok();
                server.set_nodelay(true).ok();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { break };
                    let (left, count) = (left.clone(), count.clone());
                    thread::spawn(move || pump(from, to, &left, &count, plan.bytes_a_second));
                }
            }
        });
        Ok(Self { address, passed, ended, accepting: Some(accepting) })
    }

    /// The address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes passed so far, in both directions of all connections.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        // It panicked only if the system could not create a thread; then the test has failed already.
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

/// Forwards bytes until one end closes or none are left; then closes both ends.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    left: &AtomicU64,
    count: &AtomicU64,
    bytes_a_second: Option<usize>,
) {
    let piece = bytes_a_second.map_or(BUFFER_BYTES, |rate| {
        let drips = usize::try_from(1_000 / DRIP.as_millis()).unwrap_or(1);
        (rate / drips).clamp(1, BUFFER_BYTES)
    });
    let mut buffer = vec![0; piece];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let mut may = 0;
        let take = |left: u64| {
            may = left.min(len as u64);
            Some(left - may)
        };
        // Both directions share one counter, so that the cut is exact.
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok();
        let passes =
            usize::try_from(may).ok().and_then(|may| buffer.get(..may)).unwrap_or_default();
        if to.write_all(passes).is_err() {
            break;
        }
        count.fetch_add(may, Ordering::Relaxed);
        if left.load(Ordering::Relaxed) == 0 {
            break;
        }
        if bytes_a_second.is_some() {
            thread::sleep(DRIP);
        }
    }
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}
