//! Accepts connections up to a limit; at the limit, a connection without a valid token is closed.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::connection::{Connection, Doing};

/// Largest head of a request, and most bytes that a connection may buffer.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How long a client may leave its answer unread.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// Pause after a failed accept; usually no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How soon to look again for a connection to close, when none could be closed.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Limits for connections.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// Most connections at a time.
    pub max: NonZeroUsize,
    /// How long a client may take for the head of a request.
    pub head_time_max: Duration,
    /// How long a connection is kept between two requests.
    pub idle_time_max: Duration,
}

/// The client's end of a connection, for the task that answers its requests.
#[derive(Debug, Clone)]
pub struct Peer {
    doing: Arc<Doing>,
    address: SocketAddr,
}

impl Peer {
    /// The client's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_known(&self) -> bool {
        self.doing.is_known()
    }

    /// Sets whether the current request has a valid token. At the connection limit, connections whose
    /// last request had one are kept.
    pub fn set_known(&self, is_known: bool) {
        self.doing.set_known(is_known);
    }
}

/// Accepts connections and enforces the limits.
#[derive(Debug)]
pub struct Doorman {
    http: http1::Builder,
    head_time_max: Duration,
    places: Arc<Semaphore>,
    crowd: Crowd,
    graceful: GracefulShutdown,
}

impl Doorman {
    /// Creates one with these limits.
    pub fn new(connections: Connections) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(connections.idle_time_max)
            .max_buf_size(HEAD_BYTES_MAX)
            .keep_alive(true);
        Self {
            http,
            head_time_max: connections.head_time_max,
            places: Arc::new(Semaphore::new(connections.max.get())),
            crowd: Crowd::default(),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Accepts connections while it is polled. Each connection runs in its own task.
    pub async fn accept<A, F>(&self, listener: &TcpListener, answer: A) -> Infallible
    where
        A: Fn(hyper::Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let place = self.place().await;
            tune(&stream);
            let (connection, doing) = Connection::new(stream, self.head_time_max);
            let member = self.crowd.enter(Arc::clone(&doing));
            let (answer, peer) = (answer.clone(), Peer { doing: Arc::clone(&doing), address });
            let service = service_fn(move |request| {
                peer.doing.answering();
                let (answer, peer) = (answer(request, peer.clone()), peer.clone());
                async move {
                    let response = answer.await;
                    peer.doing.answered();
                    Ok::<_, Infallible>(response)
                }
            });
            let served = self.http.serve_connection(TokioIo::new(connection), service);
            let served = self.graceful.watch(served);
            tokio::spawn(async move {
                tokio::select! {
                    ended = served => if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended early");
                    },
                    () = doing.sent_away() => {
                        tracing::debug!(%address, "a connection is closed to make room for another");
                    }
                }
                drop((member, place));
            });
        }
    }

    /// A place for one more connection.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return place;
            }
            self.crowd.send_one_away();
            let place = timeout(LOOK_AGAIN, Arc::clone(&self.places).acquire_owned()).await;
            if let Ok(place) = place {
                return place.expect("the semaphore is never closed");
            }
        }
    }

    /// Closes every connection after its current request, and waits for that.
    pub async fn shutdown(self) {
        self.graceful.shutdown().await;
    }
}

/// All open connections, in the order in which they came.
#[derive(Debug, Default)]
struct Crowd(Arc<Mutex<Members>>);

#[derive(Debug, Default)]
struct Members {
    next: u64,
    there: BTreeMap<u64, Arc<Doing>>,
}

impl Crowd {
    fn enter(&self, doing: Arc<Doing>) -> Member {
        let mut members = lock(&self.0);
        let number = members.next;
        members.next += 1;
        members.there.insert(number, doing);
        Member { number, members: Arc::clone(&self.0) }
    }

    /// Closes the oldest connection without a valid token, preferably one without a request in
    /// progress.
    fn send_one_away(&self) {
        let mut members = lock(&self.0);
        let strangers = || members.there.iter().filter(|(_, doing)| !doing.is_known());
        let idle = strangers().find(|(_, doing)| !doing.is_answering());
        let Some(number) = idle.or_else(|| strangers().next()).map(|(number, _)| *number) else {
            return;
        };
        if let Some(doing) = members.there.remove(&number) {
            doing.send_away();
        }
    }
}

/// An open connection, until it is dropped.
struct Member {
    number: u64,
    members: Arc<Mutex<Members>>,
}

impl Drop for Member {
    fn drop(&mut self) {
        lock(&self.members).there.remove(&self.number);
    }
}

fn lock(members: &Mutex<Members>) -> MutexGuard<'_, Members> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends small answers immediately, and disconnects a client that stops reading.
fn tune(stream: &TcpStream) {
    let mut tuned = stream.set_nodelay(true);
    if cfg!(target_os = "linux") {
        let socket = socket2::SockRef::from(stream);
        tuned = tuned.and(socket.set_tcp_user_timeout(Some(WRITE_STALL_MAX)));
    }
    if let Err(error) = tuned {
        tracing::debug!(%error, "cannot set the options of a socket");
    }
}
