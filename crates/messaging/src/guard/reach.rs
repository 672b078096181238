//! A connection to the first of several servers that says its first word.

use super::tls;
use bytes::BytesMut;
use memchr::memchr;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

/// How long all of it may take; the client waits 5 s for a server's first word.
const REACH_MAX: Duration = Duration::from_secs(4);
/// How long after one address the next is tried as well: a host that is gone does not answer at all.
const STAGGER: Duration = Duration::from_millis(250);
/// A usual first word, and the longest.
const INFO_BYTES: usize = 4 << 10;
const INFO_BYTES_MAX: usize = 1 << 20;

/// A server that said its first word.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) stream: Stream,
    /// What it said, up to the end of its first line at least; nothing of it was passed on.
    pub(super) said: BytesMut,
}

#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a server says of itself and its cluster.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Info {
    #[serde(default)]
    tls_required: bool,
    /// Members of its cluster, `HOST:PORT`.
    #[serde(default)]
    pub(super) connect_urls: Vec<String>,
}

impl Info {
    /// Reads a line; what cannot be read says nothing, and the client says what is wrong with it.
    pub(super) fn read(line: &[u8]) -> Self {
        serde_json::from_slice(json(line)).unwrap_or_default()
    }

    /// The line as a server without TLS would say it, for a client that speaks plain with this process.
    pub(super) fn without_tls(line: &[u8]) -> Option<Vec<u8>> {
        let mut info: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(json(line)).ok()?;
        for name in ["tls_required", "tls_available", "tls_verify"] {
            if let Some(value) = info.get_mut(name) {
                *value = false.into();
            }
        }
        let text = serde_json::to_string(&info).ok()?;
        Some(format!("INFO {text}\r\n").into_bytes())
    }
}

fn json(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"INFO ").unwrap_or(line)
}

/// Connects to the first of `places` (`HOST:PORT`) that says its first word. The later in the list, the later
/// it is tried. With `needs_tls` no word counts that was not said over TLS, whatever the server offers. The
/// error is that of the first.
pub(super) async fn first(places: Vec<String>, needs_tls: bool) -> io::Result<Reached> {
    let reached = timeout(REACH_MAX, any(places, needs_tls));
    reached.await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

async fn any(places: Vec<String>, needs_tls: bool) -> io::Result<Reached> {
    let mut tried = JoinSet::new();
    for (number, place) in (0_u32..).zip(places) {
        tried.spawn(async move {
            sleep(STAGGER * number).await;
            (number, connect(&place, needs_tls).await)
        });
    }
    let mut first: Option<(u32, io::Error)> = None;
    while let Some(joined) = tried.join_next().await {
        match joined {
            Ok((_, Ok(reached))) => return Ok(reached),
            Ok((number, Err(error))) if first.as_ref().is_none_or(|(n, _)| number < *n) => {
                first = Some((number, error));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Err(first.map_or_else(|| io::ErrorKind::NotFound.into(), |(_, error)| error))
}

async fn connect(place: &str, needs_tls: bool) -> io::Result<Reached> {
    let mut stream = tcp(place).await?;
    // It fails only for a dead connection.
    stream.set_nodelay(true).ok();
    let mut said = BytesMut::with_capacity(INFO_BYTES);
    let line = loop {
        if let Some(end) = memchr(b'\n', &said) {
            break said.get(..=end).unwrap_or_default();
        }
        if stream.read_buf(&mut said).await? == 0 || INFO_BYTES_MAX < said.len() {
            return Err(io::Error::other("it is no nats-server: it does not say what it is"));
        }
    };
    if !needs_tls && !Info::read(line).tls_required {
        return Ok(Reached { stream: Stream::Plain(stream), said });
    }
    // Whoever is between could add to what counts as said over TLS.
    if line.len() < said.len() {
        return Err(io::Error::other("TLS: it says more than what it is before TLS"));
    }
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let stream = tls::connect(host.trim_matches(['[', ']']), stream).await?;
    Ok(Reached { stream: Stream::Tls(Box::new(stream)), said })
}

/// Connects to the first address of a name that answers.
async fn tcp(place: &str) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = lookup_host(place).await?.collect();
    let mut tried = JoinSet::new();
    for (number, address) in (0_u32..).zip(addresses) {
        tried.spawn(async move {
            sleep(STAGGER * number).await;
            TcpStream::connect(address).await
        });
    }
    let mut last = io::ErrorKind::NotFound.into();
    while let Some(joined) = tried.join_next().await {
        match joined {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}
