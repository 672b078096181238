//! Carries out a schedule.

use super::clock::Clock;
use super::cluster::Ring;
use super::load::Load;
use super::pipeline::{Pipeline, signal};
use super::plan::{Event, Injection, Link};
use super::store;
use super::tally::Tally;
use crate::disk::Disk;
use crate::proxy::{Fault, Proxy};
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long it may take until nothing is stored any longer on a full disk.
const FULL_MAX: Duration = Duration::from_secs(180);
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

/// Carries out `events`. What concerns all parts at once happens alone, and the schedule waits.
pub(super) async fn run(site: &Arc<Site>, events: Vec<Event>) {
    let mut tasks = JoinSet::new();
    let mut start = Instant::now();
    for event in events {
        sleep(event.at.saturating_sub(start.elapsed())).await;
        match event.what {
            Injection::DiskFull(_) | Injection::EmptyStore { .. } => {
                while tasks.join_next().await.is_some() {}
                let begun = Instant::now();
                alone(site, event.what).await;
                start += begun.elapsed();
            }
            what => drop(tasks.spawn(one_part(Arc::clone(site), what))),
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
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
    fn inject(&self, link: Link, fault: Fault, pick: usize) -> bool {
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
}

async fn one_part(site: Arc<Site>, what: Injection) {
    match what {
        Injection::Kill(part) => kill(&site, &part, &format!("kill {part}")).await,
        Injection::Pause(part, during) => {
            let name = format!("pause {part}");
            let Ok(pid) = site.pipeline.pid_of(&part) else { return };
            site.tally.begin(&name);
            signal(pid, Signal::STOP);
            sleep(during).await;
            signal(pid, Signal::CONT);
            site.tally.end(&name, site.pipeline.recovered(&part, None).await);
        }
        Injection::Clock(part, hours) => {
            let Some(clock) = &site.clock else { return };
            let _turn = site.clock_turn.lock().await;
            let wrong = clock.set(hours);
            kill(&site, &part, &format!("clock {hours:+} h, {part}")).await;
            if let Err(error) = wrong.and_then(|()| clock.set(0)) {
                site.tally.problem(format!("{error:#}"));
            }
        }
        Injection::Fault(link, fault, pick) => {
            // While too many wait for a connection, this one waits for its turn.
            while !site.inject(link, fault, pick) {
                sleep(LOOK).await;
            }
        }
        Injection::DiskFull(_) | Injection::EmptyStore { .. } => {}
    }
}

async fn kill(site: &Site, part: &str, name: &str) {
    // It may be starting just now, after an earlier one.
    let Ok(pid) = site.pipeline.pid_of(part) else { return };
    site.tally.begin(name);
    signal(pid, Signal::KILL);
    site.tally.end(name, site.pipeline.recovered(part, Some(pid)).await);
}

async fn alone(site: &Site, what: Injection) {
    let (name, done) = match what {
        Injection::DiskFull(during) => {
            let Some(disk) = &site.disk else { return };
            let name = "disk full";
            site.tally.begin(name);
            (name, disk_full(site, disk, during).await)
        }
        Injection::EmptyStore { streams, during } => {
            let name = if streams { "empty store with streams" } else { "empty store" };
            site.tally.begin(name);
            (name, store::empty(site, streams, during).await)
        }
        _ => return,
    };
    let recovered = match done {
        Ok(duration) => Some(duration),
        Err(error) => {
            site.tally.problem(format!("{name}: {error:#}"));
            None
        }
    };
    site.tally.end(name, recovered);
}

/// Takes the room away until nothing is stored any longer and somebody says so, and gives it back.
async fn disk_full(site: &Site, disk: &Disk, during: Duration) -> Result<Duration> {
    let logs = site.pipeline.log_ends();
    disk.fill()?;
    let full = timeout(FULL_MAX, async {
        loop {
            let (confirmed, unclear) = (site.load.confirmed(), site.load.unclear());
            sleep(during).await;
            let nothing_stored =
                site.load.confirmed() == confirmed && site.load.unclear() > unclear;
            if nothing_stored && !site.pipeline.complaints_since(&logs).is_empty() {
                return;
            }
            // What was left may be enough for a while.
            if let Err(error) = disk.fill() {
                return site.tally.problem(format!("{error:#}"));
            }
        }
    })
    .await;
    disk.empty()?;
    // Whatever came of it, what follows needs a server that stores.
    let recovered = confirmed_again(site).await;
    full.context("there is no room, and orders are confirmed or no part complains")?;
    recovered
}

/// Waits until orders are confirmed again, without a hand.
pub(super) async fn confirmed_again(site: &Site) -> Result<Duration> {
    let started = Instant::now();
    let before = site.load.confirmed();
    while site.load.confirmed() == before && !site.load.is_done() {
        ensure!(started.elapsed() < FULL_MAX, "nothing is confirmed any longer");
        sleep(LOOK).await;
    }
    Ok(started.elapsed())
}
