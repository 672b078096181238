//! `orderflow bench`: measures each stage on this machine, on servers and processes of its own.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bench::{Optional, Settings, Stage};
use clap::Args;
use terminal::output;

use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow bench
  orderflow bench orders hot-product --rounds 5
  orderflow bench orders --without billing,notifier
  orderflow bench latency --rate 2000 --seconds 60 --json";

/// Measure each stage on this machine, on servers and processes of its own.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// What to measure; without any, all but memory.
    stages: Vec<Stage>,
    /// Functions that take no part; without it all do, as with up.
    #[arg(long, value_name = "FUNCTION", value_delimiter = ',')]
    without: Vec<Optional>,
    /// Orders or messages of one run.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    orders: u64,
    /// Runs of a stage, each on a fresh store; the median is shown.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Orders a second, for latency and memory.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// For how long, for latency and memory.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The program of-watchdog, for start: each function is started behind it as well, in turn.
    #[arg(long, value_name = "PROGRAM")]
    watchdog: Option<PathBuf>,
}

pub(crate) async fn run(global: &Global, args: Bench) -> Result<()> {
    let settings = Settings {
        stages: args.stages,
        without: args.without,
        orders: args.orders,
        rounds: args.rounds,
        rate: args.rate,
        time: Duration::from_secs(args.seconds),
        watchdog: args.watchdog,
    };
    let rows = bench::run(&settings).await?;
    if global.json {
        output::json(&rows);
        return Ok(());
    }
    let cells = rows.into_iter().map(|row| {
        vec![row.stage, row.what.to_owned(), figure(row.value), row.unit.to_owned(), row.note]
    });
    output::table(&["stage", "what", "value", "unit", "note"], &[2], cells);
    Ok(())
}

/// Three digits are more than a shared machine gives.
fn figure(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}
