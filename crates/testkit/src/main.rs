//! Tools for people who test a running pipeline.

use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;
use testkit::history::{History, Options};

#[derive(Parser)]
#[command(name = "testkit", about = "Tools for people who test a running pipeline")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks what a run left in the streams: every order decided once, no fact missing or doubled
    CheckHistory {
        /// Address of the nats-server
        #[arg(long)]
        nats: String,
        /// Leave out what became of the messages on `orders`
        #[arg(long)]
        without_sent: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Command::CheckHistory { nats, without_sent } = Args::parse().command;
    let history = History::read(&nats).await?;
    let report = history.check(Options { sent: !without_sent });
    writeln!(std::io::stdout().lock(), "{report}")?;
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
