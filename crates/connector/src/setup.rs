//! `connector setup`: makes the streams and buckets, from the one image that an installation has anyway.

use crate::program::{EXIT_SETTINGS, EXIT_UNAVAILABLE, init_logs, report};
use messaging::Nats;
use messaging::streams::{self, Limit, Settings};
use runtime::{Env, EnvError};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Makes what is missing of the streams and buckets and brings the others up to date.
///
/// At `ORDERFLOW_NATS_URL`, with `ORDERFLOW_REPLICAS` (1, 3 or 5) copies; without it streams keep the number
/// that they have. `ORDERFLOW_LIMITS` says what single streams keep, separated by blanks:
/// `ORDERS:age=180d,bytes=50GiB FILES:age=30d`. Nothing becomes smaller or less safe: such differences are
/// logged, and `orderflow setup --yes` makes them. Exits with 0 when all are as they should be or were
/// left, 64 when a setting is wrong, 69 when NATS cannot be reached or refuses: a job tries again.
#[must_use]
pub fn setup() -> ExitCode {
    let mut env = Env::from_process();
    init_logs(env.or("ORDERFLOW_LOG", EnvFilter::new("info")));
    let (url, settings) = match settings(&mut env) {
        Ok(settings) => settings,
        Err(error) => {
            report(&error);
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let failures = match runtime {
        Ok(runtime) => runtime.block_on(make(&url, settings)),
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

fn settings(env: &mut Env) -> Result<(String, Settings), EnvError> {
    let url = env.required("ORDERFLOW_NATS_URL");
    let replicas: Option<usize> = env.optional("ORDERFLOW_REPLICAS");
    if let Some(replicas) = replicas.filter(|replicas| !matches!(replicas, 1 | 3 | 5)) {
        env.problem("ORDERFLOW_REPLICAS", format!("{replicas}: 1, 3 and 5 are possible"));
    }
    let limits: String = env.or("ORDERFLOW_LIMITS", String::new());
    let limits: Result<Vec<Limit>, _> = limits.split_whitespace().map(str::parse).collect();
    let limits = limits.map_err(|error| env.problem("ORDERFLOW_LIMITS", error.to_string()));
    let settings = Settings { replicas, ..Settings::default() };
    env.finish(|| Some((url?, settings.with(limits.ok()?))))
}

/// How many could not be made.
async fn make(url: &str, settings: Settings) -> Result<usize, String> {
    let nats = Nats::connect(url, "setup", false).await.map_err(|error| error.to_string())?;
    let steps = streams::setup(&nats, settings).await;
    for step in &steps {
        match &step.outcome {
            Ok(_) if !step.left.is_empty() => tracing::warn!("{step}"),
            Ok(_) => tracing::info!("{step}"),
            Err(_) => tracing::error!("{step}"),
        }
    }
    Ok(steps.iter().filter(|step| step.outcome.is_err()).count())
}
