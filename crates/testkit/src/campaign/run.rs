//! Runs a campaign from the start to the result.

use super::cluster::{self, Ring};
use super::options::Options;
use super::pipeline::{self, Pipeline};
use super::plan::{self, Plan};
use super::site::Site;
use super::verdict::{self, Outcome};
use super::{clock, files, inject, load, operator, progress, tally};
use crate::disk::Disk;
use crate::proxy::Proxy;
use anyhow::{Context as _, Result, bail};
use messaging::Nats;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often progress is printed.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// How often progress is printed while a large stream is read.
const SAY_EVERY_LARGE: Duration = Duration::from_secs(30);
const LARGE: u64 = 200_000;
/// Approximate time of a full disk or an empty store.
const ALONE: Duration = Duration::from_secs(25);
/// Smallest store of nats-server if full disks are planned.
const DISK_BYTES_MIN: u64 = 1 << 30;
/// Upper estimate of the storage for an order with all its messages.
const ORDER_BYTES: u64 = 12 << 10;
/// Pause before a failed command is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs a campaign.
///
/// # Errors
/// If the pipeline does not start, or cannot be observed. Problems of the pipeline are in the outcome.
pub async fn run(options: &Options) -> Result<Outcome> {
    let (folder, temporary) = match &options.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            (folder.canonicalize()?, None)
        }
        None => {
            let folder = tempfile::Builder::new().prefix("orderflow-campaign-").tempdir()?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    let mut outcome = Box::pin(in_folder(options, &folder)).await;
    let clean = outcome.as_ref().is_ok_and(|outcome| outcome.problems.is_empty());
    match temporary {
        Some(temporary) if clean => drop(temporary),
        temporary => {
            let kept = temporary.map_or(folder, tempfile::TempDir::keep);
            if let Ok(outcome) = &mut outcome {
                outcome.kept = Some(kept);
            } else {
                progress::say(format_args!("seed {}; kept in {}", options.seed, kept.display()));
            }
        }
    }
    outcome
}

