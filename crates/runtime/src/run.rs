//! The `main` of a function.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::env::{Env, EnvError};
use crate::function::Function;
use crate::memory::cgroup_limit;
use crate::server::{ServeError, Server};
use crate::settings::ServerSettings;

/// Default of `ORDERFLOW_LOG`. The NATS client logs each attempt to connect as an error, without a
/// reason; the code that uses it logs what is wrong.
pub const LOGS: &str = "info,async_nats::connector=off";
/// Where a container sees the limits of its control group.
const CGROUP: &str = "/sys/fs/cgroup";
/// The settings are wrong: `EX_USAGE`.
const EXIT_SETTINGS: u8 = 64;
/// A service that it needs is not available: `EX_UNAVAILABLE`.
const EXIT_UNAVAILABLE: u8 = 69;
/// A second signal came before the end; the same code as a shell reports for SIGINT.
const EXIT_AT_ONCE: u8 = 130;

/// Why a function could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The settings are wrong; waiting does not help.
    #[error(transparent)]
    Settings(#[from] EnvError),
    /// A service that the function needs to start is not available.
    #[error("{what}: {source}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl BuildError {
    /// A service that the function needs to start is not available.
    pub fn unavailable(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { what: what.into(), source: source.into() }
    }
}

/// Builds and serves a function until SIGTERM or SIGINT, with settings from the environment.
///
/// Exits with 0 when it was asked to end, with 64 when settings are wrong (all of them are named, and
/// no port was bound), and with 69 when it cannot be built or served. A second signal ends it
/// immediately.
pub fn run<B>(name: &'static str, build: B) -> ExitCode
where
    B: AsyncFnOnce(&mut Env) -> Result<Function, BuildError>,
{
    let mut env = Env::from_process();
    init_logs(env.or("ORDERFLOW_LOG", EnvFilter::new(LOGS)));
    let mut settings = ServerSettings::from_env(&mut env);
    settings.memory = settings.memory.or_else(|| cgroup_limit(Path::new(CGROUP)));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run_until_signal(&mut env, settings, build)),
        Err(error) => Err(BuildError::unavailable("cannot start threads", error).into()),
    };
    match ended {
        Ok(code) => code,
        Err(RunError::Build(BuildError::Settings(error))) => {
            report_settings(name, &error);
            ExitCode::from(EXIT_SETTINGS)
        }
        Err(error) => {
            tracing::error!(function = name, %error, "ended");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

async fn run_until_signal<B>(
    env: &mut Env,
    settings: ServerSettings,
    build: B,
) -> Result<ExitCode, RunError>
where
    B: AsyncFnOnce(&mut Env) -> Result<Function, BuildError>,
{
    let mut signals = Signals::install()
        .map_err(|error| BuildError::unavailable("cannot wait for signals", error))?;
    let function = tokio::select! {
        built = build(env) => built?,
        () = signals.next() => return Ok(ExitCode::SUCCESS),
    };
    // Problems of the server's own settings, if the function did not report them with its own.
    env.finish(|| Some(())).map_err(BuildError::from)?;
    let name = function.name();
    let server = Server::bind(function, settings).await?;
    let (traffic, metrics) = (server.traffic_addr(), server.metrics_addr());
    tracing::info!(function = name, %traffic, %metrics, "listening");

    let (ask, asked) = tokio::sync::oneshot::channel::<()>();
    let served = server.serve(async {
        // An error means that the sender was dropped, which also means: end.
        drop(asked.await);
    });
    let twice = async {
        signals.next().await;
        drop(ask);
        signals.next().await;
    };
    tokio::select! {
        served = served => served?,
        () = twice => return Ok(ExitCode::from(EXIT_AT_ONCE)),
    }
    tracing::info!(function = name, "ended");
    Ok(ExitCode::SUCCESS)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Writes logs as JSON lines to standard output. Does nothing when a logger is set already.
fn init_logs(filter: EnvFilter) {
    let logs = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter);
    if logs.try_init().is_err() {
        tracing::debug!("logs were set up before");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        tracing::error!(place, "panic: {}", text.unwrap_or("no message"));
    }));
}

#[expect(clippy::print_stderr, reason = "for the person who starts it, before there is a log")]
fn report_settings(name: &str, error: &EnvError) {
    eprintln!("{name} did not start. Its settings:\n{error}");
}
