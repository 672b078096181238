//! A TCP proxy that injects network faults.
//!
//! It forwards everything between a client and a server, and injects a fault into one connection at a
//! time on request. It decides nothing itself, so its caller can repeat a run.

mod carry;
mod fault;

pub use fault::{Fault, Side};

use crate::lock;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Most faults that wait for a connection; more are refused.
const ARMED_MAX: usize = 16;
/// How long the server may take to accept.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Pause after a failed `accept`; usually no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A proxy on loopback; it ends with its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Kept only so that the tasks end on drop.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    connections: Mutex<Connections>,
    /// Number of injected faults, by name.
    injected: Mutex<BTreeMap<&'static str, u64>>,
    cut: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    live: BTreeMap<u64, mpsc::Sender<Fault>>,
    armed: VecDeque<Fault>,
}

impl Proxy {
    /// Listens on a free port. Connections are closed immediately until there is an upstream.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Listens on a free port and forwards connections to `upstream`.
    ///
    /// # Errors
    /// If it cannot listen.
    pub async fn to(upstream: SocketAddr) -> io::Result<Self> {
        let proxy = Self::start().await?;
        proxy.set_upstream(upstream);
        Ok(proxy)
    }

    /// The address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the server for later connections.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *lock(&self.shared.upstream) = Some(upstream);
    }

    /// Blocks all bytes in both directions of all connections, or lets them pass again. Like in a
    /// network partition, connections stay open, nothing arrives, and what was sent in the meantime
    /// arrives afterwards.
    pub fn set_cut(&self, cut: bool) {
        self.shared.cut.send_replace(cut);
    }

    /// Number of open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.shared.connections).live.len()
    }

    /// Number of injected faults, by name.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.shared.injected).clone()
    }

    /// Injects a fault into the open connection number `pick` (modulo their number), or into the next
    /// one if that one has a fault already; without open connections, into the next new one. Returns
    /// false if too many faults wait for a connection.
    #[must_use]
    pub fn inject(&self, fault: Fault, pick: usize) -> bool {
        let mut connections = lock(&self.shared.connections);
        let count = connections.live.len();
        let from = pick.checked_rem(count).unwrap_or(0);
        let mut from_pick = connections.live.values().cycle().skip(from).take(count);
        if from_pick.any(|connection| connection.try_send(fault).is_ok()) {
            return true;
        }
        let room = connections.armed.len() < ARMED_MAX;
        if room {
            connections.armed.push_back(fault);
        }
        room
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut tasks = JoinSet::new();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match client {
            Ok((client, _)) => drop(tasks.spawn(connection(client, Arc::clone(&shared)))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(client: TcpStream, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    if cut.wait_for(|cut| !cut).await.is_err() {
        return;
    }
    let Some(upstream) = *lock(&shared.upstream) else { return };
    // Closing the client's connection tells the client that the server is not reachable.
    let Ok(Ok(server)) = tokio::time::timeout(CONNECT_MAX, TcpStream::connect(upstream)).await
    else {
        return;
    };
    let (sender, mut faults) = mpsc::channel(1);
    let number = {
        let mut connections = lock(&shared.connections);
        let number = connections.next;
        connections.next += 1;
        if let Some(fault) = connections.armed.pop_front() {
            sender.try_send(fault).expect("nobody else has sent to it yet");
        }
        connections.live.insert(number, sender);
        number
    };
    let listed = Listed { number, shared: &shared };
    carry::carry(client, server, &mut faults, cut, |fault| {
        *lock(&shared.injected).entry(fault.name()).or_default() += 1;
    })
    .await;
    drop(listed);
    // A fault that came too late is applied to the next connection.
    if let Ok(fault) = faults.try_recv() {
        lock(&shared.connections).armed.push_back(fault);
    }
}

/// Removes a connection from the list, however it ends.
struct Listed<'a> {
    number: u64,
    shared: &'a Shared,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.shared.connections).live.remove(&self.number);
    }
}
