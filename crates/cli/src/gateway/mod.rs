//! The face of an OpenFaaS gateway over the functions on this machine.
//!
//! Loopback only and without passwords: what may be called is decided by the functions' own doors.

mod background;
mod provider;
mod proxy;
pub(crate) mod registry;
mod system;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use runtime::Problem;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::up::Deployments;
pub(crate) use registry::Registry;

/// How long calls in progress are waited for at the end.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// What every request sees.
#[derive(Clone)]
struct Face {
    registry: Arc<Registry>,
    /// Where functions are deployed, if they are.
    deployments: Option<Arc<Deployments>>,
    proxy: proxy::Proxy,
    background: background::Background,
}

/// Answers on `listener` until `stop`: as a gateway, and with `deployments` as a provider too.
pub(crate) async fn serve(
    listener: TcpListener,
    registry: Arc<Registry>,
    deployments: Option<Arc<Deployments>>,
    stop: CancellationToken,
) {
    let proxy = proxy::Proxy::new();
    let background = background::Background::new(proxy.clone());
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
        .route("/system/namespaces", get(|| async { axum::Json([system::NAMESPACE]) }))
        .route("/system/function/{name}", get(system::describe))
        .route("/system/{*rest}", any(system::not_here))
        .fallback(call)
        .with_state(Face { registry, deployments, proxy, background });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let asked = stop.clone();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(asked.cancelled_owned())
        .into_future();
    tokio::select! {
        ended = served => {
            if let Err(error) = ended {
                tracing::error!(%error, "the gateway ended");
            }
        }
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN_MAX).await } => {}
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
