//! Stands between the client and nats-server, in this process, and makes every message readable.
//!
//! nats-server stores and delivers any bytes as a header block or as a subject. The client library gives
//! up its connection when it meets a block that it cannot read, meets the same message on the next one,
//! and ends for good at a carriage return in a value. All that reads streams is behind that parser.
//! What goes to the server, and every good message, is passed on as it is. TLS is spoken here: with the server,
//! and not with the client, which is in this process.

mod frames;
mod reach;
pub(crate) mod readable;
mod tls;

use crate::header;
use async_nats::ServerAddr;
use bytes::{Buf as _, BytesMut};
use frames::{Frames, Step};
use reach::{Info, Reached, Stream};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// Its URL says `tls://`: it is never talked to without.
    needs_tls: bool,
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
            let address = format!("{}:{}", server.host(), server.port());
            let place = Arc::new(Place::new(address, server.tls_required()));
            accepting.spawn(accept(listener, Arc::clone(&place)));
            places.push((guarded, place));
        }
        Ok(Self { places, next: AtomicUsize::new(any_number()), _accepting: accepting })
    }

    /// What the client connects to instead of the servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = ServerAddr> {
        self.places.iter().map(|(guarded, _)| guarded.clone())
    }

    /// Where the client connects to next: to one after the other, never past the guard.
    pub(crate) fn next(&self) -> Option<ServerAddr> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (guarded, _) = self.places.get(number.checked_rem(self.places.len())?)?;
        Some(guarded.clone())
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
    let reached = tokio::select! {
        reached = reach::first(place.candidates(), place.needs_tls) => reached,
        () = closed(&client) => return,
    };
    place.note(reached.as_ref().err());
    let Ok(Reached { stream, said }) = reached else { return };
    // It fails only for a dead connection.
    client.set_nodelay(true).ok();
    match stream {
        Stream::Plain(server) => pass(client, server.into_split(), (said, false), &place).await,
        Stream::Tls(server) => {
            pass(client, tokio::io::split(server), (said, true), &place).await;
        }
    }
}

/// The same, once the server said its first word, over TLS or not.
async fn pass<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    client: TcpStream,
    (from_server, to_server): (R, W),
    (said, is_tls): (BytesMut, bool),
    place: &Place,
) {
    let (from_client, to_client) = client.into_split();
    // When one end closes, the other is closed as well. The reason does not matter to it.
    tokio::select! {
        _ = up(from_client, to_server) => {}
        _ = down((from_server, said, is_tls), to_client, place) => {}
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
    (mut from, mut buffer, is_tls): (impl AsyncRead + Unpin, BytesMut, bool),
    mut to: impl AsyncWrite + Unpin,
    place: &Place,
) -> io::Result<()> {
    let mut frames = Frames::default();
    loop {
        let mut good = 0;
        loop {
            let rest = buffer.get(good..).unwrap_or_default();
            let (bytes, by) = match frames.step(rest) {
                Step::Pass(bytes) => {
                    good += bytes;
                    continue;
                }
                Step::More => break,
                Step::Instead { bytes, by } => (bytes, by),
                Step::Info(bytes) => {
                    let line = rest.get(..bytes).unwrap_or_default();
                    place.read_info(line);
                    let Some(by) = Info::without_tls(line).filter(|_| is_tls) else {
                        good += bytes;
                        continue;
                    };
                    (bytes, by)
                }
            };
            write(&mut to, buffer.get(..good).unwrap_or_default()).await?;
            write(&mut to, &by).await?;
            buffer.advance(good + bytes);
            good = 0;
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
    let written = async {
        to.write_all(bytes).await?;
        // TLS keeps what does not fill a record.
        to.flush().await
    };
    timeout(STUCK_MAX, written).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

impl Place {
    fn new(address: String, needs_tls: bool) -> Self {
        let (named, failure) = (Mutex::default(), Mutex::default());
        Self { address, needs_tls, named, failure }
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

    /// Learns of the other members of a server's cluster.
    fn read_info(&self, line: &[u8]) {
        let Info { connect_urls, .. } = Info::read(line);
        if !connect_urls.is_empty() {
            *lock(&self.named) = connect_urls;
        }
    }
}

#[cfg(test)]
mod tests;
