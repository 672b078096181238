//! Answers on a port as a gateway, and as a provider where functions are deployed.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use runtime::Problem;
use runtime::doorman::{Connections, Doorman};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::face::Face;
use super::{background, provider, proxy, system};
use crate::site::{Deployments, NAMESPACE, Registry};

/// How long calls in progress are waited for at the end.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// What it takes at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How connections are kept: for one too many, one leaves that has not sent `Authorization`.
    pub(super) connections: Connections,
    /// Calls that wait in the background or run; further ones are refused with 429.
    pub(super) background: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let connections = Connections {
            max: CONNECTIONS_MAX,
            head_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(75),
        };
        Self { connections, background: 1_000 }
    }
}

const CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(512).expect("512 is not 0");

/// Answers on `listener` until `stop`: as a gateway, and with `deployments` as a provider too.
pub(crate) async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    deployments: Option<Arc<Deployments>>,
    limits: Limits,
    stop: CancellationToken,
) {
    let proxy = proxy::Proxy::new();
    let background = background::Background::new(proxy.clone(), limits.background);
    let changes = match &deployments {
        Some(_) => Router::new()
            .route("/system/functions", provider::functions())
            .route("/system/scale-function/{name}", provider::scaling())
            .route("/system/secrets", provider::secrets())
            .route("/system/logs", provider::logs())
            .route("/system/namespace/{name}", provider::namespace()),
        None => {
            Router::new().route("/system/functions", get(system::list).fallback(system::not_here))
        }
    };
    let router = Router::new()
        .merge(changes)
        .route("/healthz", get(|| async { "OK" }))
        .route("/system/info", get(system::info))
        .route("/system/namespaces", get(|| async { axum::Json([NAMESPACE]) }))
        .route("/system/function/{name}", get(system::describe))
        .route("/system/{*rest}", any(system::not_here))
        .fallback(call)
        .with_state(Face { registry, deployments, proxy, background });
    let doorman = Doorman::new(limits.connections);
    let accept = doorman.accept(&listener, move |request, peer| {
        // A client that means to be known is kept; whether it is, the functions find out.
        peer.set_known(request.headers().contains_key(header::AUTHORIZATION));
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer.address()));
        let router = router.clone();
        async move {
            match router.oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            }
        }
    });
    tokio::select! {
        never = accept => match never {},
        () = stop.cancelled() => {}
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_MAX, doorman.shutdown()).await.is_err() {
        tracing::warn!("the gateway gave up waiting for calls in progress");
    }
}

/// `/function/<name>[/rest]` and `/async-function/<name>[/rest]`, by the path as it was sent.
async fn call(
    State(face): State<Face>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let path = request.uri().path();
    let (path, later) = match path.strip_prefix("/async-function/") {
        Some(path) => (path, true),
        None => match path.strip_prefix("/function/") {
            Some(path) => (path, false),
            None => return Problem::not_found("no such path").into_response(),
        },
    };
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let Some(function) = face.registry.find(name) else {
        return Problem::not_found(format!("no function {name:?}")).into_response();
    };
    let target = proxy::Target::new(&function, rest, request.uri().query());
    if !later {
        return face.proxy.call(target, peer, request).await;
    }
    if request.method() != Method::POST {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    face.background.call(target, peer, request).await
}
