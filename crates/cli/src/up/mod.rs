//! Everything on one machine: real nats-server and sshd, every function, gateway, connector,
//! schedules.

mod daemons;
mod deployments;
mod follow;
mod inside;
mod logs;
pub(crate) mod outside;
pub(crate) mod partners;
mod parts;
mod prometheus;
mod ready;
mod room;
mod schedules;
mod secrets;
mod site;
pub(crate) mod sources;
mod stock;
mod supervise;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use messaging::{Nats, streams};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Extra, Global, Up};
use crate::commands::{lanes, lint};
use crate::dir::{DataDir, Run};
use crate::output;
use crate::stack::Stack;
use daemons::{Watched, watch};
pub(crate) use deployments::{DeployError, Deployments};
use follow::Machine;
use parts::Parts;
use room::Room;
use site::Site;

/// Runs until SIGINT or SIGTERM; everything that was started has ended when this returns.
pub(crate) async fn run(global: &Global, args: &Up) -> Result<ExitCode> {
    let mut signals = Signals::install()?;
    let dir = DataDir::create(&global.data_dir)?;
    let _lock = dir.lock()?;
    log_to(&dir)?;
    // Ends with the process.
    tokio::spawn(logs::keep_bounded(dir.logs()));
    let sources = sources::read(args)?;
    if let Some((path, text)) = &sources.stack_file {
        let notes = lint::notes(path, text, sources.partners_path.as_deref()).await?;
        notes.iter().for_each(output::note);
    } else if let Some(filters) = lanes::filters(&sources.stack) {
        let partners = intake::partners::load(&sources.partners).unwrap_or_default();
        lanes::notes(&partners, &filters).iter().for_each(output::note);
    }
    let schedules = schedules::read(&sources.stack)?;
    let listener = listen(args.port).await?;
    let gateway = format!("http://{}", listener.local_addr().context("the gateway")?);
    let ended = tokio::select! {
        started = start(&dir, sources, gateway, args) => match started {
            Ok((site, servers, deployments)) => {
                let processes = args.processes || args.provider;
                let parts = Parts::start(&site, listener, schedules, processes, deployments);
                let ended = serve(&site, &mut signals).await;
                output::note("stopping");
                tokio::select! {
                    () = parts.stop() => {}
                    () = signals.next() => return Ok(ExitCode::from(130)),
                }
                stop_servers(servers).await;
                ended
            }
            Err(error) => Err(error),
        },
        () = signals.next() => Ok(()),
    };
    dir.remove_run();
    ended.map(|()| ExitCode::SUCCESS)
}

/// The servers, in the order in which they are stopped.
struct Servers {
    prometheus: Option<Watched>,
    sshd: Watched,
    /// Nothing where others have it.
    nats: Option<Watched>,
}

/// nats-server, streams, secrets, sshd, the partners' folders, and what was deployed before.
async fn start(
    dir: &DataDir,
    sources: sources::Sources,
    gateway: String,
    args: &Up,
) -> Result<(Arc<Site>, Servers, Option<Arc<Deployments>>)> {
    secrets::ensure(dir)?;
    let (nats, url) = match &args.nats {
        Some(url) => (None, url.clone()),
        None => {
            let nats = servers::nats::Settings::under(dir.nats());
            let nats = blocking(move || servers::nats::start(nats)).await?;
            link_log(dir, "nats-server", nats.log());
            let url = nats.url();
            (Some(nats), url)
        }
    };
    set_up_streams(&url).await?;

    let sshd = servers::sshd::Settings {
        root: dir.sftp(),
        ..servers::sshd::Settings::under(dir.root().join("sshd"), &[])
    };
    let sshd = blocking(move || servers::sshd::start(sshd)).await?;
    link_log(dir, "sshd", sshd.log());
    let mut machine = Machine::new(dir, &sshd, lanes::filters(&sources.stack), args.provider);
    machine.install(&sources.partners, &sources.tables)?;
    if let Some(path) = sources.partners_path {
        // Ends with the process.
        tokio::spawn(machine.follow(path, sources.partners, sources.tables));
    }

    let prometheus = match args.with.contains(&Extra::Prometheus) {
        true => Some(prometheus::start(dir).await?),
        false => None,
    };
    let run = Run {
        pid: std::process::id(),
        gateway: args.gateway.clone().unwrap_or(gateway),
        nats: url,
        sftp_port: sshd.port(),
        prometheus: prometheus.as_ref().map(servers::prometheus::Server::url),
        ..Run::default()
    };
    let environment = args.environment.iter().cloned().collect();
    let site = Arc::new(Site::new(dir.clone(), sources.stack, run, environment, args.provider));
    let prometheus = prometheus.map(|server| {
        link_log(dir, "prometheus", server.log());
        watch(Arc::clone(&site), "prometheus", server, || false)
    });
    let nats = nats.map(|nats| {
        let mut room = Room::new(nats.store_dir().to_owned(), nats.log());
        watch(Arc::clone(&site), "nats-server", nats, move || room.wants_restart())
    });
    let servers =
        Servers { prometheus, sshd: watch(Arc::clone(&site), "sshd", sshd, || false), nats };
    let deployments = match args.provider {
        true => Some(Arc::new(Deployments::open(Arc::clone(&site)).await?)),
        false => None,
    };
    Ok((site, servers, deployments))
}

