//! `connector setup`: creates the streams and buckets, from the image that every installation has
//! anyway.

use crate::gateway::chain;
use crate::program::{EXIT_SETTINGS, EXIT_UNAVAILABLE, init_logs, report};
use messaging::Nats;
use messaging::streams::{self, Limit, Settings, Step};
use runtime::{Env, EnvError};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tracing_subscriber::EnvFilter;

/// How long to wait for NATS to be reachable and to have a majority, unless a setting changes it.
const WAIT: Duration = Duration::from_secs(120);
/// Time between attempts.
const AGAIN: Duration = Duration::from_secs(2);

/// Creates missing streams and buckets and updates the others.
///
/// Connects to `ORDERFLOW_NATS_URL` and keeps `ORDERFLOW_REPLICAS` (1, 3 or 5) copies; without it,
/// streams keep their number. `ORDERFLOW_LIMITS` sets the limits of single streams, separated by
/// blanks: `ORDERS:age=180d,bytes=50GiB FILES:age=30d`. Nothing becomes smaller or less safe: such
/// differences are logged, and `orderflow setup --yes` applies them. Exits with 0 when all are as they
/// should be or were left unchanged, with 64 when a setting is wrong, and with 69 when NATS refuses the
/// login or a setting, or is not ready within `ORDERFLOW_WAIT_SECONDS` (120): it may start together
/// with NATS, and some networks let a new pod through only after a moment.
#[must_use]
pub fn setup() -> ExitCode {
    let mut env = Env::from_process();
    init_logs(env.or("ORDERFLOW_LOG", EnvFilter::new(runtime::LOGS)));
    let (url, wait, settings) = match settings(&mut env) {
        Ok(settings) => settings,
        Err(error) => {
            report(&error);
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failures = match runtime {
        Ok(runtime) => runtime.block_on(make(&url, wait, &settings)),
        Err(error) => Err(error.to_string()),
    };
    match failures {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            tracing::error!(failures, "not everything is set up");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
        Err(error) => {
            tracing::error!(error, "nothing was set up");
            ExitCode::from(EXIT_UNAVAILABLE)
        }
    }
}

fn settings(env: &mut Env) -> Result<(String, Duration, Settings), EnvError> {
    let url = env.required("ORDERFLOW_NATS_URL");
    let wait = env.seconds("ORDERFLOW_WAIT_SECONDS", WAIT);
    let replicas: Option<usize> = env.optional("ORDERFLOW_REPLICAS");
    if let Some(replicas) = replicas.filter(|replicas| !matches!(replicas, 1 | 3 | 5)) {
        env.problem("ORDERFLOW_REPLICAS", format!("{replicas}: 1, 3 and 5 are possible"));
    }
    let limits: String = env.or("ORDERFLOW_LIMITS", String::new());
    let limits: Result<Vec<Limit>, _> = limits.split_whitespace().map(str::parse).collect();
    let limits = limits.map_err(|error| env.problem("ORDERFLOW_LIMITS", error.to_string()));
    let settings = Settings { replicas, ..Settings::default() };
    env.finish(|| Some((url?, wait, settings.with(limits.ok()?))))
}

/// Tries until `wait` is over; returns how many could not be created in the last attempt. What NATS
/// refuses is not tried again.
async fn make(url: &str, wait: Duration, settings: &Settings) -> Result<usize, String> {
    let until = Instant::now() + wait;
    loop {
        let reason = match Nats::connect(url, "setup", false).await {
            Ok(nats) => {
                let steps = streams::setup(&nats, settings.clone()).await;
                let failed = steps.iter().filter(|step| step.outcome.is_err());
                let reasons: Vec<String> = failed.map(ToString::to_string).collect();
                let is_final = reasons.is_empty() || steps.iter().any(|step| step.refused);
                if is_final || until <= Instant::now() {
                    return Ok(said(&steps));
                }
                reasons.join("; ")
            }
            Err(error) if error.is_final() || until <= Instant::now() => return Err(chain(&error)),
            Err(error) => chain(&error),
        };
        tracing::warn!(reason, "not yet; trying again");
        sleep(AGAIN).await;
    }
}

/// Logs what was done; returns how many could not be created.
fn said(steps: &[Step]) -> usize {
    for step in steps {
        match &step.outcome {
            Ok(_) if !step.left.is_empty() => tracing::warn!("{step}"),
            Ok(_) => tracing::info!("{step}"),
            Err(_) => tracing::error!("{step}"),
        }
    }
    steps.iter().filter(|step| step.outcome.is_err()).count()
}
