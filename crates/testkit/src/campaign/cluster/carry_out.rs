//! Carries out the faults of the plan.

use super::plan::{Fault, Faults, Whom};
use super::ring::Ring;
use super::watch::META;
use crate::campaign::progress::say;
use crate::campaign::site::Site;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use messaging::streams::{JOURNAL, ORDERS};
use servers::nats::Server;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Pause between two faults.
const BETWEEN: Duration = Duration::from_millis(500);
/// How long decisions may stop.
const RECOVERY_MAX: Duration = Duration::from_secs(150);
/// How long there may be no leader.
const LEADER_MAX: Duration = Duration::from_secs(60);
/// How long the members may take until each has all data.
const WHOLE_MAX: Duration = Duration::from_secs(240);
/// How long a member may take to end after it was asked.
const END_MAX: Duration = Duration::from_secs(60);
/// How long it may take until leaders have changed often enough.
const CHANGES_MAX: Duration = Duration::from_secs(120);
/// After this time without orders, no decision is expected.
const IDLE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// Injects faults into one member after another during `length`, each after all members have recovered.
pub(in super::super) async fn run(site: &Site, seed: u64, length: Duration) {
    let Some(ring) = &site.ring else { return };
    let started = Instant::now();
    let count = u32::try_from(ring.options.upgrades.len()).unwrap_or(u32::MAX);
    let mut upgrades = (0u32..).zip(&ring.options.upgrades).peekable();
    let faults = Faults::new(seed, &ring.options);
    // An upgrade is also a rolling restart.
    let mut faults = faults.filter(|fault| count == 0 || *fault != Fault::RollingRestart);
    loop {
        let left = length.saturating_sub(started.elapsed());
        let is_due = |(number, _): &(u32, _)| {
            left.is_zero() || length * *number / count <= started.elapsed()
        };
        if let Some((_, binary)) = upgrades.next_if(is_due) {
            let name = format!("upgrade to {}", version(binary).await);
            if ring.options.quiet_upgrades {
                quietly(site, ring, &name, binary).await;
            } else {
                carry_out(site, &name, roll(ring, Some(binary))).await;
            }
        } else if let Some(fault) = faults.next()
            && !left.is_zero()
        {
            // Start no fault that would end after the last order.
            if longest(fault) < left {
                carry_out(site, &fault.name(), one(site, ring, fault)).await;
            }
        } else {
            break;
        }
        sleep(BETWEEN).await;
    }
    let mut streams = [ORDERS, JOURNAL].into_iter().cycle();
    let ended = Instant::now();
    while ring.watch.figures().changes < ring.options.changes_min && ended.elapsed() < CHANGES_MAX {
        let fault = Fault::StepDown(streams.next().unwrap_or(ORDERS));
        if let Err(error) = one(site, ring, fault).await {
            site.tally.problem(format!("{}: {error:#}", fault.name()));
        }
        site.tally.done(&fault.name());
        sleep(BETWEEN).await;
    }
}

fn longest(fault: Fault) -> Duration {
    match fault {
        Fault::StepDown(_) => Duration::from_secs(2),
        Fault::Kill(_, during) | Fault::Pause(_, during) | Fault::Isolate(_, during) => during * 2,
        Fault::EmptyDisk(_) | Fault::RollingRestart => Duration::from_secs(10),
    }
}

async fn version(binary: &Path) -> String {
    let output = tokio::process::Command::new(binary).arg("--version").output().await;
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    said.trim().rsplit(' ').next().unwrap_or_default().trim_start_matches('v').to_owned()
}

/// Carries out a fault, and waits until decisions continue and all members have recovered.
async fn carry_out(site: &Site, name: &str, fault: impl Future<Output = Result<()>>) {
    let Some(ring) = &site.ring else { return };
    site.tally.begin(name);
    let begun = Instant::now();
    let both = async {
        let (done, decided) = tokio::join!(fault, decided(site, begun));
        done?;
        whole(ring).await?;
        decided
    };
    match both.await {
        Ok(Some(recovered)) => site.tally.end(name, Some(recovered)),
        Ok(None) => site.tally.done(name),
        Err(error) => {
            site.tally.problem(format!("{name}: {error:#}"));
            site.tally.done(name);
        }
    }
}

/// Upgrades all members while nothing is sent.
async fn quietly(site: &Site, ring: &Ring, name: &str, binary: &Path) {
    let _operator_waits = site.operator_turn.lock().await;
    site.load.pause().await;
    site.tally.begin(name);
    let upgraded = async {
        let begun = Instant::now();
        while !site.pipeline.orderflow(&["wait", "--timeout", "60s"]).await?.status.success() {
            ensure!(begun.elapsed() < RECOVERY_MAX, "what was sent is not decided");
        }
        roll(ring, Some(binary)).await?;
        whole(ring).await
    };
    if let Err(error) = upgraded.await {
        site.tally.problem(format!("{name}: {error:#}"));
    }
    site.tally.done(name);
    ring.watch.was_idle();
    site.load.resume();
}

