//! From the first look at the settings to the end of everything that was started.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use messaging::address::Address;
use terminal::output;
use tokio::net::TcpListener;

use super::parts::Parts;
use super::settings::Settings;
use super::signals::Signals;
use super::sources::Sources;
use super::{children, logs, ready, schedules};
use crate::dir::DataDir;
use crate::site::Site;

/// Runs until SIGINT or SIGTERM; everything that was started has ended when this returns. `look` says
/// what has to be known of the sources before anything starts, a line each.
///
/// # Errors
/// Something does not start, or the data directory is in use; each names what it is and how to go on.
pub async fn run(
    settings: &Settings,
    look: impl AsyncFnOnce(&Sources) -> Result<Vec<String>>,
) -> Result<ExitCode> {
    let mut signals = Signals::install()?;
    let dir = DataDir::create(&settings.data_dir)?;
    let _lock = dir.lock()?;
    log_to(&dir)?;
    // Ends with the process.
    tokio::spawn(logs::keep_bounded(dir.logs()));
    let sources = Sources::read(settings)?;
    look(&sources).await?.iter().for_each(output::note);
    let schedules = schedules::read(&sources.stack)?;
    let listener = listen(settings.port).await?;
    let gateway = format!("http://{}", listener.local_addr().context("the gateway")?);
    let ended = tokio::select! {
        started = children::start(&dir, sources, gateway, settings) => match started {
            Ok((site, running, deployments)) => {
                let processes = settings.processes || settings.provider;
                let parts = Parts::start(&site, listener, schedules, processes, deployments);
                let ended = serve(&site, &mut signals).await;
                output::note("stopping");
                tokio::select! {
                    () = parts.stop() => {}
                    () = signals.next() => return Ok(ExitCode::from(130)),
                }
                running.stop().await;
                ended
            }
            Err(error) => Err(error),
        },
        () = signals.next() => Ok(()),
    };
    dir.remove_run();
    ended.map(|()| ExitCode::SUCCESS)
}

/// Says when everything is ready, then waits for a signal.
async fn serve(site: &Site, signals: &mut Signals) -> Result<()> {
    tokio::select! {
        ready = ready::wait(site) => ready?,
        () = signals.next() => return Ok(()),
    }
    let run = site.run();
    output::note(format_args!(
        "NATS {}; for the command nats: export NATS_URL=$(cat {})\nSFTP 127.0.0.1:{}\npartners and logs in {}",
        Address::parse(&run.nats)?,
        site.dir.nats_url().display(),
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

async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        anyhow!("cannot listen on 127.0.0.1:{port}: {error}; --port 0 takes a free port")
    })
}

/// The log of this process and of everything that runs inside it.
fn log_to(dir: &DataDir) -> Result<()> {
    let path = dir.logs().join("up.log");
    let file = std::fs::File::options().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    let mut env = runtime::Env::from_process();
    let filter = env.or("ORDERFLOW_LOG", tracing_subscriber::EnvFilter::new(runtime::LOGS));
    env.finish(|| Some(()))?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::sync::Mutex::new(file))
        .try_init()
        .map_err(|error| anyhow!("cannot start the log: {error}"))
}
