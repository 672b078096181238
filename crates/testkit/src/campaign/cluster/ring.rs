//! The members of a cluster, and connections to them.

use super::options::Options;
use super::watch::Watch;
use crate::cluster::Cluster;
use crate::proxy::Proxy;
use anyhow::{Context as _, Result, ensure};
use messaging::Nats;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long the creation of the streams may take.
const SETUP_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// A running cluster.
#[derive(Debug)]
pub(in crate::campaign) struct Ring {
    pub(in crate::campaign) options: Options,
    pub(in crate::campaign) cluster: Arc<Cluster>,
    pub(in crate::campaign) watch: Watch,
    /// One client for each member, which stays connected to it.
    pub(in crate::campaign) clients: Vec<Nats>,
    /// Kept only so that the tasks end on drop.
    _tasks: JoinSet<()>,
}

impl Ring {
    /// Starts the cluster in `folder`.
    pub(in crate::campaign) async fn start(
        folder: &Path,
        nats_server: Option<&Path>,
        options: &Options,
    ) -> Result<Self> {
        let cluster = Cluster::with_proxies(folder, nats_server, options.sync_always).await?;
        let watch = Watch::start(cluster.monitors());
        let (mut clients, mut tasks) = (Vec::new(), JoinSet::new());
        for address in addresses(&cluster) {
            let nats = Nats::connect(&format!("nats://{address}"), "campaign", true).await?;
            watch.listen(&nats, &mut tasks).await?;
            clients.push(nats);
        }
        let (options, cluster) = (options.clone(), Arc::new(cluster));
        Ok(Self { options, cluster, watch, clients, _tasks: tasks })
    }

    /// Creates the streams, with three copies of each.
    pub(in crate::campaign) async fn set_up(&self, orderflow: &Path) -> Result<()> {
        let (url, started) = (self.cluster.url(), Instant::now());
        loop {
            let mut setup = Command::new(orderflow);
            setup.args(["setup", "--nats", &url, "--replicas", "3"]).stdin(Stdio::null());
            let output = setup.output().await.context("orderflow setup")?;
            if output.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(started.elapsed() < SETUP_MAX, "orderflow setup: {said}");
            sleep(PAUSE).await;
        }
    }

    /// A proxy before each member, through which clients connect.
    pub(in crate::campaign) async fn proxies(&self) -> Result<Vec<Proxy>> {
        let mut proxies = Vec::new();
        for address in addresses(&self.cluster) {
            proxies.push(Proxy::to(address).await?);
        }
        Ok(proxies)
    }
}

fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    let cluster = cluster.members();
    cluster.members().iter().map(|member| ([127, 0, 0, 1], member.port()).into()).collect()
}
