#![doc = include_str!("../README.md")]

pub mod annotations;
pub mod backoff;
mod circuit;
pub mod event;
mod gateway;
mod invoke;
mod limit;
mod metrics;
pub mod ordered;
mod program;
mod settings;
mod setup;
mod shared;
mod stop;
mod storage;
mod supervisor;
mod undone;
pub mod unordered;
mod value;
pub mod verdict;

pub use annotations::durable_name;
pub use invoke::{Invoke, Template, TemplateError};
pub use ordered::quiet::AFTER as QUIET_AFTER;
pub use program::main;
pub use settings::Settings;
pub use setup::setup;

use gateway::Gateway;
use messaging::store::Store;
use messaging::{Nats, streams};
use metrics::Metrics;
use prometheus_client::registry::Registry;
use runtime::{Function, Routes, ServeError, ServerSettings, Tokens};
use shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Delivers until `shutdown`. Calls in progress then have 20 s to end, and all other messages are given
/// back.
///
/// # Errors
/// When the port for health checks or for metrics cannot be bound.
pub async fn run(
    settings: Settings,
    nats: Nats,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    messaging::metrics::register(&nats, &mut registry);
    let gateway = Gateway::new(&settings, metrics.clone());
    let quiet_after = settings.quiet_after;
    let store = Store::watch(&nats, &[streams::ORDERS]);
    let shared =
        Shared { nats: nats.clone(), gateway, metrics, quiet_after, store: Arc::clone(&store) };
    let listed = Arc::new(AtomicBool::new(false));
    let (stopper, stop) = stop::channel();
    let function = Function::new("connector", Routes::new(Tokens::default()))
        .registry(registry)
        .ready(ready(store, Arc::clone(&listed)));
    // No client calls the connector, so it needs no time between "not ready" and the end.
    let server = ServerSettings { grace: Duration::ZERO, ..settings.server };
    let server = runtime::Server::bind(function, server).await?;
    let (traffic, metrics) = (server.traffic_addr(), server.metrics_addr());
    tracing::info!(%traffic, %metrics, "connector is listening");
    let storage = tokio::spawn(storage::watch(shared.clone(), stop.clone()));
    let deliveries = tokio::spawn(supervisor::run(shared, settings.poll, listed, stop));
    server
        .serve(async {
            shutdown.await;
            stopper.stop();
            for ended in [deliveries.await, storage.await] {
                if let Err(error) = ended {
                    tracing::error!(%error, "a task failed");
                }
            }
        })
        .await
}

/// Ready when NATS is connected and the gateway has listed its functions once. A list that fails later
/// stops no delivery and is only counted.
fn ready(
    store: Arc<Store>,
    listed: Arc<AtomicBool>,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
    move || {
        let (store, listed) = (Arc::clone(&store), listed.load(Ordering::Relaxed));
        Box::pin(async move {
            store.ready().await?;
            if listed { Ok(()) } else { Err("the gateway has not listed its functions".into()) }
        })
    }
}
