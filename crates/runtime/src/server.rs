//! Binds the ports, accepts connections, and shuts down gracefully.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::doorman::{Connections, Doorman, Peer};
use crate::function::{Function, Phase, Stop};
use crate::gate::Gate;
use crate::memory::{Bodies, MEMORY_DEFAULT, Memory};
use crate::metrics::HttpMetrics;
use crate::problem::Problem;
use crate::settings::ServerSettings;
use crate::shell::{Ready, Shell};

/// How long background tasks may take to end after the request to stop.
const BACKGROUND_TIME_MAX: Duration = Duration::from_secs(2);
/// Enough for Prometheus and a few people.
const METRICS_CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");

/// Why a function cannot be served, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is in use, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: io::Error,
    },
    /// `ORDERFLOW_LISTEN_FILE` cannot be written.
    #[error("cannot write {path}: {source}")]
    ListenFile {
        /// The path of the file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A background task panicked; the log says where.
    #[error("background task {task} of {function} panicked")]
    Background {
        /// The function.
        function: &'static str,
        /// The task.
        task: &'static str,
    },
}

/// Serves `function` until `shutdown`, then shuts down gracefully.
///
/// # Errors
/// If a port cannot be bound, or a background task panics.
pub async fn serve(
    function: Function,
    settings: ServerSettings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Server::bind(function, settings).await?.serve(shutdown).await
}

/// A function whose ports are bound.
pub struct Server {
    function: Function,
    settings: ServerSettings,
    traffic: TcpListener,
    metrics: TcpListener,
    traffic_addr: SocketAddr,
    metrics_addr: SocketAddr,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Server");
        shown.field("function", &self.function).field("traffic_addr", &self.traffic_addr);
        shown.field("metrics_addr", &self.metrics_addr).finish_non_exhaustive()
    }
}

impl Server {
    /// Binds both ports and writes the listen file. Clients can connect from now on; they are answered
    /// once [`Server::serve`] runs.
    ///
    /// # Errors
    /// If a port cannot be bound, or the listen file cannot be written.
    pub async fn bind(function: Function, settings: ServerSettings) -> Result<Self, ServeError> {
        let (traffic, traffic_addr) = listen(settings.bind, settings.port).await?;
        let (metrics, metrics_addr) = listen(settings.bind, settings.metrics_port).await?;
        if let Some(path) = &settings.listen_file {
            write_listen_file(path, traffic_addr, metrics_addr)
                .map_err(|source| ServeError::ListenFile { path: path.clone(), source })?;
        }
        Ok(Self { function, settings, traffic, metrics, traffic_addr, metrics_addr })
    }

    /// The address for requests.
    pub fn traffic_addr(&self) -> SocketAddr {
        self.traffic_addr
    }

    /// The address of `/metrics`.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics_addr
    }

    /// Answers until `shutdown`. Then health answers 503 for the grace time while requests are still
    /// accepted, then requests in progress may finish, then background tasks end.
    ///
    /// # Errors
    /// If a background task panics.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { function, settings, traffic, metrics, .. } = self;
        let Function { name, routes, ready, mut registry, background, memory } = function;
        let (phase, stop) = Stop::new();
        let http = HttpMetrics::register(&mut registry);
        let ready = Arc::new(Ready::new(name, ready));
        let readiness = (Arc::clone(&ready), http.ready.clone());
        let limits = (&settings, bodies(name, memory, &settings));
        let router = routes.into_router();
        let shell = Arc::new(Shell::new(name, router, ready, limits, stop.clone(), http));
        let mut tasks = JoinSet::new();
        for (task, start) in background {
            let running = tokio::spawn(start(stop.clone()));
            tasks.spawn(async move { (task, Aborting(running).await) });
        }
        // Dropping the set ends its tasks when this function returns.
        let mut side = JoinSet::new();
        side.spawn(serve_metrics(metrics, Arc::new(registry), readiness, settings.clone()));

        let doorman = Doorman::new(settings.connections());
        let failure = {
            let answer = Arc::clone(&shell);
            let accept = doorman.accept(&traffic, move |request, peer| {
                let shell = Arc::clone(&answer);
                async move { shell.answer(request, peer).await }
            });
            tokio::pin!(accept);
            let failure = tokio::select! {
                never = &mut accept => match never {},
                () = shutdown => None,
                failed = first_panic(&mut tasks) => Some(failed),
            };
            phase.send_replace(Phase::Draining);
            tracing::info!(function = name, "shutting down");
            let grace = if failure.is_some() { Duration::ZERO } else { settings.grace };
            tokio::select! {
                never = &mut accept => match never {},
                () = sleep(grace) => {}
            }
            failure
        };
        drop(traffic);
        drain(name, &settings, doorman, &shell.gate).await;
        phase.send_replace(Phase::Stopping);
        let panicked = timeout(BACKGROUND_TIME_MAX, all_ended(&mut tasks)).await.unwrap_or(None);
        match failure.or(panicked) {
            Some(task) => Err(ServeError::Background { function: name, task }),
            None => Ok(()),
        }
    }
}

