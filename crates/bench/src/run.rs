//! One stage after the other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use terminal::output;

use crate::row::Row;
use crate::stage::Stage;
use crate::{connector, file, latency, orders, start};

/// Measured where nothing is asked for: all but memory.
const USUAL: [Stage; 7] = [
    Stage::Start,
    Stage::Connector,
    Stage::Orders,
    Stage::HotProduct,
    Stage::Warehouses,
    Stage::File,
    Stage::Latency,
];

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Without any, all but memory.
    pub stages: Vec<Stage>,
    /// Orders or messages of one run.
    pub orders: u64,
    /// Runs of a stage, each on a fresh store; the median counts.
    pub rounds: u32,
    /// Orders a second, for latency and memory.
    pub rate: u32,
    /// For how long, for latency and memory.
    pub time: Duration,
    /// The program of-watchdog, behind which each function is started as well.
    pub watchdog: Option<PathBuf>,
}

/// Measures, and says on standard error what it finds as it finds it.
///
/// # Errors
/// A server or the pipeline does not start, or nothing moves any more.
pub async fn run(settings: &Settings) -> Result<Vec<Row>> {
    let stages = if settings.stages.is_empty() { &USUAL[..] } else { &settings.stages };
    let (count, rounds) = (settings.orders, settings.rounds);
    let mut rows = Vec::new();
    for stage in stages {
        output::note(format_args!("measuring {}", stage.as_str()));
        let measured = match stage {
            Stage::Start => start::run(rounds, settings.watchdog.as_deref()).await?,
            Stage::Connector => connector::run(count, rounds).await?,
            Stage::Orders | Stage::HotProduct | Stage::Warehouses => {
                orders::run(*stage, count, rounds).await?
            }
            Stage::File => file::run(count, rounds).await?,
            Stage::Latency => latency::run(settings.rate, settings.time).await?,
            Stage::Memory => latency::memory(settings.rate, settings.time).await?,
        };
        for row in &measured {
            let Row { what, value, unit, note, .. } = row;
            output::note(format_args!("  {what}: {value:.1} {unit}  {note}"));
        }
        rows.extend(measured);
    }
    Ok(rows)
}