/// Waits until decisions that began after `begun` are stored; `None` if there is nothing left to
/// decide.
async fn decided(site: &Site, begun: Instant) -> Result<Option<Duration>> {
    let Some(ring) = &site.ring else { return Ok(None) };
    while !ring.watch.has_decided_since(begun) {
        if site.load.is_done() && IDLE < begun.elapsed() {
            return Ok(None);
        }
        if RECOVERY_MAX < begun.elapsed() {
            bail!("nothing was decided within {} s", RECOVERY_MAX.as_secs());
        }
        sleep(LOOK).await;
    }
    Ok(Some(begun.elapsed()))
}

async fn one(site: &Site, ring: &Ring, fault: Fault) -> Result<()> {
    match fault {
        Fault::StepDown(stream) => {
            let subject = format!("$JS.API.STREAM.LEADER.STEPDOWN.{stream}");
            // The member that is asked may be stepping down now, so its answer may be lost.
            drop(site.load.nats().client.request(subject, "".into()).await);
        }
        Fault::Kill(whom, during) => {
            let member = pick(ring, whom).await?;
            with(ring, member, Server::kill).await?;
            sleep(during).await;
            with(ring, member, Server::restart).await??;
        }
        Fault::Pause(whom, during) => {
            let member = pick(ring, whom).await?;
            with(ring, member, |server| server.pause()).await?;
            sleep(during).await;
            with(ring, member, |server| server.resume()).await?;
        }
        Fault::Isolate(whom, during) => {
            ring.cluster.isolate(Some(pick(ring, whom).await?));
            sleep(during).await;
            ring.cluster.isolate(None);
        }
        Fault::EmptyDisk(whom) => {
            let member = pick(ring, whom).await?;
            let emptied = with(ring, member, |server| {
                server.kill();
                server.remove_store()?;
                server.restart()
            });
            emptied.await??;
        }
        Fault::RollingRestart => roll(ring, None).await?,
    }
    Ok(())
}

async fn with<T: Send + 'static>(
    ring: &Ring,
    member: usize,
    act: impl FnOnce(&mut Server) -> T + Send + 'static,
) -> Result<T> {
    let act = move |cluster: &mut servers::cluster::Cluster| {
        Ok(act(cluster.members_mut().get_mut(member).context("no such member")?))
    };
    ring.cluster.act(act).await
}

/// Ends and restarts one member after another, with another program if one is given.
async fn roll(ring: &Ring, binary: Option<&Path>) -> Result<()> {
    for member in 0..ring.cluster.monitors().len() {
        // As pods are replaced: only when the one before is ready.
        whole(ring).await?;
        end(ring, member).await?;
        let binary = binary.map(Path::to_owned);
        with(ring, member, |server| {
            if let Some(binary) = binary {
                server.set_binary(binary);
            }
            server.restart()
        })
        .await??;
    }
    Ok(())
}

async fn end(ring: &Ring, member: usize) -> Result<()> {
    if !ring.options.lame_duck {
        return with(ring, member, Server::stop).await;
    }
    with(ring, member, |server| server.retire()).await?;
    let started = Instant::now();
    while with(ring, member, Server::is_running).await? {
        ensure!(started.elapsed() < END_MAX, "it does not end within {} s", END_MAX.as_secs());
        sleep(LOOK).await;
    }
    Ok(())
}

/// The member for a fault.
async fn pick(ring: &Ring, whom: Whom) -> Result<usize> {
    let found = timeout(LEADER_MAX, async {
        loop {
            let found = match whom {
                Whom::Leader(group) => ring.watch.leader(group),
                Whom::Follower => follower(ring),
            };
            if let Some(found) = found {
                return found;
            }
            sleep(LOOK).await;
        }
    });
    found.await.map_err(|_| anyhow!("there is no leader after {} s", LEADER_MAX.as_secs()))
}

fn follower(ring: &Ring) -> Option<usize> {
    let leaders = [ORDERS, JOURNAL, META].map(|group| ring.watch.leader(group));
    let count = ring.cluster.monitors().len();
    // If there are three leaders, the one that leads the meta group but no stream that orders need.
    (0..count).find(|member| !leaders.contains(&Some(*member))).or(leaders[2])
}

/// Waits until every member has all its data.
async fn whole(ring: &Ring) -> Result<()> {
    let started = Instant::now();
    for monitor in ring.cluster.monitors() {
        loop {
            let asked = monitor.clone();
            if tokio::task::spawn_blocking(move || asked.is_healthy()).await? {
                break;
            }
            if WHOLE_MAX < started.elapsed() {
                let asked = monitor.clone();
                let said = tokio::task::spawn_blocking(move || asked.get("/healthz")).await?;
                bail!("a member does not catch up within {} s: {said:?}", WHOLE_MAX.as_secs());
            }
            sleep(LOOK).await;
        }
    }
    if WHOLE_MAX / 4 < started.elapsed() {
        say(format_args!("all members were whole after {} s", started.elapsed().as_secs()));
    }
    Ok(())
}