/// Computes and logs the memory for bodies.
fn bodies(function: &'static str, memory: Memory, settings: &ServerSettings) -> Bodies {
    let limit = settings.memory.unwrap_or(MEMORY_DEFAULT);
    let bodies = memory.bodies(limit, settings.connections_max.get());
    let Bodies { connector, people, open, most, is_short } = bodies;
    tracing::info!(function, limit, connector, people, open, "bytes that bodies may take");
    if is_short {
        tracing::warn!(
            function,
            limit,
            most,
            "the function may need more memory than it has: raise its limit in stack.yml"
        );
    }
    bodies
}

/// Waits for connections, and for handlers whose clients have disconnected.
async fn drain(name: &'static str, settings: &ServerSettings, doorman: Doorman, gate: &Gate) {
    let drained = timeout(settings.drain, async {
        doorman.shutdown().await;
        gate.empty().await;
    });
    if drained.await.is_err() {
        let in_flight = gate.taken();
        tracing::warn!(function = name, in_flight, "gave up waiting for requests in progress");
    }
}

/// Aborts the task it waits for when it is dropped.
struct Aborting(tokio::task::JoinHandle<()>);

impl Future for Aborting {
    type Output = Result<(), tokio::task::JoinError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Tasks = JoinSet<(&'static str, Result<(), tokio::task::JoinError>)>;

/// The first task that panics; never resolves if none does.
async fn first_panic(tasks: &mut Tasks) -> &'static str {
    match all_ended(tasks).await {
        Some(task) => task,
        None => std::future::pending().await,
    }
}

/// Waits until all tasks have ended, or one has panicked.
async fn all_ended(tasks: &mut Tasks) -> Option<&'static str> {
    while let Some(joined) = tasks.join_next().await {
        if let Ok((task, Err(_panicked))) = joined {
            return Some(task);
        }
    }
    None
}

async fn serve_metrics(
    listener: TcpListener,
    registry: Arc<Registry>,
    (probe, ready): (Arc<Ready>, Gauge),
    settings: ServerSettings,
) -> Infallible {
    let max = METRICS_CONNECTIONS_MAX;
    let doorman = Doorman::new(Connections { max, ..settings.connections() });
    let answer = move |request: hyper::Request<Incoming>, _: Peer| {
        let (registry, probe, ready) = (Arc::clone(&registry), Arc::clone(&probe), ready.clone());
        async move {
            if request.uri().path() != "/metrics" {
                return Problem::not_found("only /metrics is here").into_response();
            }
            ready.set(i64::from(probe.ask().await.is_ok()));
            let mut text = String::new();
            match prometheus_client::encoding::text::encode(&mut text, &registry) {
                Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
                Err(_) => Problem::internal().into_response(),
            }
        }
    };
    doorman.accept(&listener, answer).await
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

async fn listen(ip: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr), ServeError> {
    let address = SocketAddr::new(ip, port);
    let bind = async {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bind.await.map_err(|source| ServeError::Bind { address, source })
}

/// Written completely or not at all, for supervisors that let the system choose the ports.
fn write_listen_file(path: &Path, traffic: SocketAddr, metrics: SocketAddr) -> io::Result<()> {
    let text = serde_json::json!({
        "traffic": reachable(traffic).to_string(),
        "metrics": reachable(metrics).to_string(),
        "pid": std::process::id(),
    });
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, text.to_string())?;
    std::fs::rename(&part, path)
}

/// An address that clients can connect to: 0.0.0.0 is not one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
