//! A TCP proxy that does to a connection what networks do.
//!
//! It stands between a client and a server, passes everything on, and harms one connection at a
//! time when it is told to. It decides nothing by itself, so that whoever tells it can repeat a run.

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

/// Faults that wait for a connection; more are refused.
const ARMED_MAX: usize = 16;
/// How long the server may take to accept.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// After a failed `accept`, which is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listener on loopback that passes connections on; ended, with its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Held for its drop.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    connections: Mutex<Connections>,
    /// Faults that were carried out, by name.
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
    /// Listens on a free port. Connections are closed at once until there is an upstream.
    ///
    /// # Errors
    /// It cannot listen.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Listens on a free port and passes connections on to `upstream`.
    ///
    /// # Errors
    /// It cannot listen.
    pub async fn to(upstream: SocketAddr) -> io::Result<Self> {
        let proxy = Self::start().await?;
        proxy.set_upstream(upstream);
        Ok(proxy)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where later connections go.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *lock(&self.shared.upstream) = Some(upstream);
    }

    /// Lets nothing pass, in either direction of any connection, or everything again. As where a network
    /// is in two parts: connections stay open, their ends hear nothing, and what was sent meanwhile
    /// arrives afterwards.
    pub fn set_cut(&self, cut: bool) {
        self.shared.cut.send_replace(cut);
    }

    /// Open connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.shared.connections).live.len()
    }

    /// Faults that were carried out, by name.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.shared.injected).clone()
    }

    /// Harms the open connection number `pick` (modulo how many there are), or the next one if that
    /// has a fault already; without any, the next one that is made. False if too many faults wait
    /// for a connection.
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
    // Closing the client's connection is what says that the server is not there.
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
    // A fault that came too late is for the next one.
    if let Ok(fault) = faults.try_recv() {
        lock(&shared.connections).armed.push_back(fault);
    }
}

/// Takes a connection out of the list however it ends.
struct Listed<'a> {
    number: u64,
    shared: &'a Shared,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.shared.connections).live.remove(&self.number);
    }
}
