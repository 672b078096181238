//! Stands between the client and nats-server, in this process, and makes every message readable.
//!
//! nats-server stores and delivers any bytes as a header block or as a subject. The client library gives
//! up its connection when it meets a block that it cannot read, meets the same message on the next one,
//! and ends for good at a carriage return in a value. All that reads streams is behind that parser.
//! What goes to the server, and every good message, is passed on as it is.

mod frames;
pub(crate) mod readable;

use crate::header;
use async_nats::ServerAddr;
use bytes::{Buf as _, BytesMut};
use frames::{Frames, Step};
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a server may take to accept; shorter than the client waits for all of it.
const CONNECT_MAX: Duration = Duration::from_secs(4);
/// After a failed `accept`, which is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const BUFFER_BYTES: usize = 64 << 10;

/// Listens on loopback for the client, once for each server; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    guarded: Vec<ServerAddr>,
    unguarded: Vec<ServerAddr>,
    next: AtomicUsize,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    /// A server wants TLS, which only the client can speak.
    tls: AtomicBool,
    /// Further members of the cluster, as servers named them.
    named: Mutex<Vec<String>>,
    /// Why the last server was not reached.
    failure: Mutex<Option<String>>,
}

impl Guard {
    /// Guards connections to `servers`. Those with TLS or a web socket are reached as they are.
    ///
    /// # Errors
    /// It cannot listen on loopback.
    pub(crate) async fn start(servers: Vec<ServerAddr>) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let (mut tasks, mut guarded) = (JoinSet::new(), Vec::with_capacity(servers.len()));
        for server in &servers {
            if server.tls_required() || server.is_websocket() {
                guarded.push(server.clone());
                continue;
            }
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            guarded.push(format!("nats://{}", listener.local_addr()?).parse()?);
            let place = format!("{}:{}", server.host(), server.port());
            tasks.spawn(accept(listener, place, Arc::clone(&state)));
        }
        // Any of them first, so that clients spread over the members of a cluster.
        let next = AtomicUsize::new(usize::from(std::process::id().to_be_bytes()[3]));
        Ok(Self { guarded, unguarded: servers, next, state, _tasks: tasks })
    }

    /// All that the client may connect to.
    pub(crate) fn servers(&self) -> Vec<ServerAddr> {
        let mut all = self.guarded.clone();
        all.extend(self.unguarded.iter().filter(|server| !self.guarded.contains(server)).cloned());
        all
    }

    /// Where the client connects to next.
    pub(crate) fn next(&self) -> Option<ServerAddr> {
        let tls = self.state.tls.load(Ordering::Relaxed);
        let servers = if tls { &self.unguarded } else { &self.guarded };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        servers.get(number.checked_rem(servers.len())?).cloned()
    }

    /// Why the last server was not reached.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.state.failure).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, place: String, state: Arc<State>) {
    let mut tasks = JoinSet::new();
    loop {
        let client = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        match client {
            Ok((client, _)) => {
                let (place, state) = (place.clone(), Arc::clone(&state));
                tasks.spawn(async move {
                    let failed = connection(client, &place, &state).await.err();
                    *lock(&state.failure) = failed.map(|error| error.to_string());
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Passes one connection on until one end closes. A client whose server is not reached is told so by a
/// closed connection.
async fn connection(client: TcpStream, place: &str, state: &State) -> io::Result<()> {
    let server = connect(place, state).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    // Either end closes both; what the other direction meets then is no news.
    tokio::select! {
        ended = up(from_client, to_server) => ended.unwrap_or_default(),
        ended = down(from_server, to_client, state) => ended?,
    }
    Ok(())
}

/// A connection to `place`, or to another member of its cluster.
async fn connect(place: &str, state: &State) -> io::Result<TcpStream> {
    let named = lock(&state.named).clone();
    let mut first = None;
    for place in std::iter::once(place).chain(named.iter().map(String::as_str)) {
        let error = match timeout(CONNECT_MAX, TcpStream::connect(place)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_elapsed) => io::ErrorKind::TimedOut.into(),
        };
        first = first.or(Some(error));
    }
    Err(first.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    loop {
        buffer.reserve(BUFFER_BYTES);
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        to.write_all(&buffer).await?;
        buffer.clear();
    }
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    let mut frames = Frames::default();
    loop {
        let mut good = 0;
        loop {
            let rest = buffer.get(good..).unwrap_or_default();
            match frames.step(rest) {
                Step::Pass(bytes) => good += bytes,
                Step::More => break,
                Step::Instead { bytes, by } => {
                    to.write_all(buffer.get(..good).unwrap_or_default()).await?;
                    to.write_all(&by).await?;
                    buffer.advance(good + bytes);
                    good = 0;
                }
                Step::Info(bytes) => {
                    state.read_info(rest.get(..bytes).unwrap_or_default())?;
                    good += bytes;
                }
            }
        }
        to.write_all(buffer.get(..good).unwrap_or_default()).await?;
        buffer.advance(good);
        buffer.reserve(BUFFER_BYTES);
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

impl State {
    /// Learns what a server says of itself and its cluster.
    fn read_info(&self, line: &[u8]) -> io::Result<()> {
        #[derive(serde::Deserialize)]
        struct Info {
            #[serde(default)]
            tls_required: bool,
            #[serde(default)]
            connect_urls: Vec<String>,
        }
        let text = line.strip_prefix(b"INFO ").unwrap_or(line);
        // The client says what is wrong with it.
        let Ok(info) = serde_json::from_slice::<Info>(text) else { return Ok(()) };
        if info.tls_required {
            self.tls.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the server wants TLS"));
        }
        if !info.connect_urls.is_empty() {
            *lock(&self.named) = info.connect_urls;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
