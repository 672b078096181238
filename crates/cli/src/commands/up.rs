//! `orderflow up`: everything on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use deploy::lint::{self, Subject};
use machine::clock;
use machine::up::{self, Settings, Sources};
use stack::lanes;

use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow up
  orderflow up --port 0 --with prometheus
  orderflow up --processes --env ORDERFLOW_LOG=debug
  orderflow up --provider --gateway http://127.0.0.1:8081";

/// Start everything on this machine and keep it running until Ctrl-C.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Up {
    /// Port of the gateway on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Run every function and the connector as a process of its own.
    #[arg(long)]
    processes: bool,
    /// Run this beside the pipeline; may be given several times.
    #[arg(long, value_name = "WHAT")]
    with: Vec<Extra>,
    /// Use the nats-servers at this address, several separated by commas, and start none; `setup --nats`
    /// says there how many copies streams have.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Be the provider behind an OpenFaaS gateway: functions come by `faas-cli deploy`, each as a
    /// process of its own, and schedules are called by cron-connector.
    #[arg(long, conflicts_with = "stack")]
    provider: bool,
    /// The gateway in front of the provider, for the connector and the other commands.
    #[arg(long, value_name = "URL", requires = "provider")]
    gateway: Option<String>,
    /// The partners; without it ./partners.yml, else the built-in sample partners.
    #[arg(long, value_name = "FILE")]
    partners: Option<PathBuf>,
    /// The functions; without it ./stack.yml, else the built-in one.
    #[arg(long, value_name = "FILE")]
    stack: Option<PathBuf>,
    /// Set in the environment of every function and of the connector, over everything else; may be
    /// given several times.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
}

/// What can run beside the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Extra {
    /// Prometheus, with the metrics of all parts, and the rules and alerts of an installation.
    Prometheus,
}

impl Up {
    fn settings(self, data_dir: PathBuf) -> Settings {
        Settings {
            data_dir,
            port: self.port,
            processes: self.processes,
            prometheus: self.with.contains(&Extra::Prometheus),
            nats: self.nats,
            provider: self.provider,
            gateway: self.gateway,
            partners: self.partners,
            stack: self.stack,
            environment: self.environment,
        }
    }
}

/// `NAME=VALUE`; the value may be empty.
fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("is not NAME=VALUE".to_owned()),
    }
}

/// Runs until SIGINT or SIGTERM.
pub(crate) async fn run(global: &Global, args: Up) -> Result<ExitCode> {
    let settings = args.settings(global.data_dir.clone());
    Box::pin(up::run(&settings, look)).await
}

/// What has to be known of the stack before it starts.
async fn look(sources: &Sources) -> Result<Vec<String>> {
    if let Some((path, text)) = &sources.stack_file {
        let partners = sources.partners_path.as_deref();
        let subject = Subject::here(path, partners, clock::now());
        return lint::notes(path, text, &subject).await;
    }
    let Some(filters) = lanes::filters(&sources.stack) else { return Ok(Vec::new()) };
    let partners = intake::partners::load(&sources.partners).unwrap_or_default();
    Ok(lanes::notes(&partners, &filters))
}
