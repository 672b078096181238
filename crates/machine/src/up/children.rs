//! The servers of others that run beside the functions, and what they need before the first call.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use messaging::{Nats, streams};
use stack::users::ADMIN;
use stack::{Stack, lanes};
use terminal::output;

use super::daemons::{Watched, watch};
use super::follow::Machine;
use super::room::Room;
use super::settings::Settings;
use super::sources::Sources;
use super::{secrets, stock, users};
use crate::dir::{DataDir, Run};
use crate::site::{self, Deployments, Site};

/// The servers, in the order in which they are stopped.
pub(super) struct Children {
    prometheus: Option<Watched>,
    sshd: Watched,
    /// Nothing where others have it.
    nats: Option<Watched>,
}

/// nats-server, streams, secrets, sshd, the partners' folders, and what was deployed before.
pub(super) async fn start(
    dir: &DataDir,
    sources: Sources,
    gateway: String,
    settings: &Settings,
) -> Result<(Arc<Site>, Children, Option<Arc<Deployments>>)> {
    secrets::ensure(dir, &sources.stack)?;
    let (nats, place, url) = match &settings.nats {
        Some(url) => (None, url.clone(), url.clone()),
        None => {
            let nats = start_nats(dir, &sources.stack, settings.provider).await?;
            let (place, url) = (nats.url(), users::login(dir, &nats.url(), ADMIN)?);
            (Some(nats), place, url)
        }
    };
    dir.write_nats_url(&url)?;
    set_up_streams(&url).await?;

    let sshd = servers::sshd::Settings {
        root: dir.sftp(),
        ..servers::sshd::Settings::under(dir.root().join("sshd"), &[])
    };
    let sshd = blocking(move || servers::sshd::start(sshd)).await?;
    link_log(dir, "sshd", sshd.log());
    let mut machine = Machine::new(dir, &sshd, lanes::filters(&sources.stack), settings.provider);
    machine.install(&sources.partners, &sources.tables)?;
    let partners_file = sources.partners_path.as_ref().map(std::path::absolute).transpose();
    let partners_file = partners_file.context("the place of the partners")?;
    if let Some(path) = sources.partners_path {
        // Ends with the process.
        tokio::spawn(machine.follow(path, sources.partners, sources.tables));
    }

    let prometheus = match settings.prometheus {
        true => {
            let settings = site::prometheus(dir, &sources.stack)?;
            Some(blocking(move || servers::prometheus::start(settings)).await?)
        }
        false => None,
    };
    let run = Run {
        pid: std::process::id(),
        gateway: settings.gateway.clone().unwrap_or(gateway),
        nats: url,
        sftp_port: sshd.port(),
        prometheus: prometheus.as_ref().map(servers::prometheus::Server::url),
        partners_file,
        ..Run::default()
    };
    // Each part adds the login of its own user.
    let place = ("ORDERFLOW_NATS_URL".to_owned(), place);
    let environment = std::iter::once(place).chain(settings.environment.iter().cloned()).collect();
    let site = Arc::new(Site::new(dir.clone(), sources.stack, run, environment, settings.provider));
    let prometheus = prometheus.map(|server| {
        link_log(dir, "prometheus", server.log());
        watch(Arc::clone(&site), "prometheus", server, || false)
    });
    let nats = nats.map(|nats| {
        let mut room = Room::new(nats.store_dir().to_owned(), nats.log());
        watch(Arc::clone(&site), "nats-server", nats, move || room.wants_restart())
    });
    let children =
        Children { prometheus, sshd: watch(Arc::clone(&site), "sshd", sshd, || false), nats };
    let deployments = match settings.provider {
        true => Some(Arc::new(Deployments::open(Arc::clone(&site)).await?)),
        false => None,
    };
    Ok((site, children, deployments))
}

/// With the users of a cluster: what is refused there is refused here.
async fn start_nats(
    dir: &DataDir,
    stack: &Stack,
    is_provider: bool,
) -> Result<servers::nats::Server> {
    let users = match is_provider {
        // Any function in this program may be deployed later.
        true => users::authorization(dir, &stack::built_in())?,
        false => users::authorization(dir, stack)?,
    };
    let nats = servers::nats::Settings {
        users: Some(users),
        ..servers::nats::Settings::under(dir.nats())
    };
    let nats = blocking(move || servers::nats::start(nats)).await?;
    link_log(dir, "nats-server", nats.log());
    Ok(nats)
}

impl Children {
    /// Ends them in an orderly way, one after the other.
    pub(super) async fn stop(self) {
        let stopped = tokio::task::spawn_blocking(move || {
            let Self { prometheus, mut sshd, nats } = self;
            drop(prometheus);
            sshd.stop();
            // Stopped as it is dropped, behind everything that uses it.
            drop(nats);
        });
        if stopped.await.is_err() {
            tracing::error!("stopping the servers panicked");
        }
    }
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
        output::note("✓ the sample products P001 to P005, and their stock");
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    start: impl FnOnce() -> Result<T, servers::Error> + Send + 'static,
) -> Result<T> {
    let started = tokio::task::spawn_blocking(start).await.context("starting a server")?;
    Ok(started?)
}

/// Every log can be found in one folder.
fn link_log(dir: &DataDir, name: &str, log: PathBuf) {
    let link = dir.logs().join(format!("{name}.log"));
    if !link.is_symlink()
        && let Err(error) = std::os::unix::fs::symlink(&log, &link)
    {
        tracing::warn!(%error, log = %log.display(), "not linked into the folder of logs");
    }
}
