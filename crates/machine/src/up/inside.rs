//! Functions and connector as tasks of this process.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use messaging::Nats;
use runtime::{Env, Server, ServerSettings};
use stack::catalogue;
use tokio_util::sync::CancellationToken;

use crate::site::{Site, tell_when_listening};

/// One life of a function.
pub(crate) async fn function(
    site: Arc<Site>,
    name: &'static str,
    stop: CancellationToken,
) -> Result<()> {
    let mut env = Env::from_pairs(site.environment(name));
    let settings = ServerSettings::from_env(&mut env);
    let function = tokio::select! {
        built = catalogue::build(name, &mut env) => built?,
        () = stop.cancelled() => return Ok(()),
    };
    env.finish(|| Some(()))?;
    let server = Server::bind(function, settings).await?;
    let (traffic, metrics) = (server.traffic_addr(), server.metrics_addr());
    site.started(name, std::process::id(), Some(traffic), Some(metrics));
    server.serve(stop.cancelled_owned()).await.map_err(Into::into)
}

/// One life of the connector.
pub(crate) async fn connector(
    site: Arc<Site>,
    name: &'static str,
    stop: CancellationToken,
) -> Result<()> {
    let listen_file = site.dir.listen().join(name);
    // Of an earlier life.
    drop(std::fs::remove_file(&listen_file));
    let mut environment = site.environment(name);
    environment.insert("ORDERFLOW_LISTEN_FILE".into(), listen_file.display().to_string());
    let mut env = Env::from_pairs(environment);
    let settings = connector::Settings::from_env(&mut env)?;
    let nats = Nats::connect(&settings.nats_url, name, true).await?;
    let pid = Some(std::process::id());
    tokio::select! {
        ended = connector::run(settings, nats, stop.cancelled_owned()) => ended.map_err(Into::into),
        failed = tell_when_listening(&site, name, &listen_file, pid) => failed,
    }
}

/// A life as a task of its own: a panic ends it and nothing else.
pub(crate) async fn caught(life: tokio::task::JoinHandle<Result<()>>) -> Result<()> {
    life.await.context("it panicked")?
}
