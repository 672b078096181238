//! Runs one stage after the other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use terminal::output;

use crate::optional::Optional;
use crate::row::Row;
use crate::stage::Stage;
use crate::{connector, file, latency, orders, start};

/// The stages that run by default: all but memory.
const USUAL: [Stage; 7] = [
    Stage::Start,
    Stage::Connector,
    Stage::Orders,
    Stage::HotProduct,
    Stage::Warehouses,
    Stage::File,
    Stage::Latency,
];

/// What to measure, and how long.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Empty: all but memory.
    pub stages: Vec<Stage>,
    /// Functions that take no part, but for the stage start, which measures each of them.
    pub without: Vec<Optional>,
    /// Orders or messages in one run.
    pub orders: u64,
    /// Runs of a stage, each with an empty store; the result is the median.
    pub rounds: u32,
    /// Orders a second, for latency and memory.
    pub rate: u32,
    /// Duration of latency and memory runs.
    pub time: Duration,
    /// The program of-watchdog; each function is then also started behind it.
    pub watchdog: Option<PathBuf>,
}

/// Measures, and reports progress on standard error.
///
/// # Errors
/// If a server or the pipeline does not start, or a run makes no progress.
pub async fn run(settings: &Settings) -> Result<Vec<Row>> {
    let stages = if settings.stages.is_empty() { &USUAL[..] } else { &settings.stages };
    let (count, rounds) = (settings.orders, settings.rounds);
    let without = &settings.without;
    let mut rows = Vec::new();
    for stage in stages {
        output::note(format_args!("measuring {}", stage.as_str()));
        let measured = match stage {
            Stage::Start => start::run(rounds, settings.watchdog.as_deref()).await?,
            Stage::Connector => connector::run(count, rounds).await?,
            Stage::Orders | Stage::HotProduct | Stage::Warehouses => {
                orders::run(*stage, count, rounds, without).await?
            }
            Stage::File => file::run(count, rounds, without).await?,
            Stage::Latency => latency::run(settings.rate, settings.time, without).await?,
            Stage::Memory => latency::memory(settings.rate, settings.time, without).await?,
        };
        for row in &measured {
            let Row { what, value, unit, note, .. } = row;
            output::note(format_args!("  {what}: {value:.1} {unit}  {note}"));
        }
        rows.extend(measured);
    }
    Ok(rows)
}
