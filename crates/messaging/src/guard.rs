//! Stands between the client and nats-server, in this process, and makes every message readable.
//!
//! nats-server stores and delivers any bytes as a header block or as a subject. The client library gives
//! up its connection when it meets a block that it cannot read, meets the same message on the next one,
//! and ends for good at a carriage return in a value. All that reads streams is behind that parser.
//! What goes to the server, and every good message, is passed on as it is.

mod frames;
mod reach;
pub(crate) mod readable;

use crate::header;
use async_nats::{Server, ServerAddr};
use bytes::{Buf as _, BytesMut};
use frames::{Frames, Step};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// After a failed `accept`, which is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long one end may take no bytes. The client gives a silent server up before that.
const STUCK_MAX: Duration = Duration::from_secs(30);
const BUFFER_BYTES: usize = 64 << 10;

/// Listens on loopback for the client, once for each server. Nobody can connect any more when it is
/// dropped; connections end with their clients.
#[derive(Debug)]
pub(crate) struct Guard {
    places: Vec<(ServerAddr, Arc<Place>)>,
    next: AtomicUsize,
    _accepting: JoinSet<()>,
}

/// A server of the configuration.
#[derive(Debug)]
struct Place {
    /// `HOST:PORT`.
    address: String,
    /// It wants TLS, which only the client can speak.
    tls: AtomicBool,
    /// Further members of the cluster, as the server named them.
    named: Mutex<Vec<String>>,
    /// Why it was not reached the last time.
    failure: Mutex<Option<String>>,
}

impl Guard {
    /// Guards connections to `servers`.
    ///
    /// # Errors
    /// It cannot listen on loopback.
    pub(crate) async fn start(servers: &[ServerAddr]) -> io::Result<Self> {
        let (mut accepting, mut places) = (JoinSet::new(), Vec::with_capacity(servers.len()));
        for server in servers {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let guarded = format!("nats://{}", listener.local_addr()?).parse()?;
            let place = Arc::new(Place::new(format!("{}:{}", server.host(), server.port())));
            accepting.spawn(accept(listener, Arc::clone(&place)));
            places.push((guarded, place));
        }
        Ok(Self { places, next: AtomicUsize::new(any_number()), _accepting: accepting })
    }

    /// Can these be guarded? What is said over TLS or a web socket only the client can read.
    pub(crate) fn can(servers: &[ServerAddr]) -> bool {
        servers.iter().all(|server| !server.tls_required() && !server.is_websocket())
    }

    /// What the client connects to instead of the servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = ServerAddr> {
        self.places.iter().map(|(guarded, _)| guarded.clone())
    }

    /// Where the client connects to next, of all that it knows: in turn, and as it is where a server
    /// wants TLS.
    pub(crate) fn next(&self, known: &[Server]) -> Option<ServerAddr> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (guarded, place) = self.places.get(number.checked_rem(self.places.len())?)?;
        if !place.tls.load(Ordering::Relaxed) {
            return Some(guarded.clone());
        }
        let own =
            |server: &&Server| !self.places.iter().any(|(guarded, _)| *guarded == server.addr);
        let others: Vec<&Server> = known.iter().filter(own).collect();
        others.get(number.checked_rem(others.len())?).map(|server| server.addr.clone())
    }

    /// Does one of the servers want TLS?
    pub(crate) fn wants_tls(&self) -> bool {
        self.places.iter().any(|(_, place)| place.tls.load(Ordering::Relaxed))
    }

    /// Why a server was not reached the last time.
    pub(crate) fn failure(&self) -> Option<String> {
        self.places.iter().find_map(|(_, place)| lock(&place.failure).clone())
    }
}

/// So that clients spread over the members of a cluster.
fn any_number() -> usize {
    usize::try_from(RandomState::new().hash_one(0) >> 33).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, place: Arc<Place>) {
    loop {
        match listener.accept().await {
            // Not ended with the guard: what the client sent last is still passed on.
            Ok((client, _)) => drop(tokio::spawn(connection(client, Arc::clone(&place)))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Passes one connection on until one end closes. A client whose server is not reached is told so by a
/// closed connection.
async fn connection(client: TcpStream, place: Arc<Place>) {
    let server = tokio::select! {
        server = reach::first(place.candidates()) => server,
        () = closed(&client) => return,
    };
    place.note(server.as_ref().err());
    let Ok(server) = server else { return };
    // It fails only for a dead connection.
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    // When one end closes, the other is closed as well. The reason does not matter to it.
    tokio::select! {
        _ = up(from_client, to_server) => {}
        _ = down(from_server, to_client, &place) => {}
    }
}

/// Waits until a client leaves that has nothing to say before the server's first word.
async fn closed(client: &TcpStream) {
    while !matches!(client.peek(&mut [0]).await, Ok(0) | Err(_)) {
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

async fn up(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    loop {
        buffer.reserve(BUFFER_BYTES);
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        write(&mut to, &buffer).await?;
        buffer.clear();
    }
}

async fn down(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    place: &Place,
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
    let mut frames = Frames::default();
    let mut is_first = true;
    loop {
        let mut good = 0;
        loop {
            let rest = buffer.get(good..).unwrap_or_default();
            match frames.step(rest) {
                Step::Pass(bytes) => good += bytes,
                Step::More => break,
                Step::Instead { bytes, by } => {
                    write(&mut to, buffer.get(..good).unwrap_or_default()).await?;
                    write(&mut to, &by).await?;
                    buffer.advance(good + bytes);
                    good = 0;
                }
                Step::Info(bytes) => {
                    place.read_info(rest.get(..bytes).unwrap_or_default(), is_first)?;
                    is_first = false;
                    good += bytes;
                }
            }
        }
        write(&mut to, buffer.get(..good).unwrap_or_default()).await?;
        buffer.advance(good);
        buffer.reserve(BUFFER_BYTES);
        if from.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Ends a connection whose other end takes nothing: nobody reads any more whether this end has closed.
async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    timeout(STUCK_MAX, to.write_all(bytes)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

impl Place {
    fn new(address: String) -> Self {
        let (named, failure) = (Mutex::default(), Mutex::default());
        Self { address, tls: AtomicBool::new(false), named, failure }
    }

    /// The server, and then the other members of its cluster in any order.
    fn candidates(&self) -> Vec<String> {
        let mut named = lock(&self.named).clone();
        named.retain(|other| *other != self.address);
        if let Some(first) = any_number().checked_rem(named.len()) {
            named.rotate_left(first);
        }
        std::iter::once(self.address.clone()).chain(named).collect()
    }

    /// Keeps why the server was not reached, and says it once.
    fn note(&self, error: Option<&io::Error>) {
        let text = error.map(ToString::to_string);
        let mut failure = lock(&self.failure);
        if let Some(error) = &text
            && *failure != text
        {
            tracing::warn!(server = self.address, error, "nats-server is not reached");
        }
        *failure = text;
    }

    /// Learns what a server says of itself and its cluster.
    fn read_info(&self, line: &[u8], is_first: bool) -> io::Result<()> {
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
        if is_first && info.tls_required {
            if !self.tls.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    server = self.address,
                    "wants TLS: unreadable headers cost connections"
                );
            }
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
