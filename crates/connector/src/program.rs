//! The connector as a process.

use crate::Settings;
use messaging::Nats;
use runtime::{Env, EnvError};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The settings are wrong: `EX_USAGE`.
pub(crate) const EXIT_SETTINGS: u8 = 64;
/// A service that it needs is not available: `EX_UNAVAILABLE`.
pub(crate) const EXIT_UNAVAILABLE: u8 = 69;

/// Runs the connector until SIGTERM or SIGINT, with settings from the environment. Exits with 0 when it
/// was asked to end, with 64 when a setting is wrong, and with 69 when it cannot run.
#[must_use]
pub fn main() -> ExitCode {
    let mut env = Env::from_process();
    init_logs(env.or("ORDERFLOW_LOG", EnvFilter::new(runtime::LOGS)));
    let settings = match Settings::from_env(&mut env) {
        Ok(settings) => settings,
        Err(error) => {
            report(&error);
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(until_signal(settings)),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "the connector ended");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

async fn until_signal(settings: Settings) -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let asked = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::pin!(asked);
    let nats = tokio::select! {
        nats = Nats::connect(&settings.nats_url, "connector", true) => nats,
        () = &mut asked => return Ok(()),
    };
    let nats = nats.map_err(|error| error.to_string())?;
    crate::run(settings, nats, asked).await.map_err(|error| error.to_string())
}

/// Writes logs as JSON lines to standard output. Does nothing when a logger is set already.
pub(crate) fn init_logs(filter: EnvFilter) {
    let logs = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter);
    if logs.try_init().is_err() {
        tracing::debug!("logs were set up before");
    }
}

#[expect(clippy::print_stderr, reason = "for the person who starts it, before there is a log")]
pub(crate) fn report(error: &EnvError) {
    eprintln!("connector did not start. Its settings:\n{error}");
}