async fn set_up_streams(url: &str) -> Result<()> {
    let nats = Nats::connect(url, "orderflow up", false).await?;
    let steps = streams::setup(&nats, streams::Settings::default()).await;
    for step in &steps {
        output::note(step);
    }
    match steps.iter().filter(|step| step.outcome.is_err()).count() {
        0 => {}
        n => bail!("{n} of {} streams and buckets could not be set up", steps.len()),
    }
    if stock::ensure(&nats).await? {
        output::note("✓ stock of the sample products P001 to P005");
    }
    Ok(())
}

/// Says when everything is ready, then waits for a signal.
async fn serve(site: &Site, signals: &mut Signals) -> Result<()> {
    tokio::select! {
        ready = ready::wait(site) => ready?,
        () = signals.next() => return Ok(()),
    }
    let run = site.run();
    output::note(format_args!(
        "NATS {}\nSFTP 127.0.0.1:{}\npartners and logs in {}",
        run.nats,
        run.sftp_port,
        site.dir.root().display()
    ));
    if let Some(url) = run.prometheus {
        output::note(format_args!("Prometheus {url}"));
    }
    output::line(format_args!("ready {}", run.gateway));
    signals.next().await;
    Ok(())
}

async fn stop_servers(servers: Servers) {
    let stopped = tokio::task::spawn_blocking(move || {
        let Servers { prometheus, mut sshd, nats } = servers;
        drop(prometheus);
        sshd.stop();
        // Stopped as it is dropped, behind everything that uses it.
        drop(nats);
    });
    if stopped.await.is_err() {
        tracing::error!("stopping the servers panicked");
    }
}

async fn blocking<T: Send + 'static>(
    start: impl FnOnce() -> Result<T, servers::Error> + Send + 'static,
) -> Result<T> {
    let started = tokio::task::spawn_blocking(start).await.context("starting a server")?;
    Ok(started?)
}

async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        anyhow!("cannot listen on 127.0.0.1:{port}: {error}; --port 0 takes a free port")
    })
}

/// Every log can be found in one folder.
fn link_log(dir: &DataDir, name: &str, log: std::path::PathBuf) {
    let link = dir.logs().join(format!("{name}.log"));
    if !link.is_symlink()
        && let Err(error) = std::os::unix::fs::symlink(&log, &link)
    {
        tracing::warn!(%error, log = %log.display(), "not linked into the folder of logs");
    }
}

/// The log of this process and of everything that runs inside it.
fn log_to(dir: &DataDir) -> Result<()> {
    let path = dir.logs().join("up.log");
    let file = std::fs::File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    let mut env = runtime::Env::from_process();
    let filter = env.or("ORDERFLOW_LOG", tracing_subscriber::EnvFilter::new("info"));
    env.finish(|| Some(()))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::sync::Mutex::new(file))
        .try_init()
        .map_err(|error| anyhow!("cannot start the log: {error}"))
}

struct Signals {
    signals: [Signal; 3],
}

impl Signals {
    fn install() -> Result<Self> {
        let install = |kind| signal(kind).context("cannot wait for signals");
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Self { signals: [install(interrupt)?, install(terminate)?, install(hangup)?] })
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
