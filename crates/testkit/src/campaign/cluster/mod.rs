//! The pipeline on three nats-servers, whose members die, stop, are parted, emptied and upgraded.

mod carry_out;
mod plan;
mod watch;

pub(super) use carry_out::run;
pub(super) use watch::Figures;

use crate::cluster::Cluster;
use crate::proxy::Proxy;
use anyhow::{Context as _, Result, ensure};
use messaging::Nats;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::sleep;
use watch::Watch;

/// What leads all streams, among the names of streams.
const META: &str = "meta";
/// How long the streams may take until they are there.
const SETUP_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// What is done to the members of a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Programs of later versions, in the order in which all members get them: the first one before
    /// anything else is done, the others evenly over the time.
    pub upgrades: Vec<PathBuf>,
    /// Nothing is sent during an upgrade, and everything is decided before it.
    pub quiet_upgrades: bool,
    /// Nobody is stopped, cut off or emptied: leaders step down and die, and members are restarted.
    pub gentle: bool,
    /// Sync each write to disk before it is confirmed, as `k8s/base` does; not before version 2.10.
    pub sync_always: bool,
    /// Members are asked as pods are to send their clients elsewhere before they end, which takes 30 s
    /// each; else they get SIGTERM.
    pub lame_duck: bool,
    /// Shortest and longest stop of a member; a leader's lease is 10 s.
    pub pause: (Duration, Duration),
    /// Shortest and longest partition.
    pub isolate: (Duration, Duration),
    /// Leaders step down at the end until another one has led so often.
    pub changes_min: u64,
    /// How long nothing may be decided when another one leads, in half of all cases.
    pub gap_max: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            upgrades: Vec::new(),
            quiet_upgrades: false,
            gentle: false,
            sync_always: false,
            lame_duck: false,
            pause: (Duration::from_secs(12), Duration::from_secs(12)),
            isolate: (Duration::from_secs(8), Duration::from_secs(12)),
            changes_min: 0,
            gap_max: Duration::from_secs(10),
        }
    }
}

/// A running cluster.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) options: Options,
    pub(super) cluster: Arc<Cluster>,
    pub(super) watch: Watch,
    /// One to each member, which stays with it.
    pub(super) clients: Vec<Nats>,
    /// Held for its drop.
    _tasks: JoinSet<()>,
}

impl Ring {
    /// Starts it in `folder`.
    pub(super) async fn start(
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

    /// Makes the streams, three copies of each.
    pub(super) async fn set_up(&self, orderflow: &Path) -> Result<()> {
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

    /// Where clients reach the members, through a proxy before each.
    pub(super) async fn proxies(&self) -> Result<Vec<Proxy>> {
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
