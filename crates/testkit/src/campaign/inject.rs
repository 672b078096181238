//! Carries out a schedule.

use super::pipeline::signal;
use super::plan::{Event, Injection};
use super::site::Site;
use super::store;
use crate::disk::Disk;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long it may take until nothing is stored on a full disk any more.
const FULL_MAX: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);

/// Carries out `events`. A fault of the whole pipeline happens alone, and the schedule waits for its
/// end.
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
            // If too many faults wait for a connection already, wait.
            while !site.inject(link, fault, pick) {
                sleep(LOOK).await;
            }
        }
        Injection::DiskFull(_) | Injection::EmptyStore { .. } => {}
    }
}

async fn kill(site: &Site, part: &str, name: &str) {
    // It may be restarting after an earlier kill.
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

/// Fills the disk until nothing is stored any more and a process reports that, then frees the space.
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
            // The remaining space may be enough for a while.
            if let Err(error) = disk.fill() {
                return site.tally.problem(format!("{error:#}"));
            }
        }
    })
    .await;
    disk.empty()?;
    // Even after a failure, the following faults need a server that can store.
    let recovered = site.confirmed_again().await;
    full.context("there is no room, and orders are confirmed or no part complains")?;
    recovered
}
