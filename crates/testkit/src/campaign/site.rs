//! What a campaign has started, and can reach.

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

/// All that an injection can reach.
pub(super) struct Site {
    pub(super) pipeline: Pipeline,
    pub(super) load: Load,
    /// One before each nats-server.
    pub(super) nats: Vec<Proxy>,
    pub(super) gateway: Proxy,
    /// The servers, where there are several.
    pub(super) ring: Option<Ring>,
    pub(super) disk: Option<Disk>,
    pub(super) clock: Option<Clock>,
    pub(super) tally: Tally,
    /// Only one clock is wrong at a time.
    pub(super) clock_turn: tokio::sync::Mutex<()>,
    /// Held by an operator's command, and while there must be none.
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

    /// Harms a connection. False if too many wait for a connection already.
    pub(super) fn inject(&self, link: Link, fault: Fault, pick: usize) -> bool {
        let mut proxies = self.proxies(link);
        // Two members share one connection, whichever of them opened it.
        if link == Link::Route {
            proxies.retain(|proxy| proxy.connections() > 0);
        }
        let Some(index) = pick.checked_rem(proxies.len()) else { return false };
        proxies.get(index).is_some_and(|proxy| proxy.inject(fault, pick / proxies.len()))
    }

    /// Faults of connections that were carried out, by name.
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

    /// Waits until orders are confirmed again, without a hand.
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
