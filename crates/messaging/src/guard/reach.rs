//! A connection to the first of several servers that answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long all of it may take; the client waits 5 s for a server's first word.
const REACH_MAX: Duration = Duration::from_secs(4);
/// How long after one address the next is tried as well: a host that is gone does not answer at all.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to the first of `places` (`HOST:PORT`) that answers. The later in the list, the later it is
/// tried. The error is that of the first.
pub(super) async fn first(places: Vec<String>) -> io::Result<TcpStream> {
    timeout(REACH_MAX, any(places)).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

async fn any(places: Vec<String>) -> io::Result<TcpStream> {
    let mut tried = JoinSet::new();
    for (number, place) in (0_u32..).zip(places) {
        tried.spawn(async move {
            sleep(STAGGER * number).await;
            (number, connect(&place).await)
        });
    }
    let mut first: Option<(u32, io::Error)> = None;
    while let Some(joined) = tried.join_next().await {
        match joined {
            Ok((_, Ok(stream))) => return Ok(stream),
            Ok((number, Err(error))) if first.as_ref().is_none_or(|(n, _)| number < *n) => {
                first = Some((number, error));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Err(first.map_or_else(|| io::ErrorKind::NotFound.into(), |(_, error)| error))
}

/// Connects to the first address of a name that answers.
async fn connect(place: &str) -> io::Result<TcpStream> {
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
