//! Everything that a campaign has started.

use super::clock::Clock;
use super::cluster::Ring;
use super::load::Load;
use super::pipeline::Pipeline;
use super::plan::Link;
use super::tally::Tally;
use crate::disk::Disk;
use crate::proxy::{Fault, Proxy};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long it may take until orders are confirmed again.
const AGAIN_MAX: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);

/// Everything that a fault can affect.
pub(super) struct Site {
    pub(super) pipeline: Pipeline,
    pub(super) load: Load,
    /// One proxy before each nats-server.
    pub(super) nats: Vec<Proxy>,
    pub(super) gateway: Proxy,
    /// The cluster, if there is one.
    pub(super) ring: Option<Ring>,
    pub(super) disk: Option<Disk>,
    pub(super) clock: Option<Clock>,
    pub(super) tally: Tally,
    /// Held while a clock is wrong, so that only one is at a time.
    pub(super) clock_turn: tokio::sync::Mutex<()>,
    /// Held during an operator's command, and while none is allowed.
    pub(super) operator_turn: tokio::sync::Mutex<()>,
}

impl Site {
    fn proxies(&self, link: Link) -> Vec<&Proxy> {
        match link {
            Link::Nats => self.nats.iter().collect(),
            Link::Gateway => vec![&self.gateway],
            Link::Route => self.ring.iter().flat_map(|ring| ring.cluster.proxies()).collect(),
        }
    }

    /// Injects a fault into a connection. Returns false if too many faults wait for a connection.
    pub(super) fn inject(&self, link: Link, fault: Fault, pick: usize) -> bool {
        let mut proxies = self.proxies(link);
        // Two members share one connection, opened by either of them, so use a proxy that has one.
        if link == Link::Route {
            proxies.retain(|proxy| proxy.connections() > 0);
        }
        let Some(index) = pick.checked_rem(proxies.len()) else { return false };
        proxies.get(index).is_some_and(|proxy| proxy.inject(fault, pick / proxies.len()))
    }

    /// Number of injected connection faults, by name.
    pub(super) fn faults(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (link, name) in [(Link::Nats, "NATS"), (Link::Gateway, "HTTP"), (Link::Route, "route")]
        {
            for (fault, count) in self.proxies(link).into_iter().flat_map(Proxy::injected) {
                *all.entry(format!("{fault} ({name})")).or_default() += count;
            }
        }
        all
    }

    /// Waits until orders are confirmed again without intervention.
    pub(super) async fn confirmed_again(&self) -> Result<Duration> {
        let started = Instant::now();
        let before = self.load.confirmed();
        while self.load.confirmed() == before && !self.load.is_done() {
            ensure!(started.elapsed() < AGAIN_MAX, "nothing is confirmed any longer");
            sleep(LOOK).await;
        }
        Ok(started.elapsed())
    }
}
