//! Tools for people who test a running pipeline.

mod args;

use args::{Args, Command};
use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;
use testkit::history::{History, Options};
use testkit::{campaign, facts};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (text, clean) = match Args::parse().command {
        Command::CheckHistory { nats, without_sent } => {
            let history = History::read(&nats).await?;
            let report = history.check(Options { sent: !without_sent });
            (report.to_string(), report.violations.is_empty())
        }
        Command::Campaign(args) => {
            let outcome = campaign::run(&args.options()?).await?;
            (outcome.to_string(), outcome.problems.is_empty())
        }
        Command::Attack(args) => {
            let report = campaign::attack::run(&args.options()?).await?;
            (report.to_string(), report.is_clean())
        }
        Command::Facts(args) => (facts::store(&args.nats, args.options()).await?, true),
    };
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