async fn in_folder(options: &Options, folder: &Path) -> Result<Outcome> {
    let started = Instant::now();
    let (site, parts) = Box::pin(start(options, folder)).await?;
    let (site, files) = (Arc::new(site), files::Files { count: options.files });
    let events = plan::schedule(&plan_of(options, &site, parts));
    progress::say(format_args!("seed {}: the pipeline is ready", options.seed));
    let url = site.pipeline.run()?.nats;
    let mut decided = progress::Decided::new(Nats::connect(&url, "campaign", true).await?);
    let begun = Instant::now();
    let every = if options.orders < LARGE { SAY_EVERY } else { SAY_EVERY_LARGE };
    let told = async {
        loop {
            sleep(every).await;
            progress::line(&site, &mut decided, begun, with_waits(options), options.orders).await;
        }
    };
    let work = async {
        let (sent, (), (), (), ()) = Box::pin(async {
            tokio::join!(
                files.send(&site.pipeline, with_waits(options)),
                site.load.run(with_waits(options)),
                operator::run(&site, options.maker(), with_waits(options)),
                inject::run(&site, events),
                cluster::run(&site, options.seed, options.length),
            )
        })
        .await;
        sent?;
        progress::say("no more faults; waiting until everything is decided");
        settle(&site, options.settle).await
    };
    tokio::select! {
        done = work => done?,
        () = told => {}
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
    let mut outcome = verdict::of(options, &site, files, started).await?;
    let mut site = Arc::into_inner(site).context("every task has ended")?;
    if let Err(error) = site.pipeline.stop().await {
        outcome.problems.push(format!("{error:#}"));
    }
    if let Some(disk) = site.disk.take()
        && (options.keep.is_some() || !outcome.problems.is_empty())
    {
        disk.keep_content()?;
    }
    Ok(outcome)
}

fn disk_bytes(orders: u64) -> u64 {
    DISK_BYTES_MIN.max(orders.saturating_mul(ORDER_BYTES))
}

/// Starts everything; also returns the names of the processes that can be killed.
async fn start(options: &Options, folder: &Path) -> Result<(Site, Vec<String>)> {
    let disk = match options.disk_full {
        0 => None,
        _ => Disk::mount(&pipeline::store_dir(folder), disk_bytes(options.orders))
            .map_err(|error| progress::say(format_args!("the disk cannot be filled: {error:#}")))
            .ok(),
    };
    let clock = match options.clock_jumps {
        0 => None,
        _ => clock::Clock::in_folder(folder)?,
    };
    if clock.is_none() && options.clock_jumps > 0 {
        progress::say("libfaketime is not installed: all clocks are right");
    }
    let nats_server = options.nats_server.as_deref();
    let ring = match &options.cluster {
        Some(wanted) => {
            let ring = Ring::start(&folder.join("cluster"), nats_server, wanted).await?;
            ring.set_up(&options.orderflow).await?;
            Some(ring)
        }
        None => None,
    };
    let gateway = Proxy::start().await?;
    let nats = match &ring {
        Some(ring) => ring.proxies().await?,
        None => vec![Proxy::start().await?],
    };
    let through = nats.iter().map(|proxy| format!("nats://{}", proxy.address()));
    let mut environment = vec![
        ("ORDERFLOW_NATS_URL".to_owned(), through.collect::<Vec<_>>().join(",")),
        ("ORDERFLOW_GATEWAY_URL".to_owned(), format!("http://{}", gateway.address())),
    ];
    environment.extend(clock.iter().flat_map(clock::Clock::environment));
    let url = ring.as_ref().map(|ring| ring.cluster.url());
    let mut pipeline =
        Pipeline::start(&options.orderflow, folder, nats_server, url.as_deref(), &environment)?;
    let run = pipeline.servers_started().await?;
    let address = |url: &str| -> Result<SocketAddr> {
        let address = url.rsplit(['/', '@']).next().context("an address")?;
        address.parse().with_context(|| url.to_owned())
    };
    if let (None, [nats]) = (&ring, &nats[..]) {
        nats.set_upstream(address(&run.nats)?);
    }
    gateway.set_upstream(address(&run.gateway)?);
    let parts = pipeline.ready().await?.processes.into_keys().collect();
    let clients = match &ring {
        Some(ring) => ring.clients.clone(),
        None => vec![Nats::connect(&run.nats, "campaign", true).await?],
    };
    let load = load::Load::new(options.maker(), clients, options.orders);
    let tally = tally::Tally::default();
    let (clock_turn, operator_turn) = Default::default();
    let site =
        Site { pipeline, load, nats, gateway, ring, disk, clock, tally, clock_turn, operator_turn };
    Ok((site, parts))
}

fn plan_of(options: &Options, site: &Site, parts: Vec<String>) -> Plan {
    Plan {
        seed: options.seed,
        length: options.length,
        parts,
        kills: options.kills,
        faults: options.faults,
        pauses: options.pauses,
        clock_jumps: if site.clock.is_some() { options.clock_jumps } else { 0 },
        disk_full: if site.disk.is_some() { options.disk_full } else { 0 },
        empty_store: options.empty_store,
        has_routes: site.ring.is_some(),
        fault_max: options.fault_max,
        pause: options.pause,
    }
}

/// How long faults take including waits: the schedule stops during a fault of the whole pipeline, while
/// orders are still sent.
fn with_waits(options: &Options) -> Duration {
    options.length + ALONE * (options.disk_full + options.empty_store)
}

/// Waits until everything is decided.
async fn settle(site: &Site, longest: Duration) -> Result<()> {
    let started = Instant::now();
    loop {
        // A file may have arrived after the last check of the inbox.
        let checked = site.pipeline.orderflow(&["check"]).await?.status.success();
        let waited = site.pipeline.orderflow(&["wait", "--timeout", "60s"]).await?;
        if checked && waited.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&waited.stderr);
        let said = said.trim().lines().last().unwrap_or_default();
        progress::say(format_args!("not decided yet: {said}"));
        if longest <= started.elapsed() {
            site.tally.problem(format!("not decided after {} s: {said}", longest.as_secs()));
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}
