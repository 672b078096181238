//! `orderflow bench`: measures each stage on this machine, on servers and processes of its own.

mod connector;
mod file;
mod latency;
mod orders;
mod pipeline;
mod start;
mod usage;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::args::{Bench, Global, Stage};
use crate::output;

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    stage: String,
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// What explains the value: CPU time of each process, the run's size.
    note: String,
}

impl Row {
    fn new(stage: &str, what: &'static str, value: f64, unit: &'static str, note: String) -> Self {
        Self { stage: stage.to_owned(), what, value, unit, note }
    }
}

pub(crate) async fn run(global: &Global, args: &Bench) -> Result<()> {
    let all = [
        Stage::Start,
        Stage::Connector,
        Stage::Orders,
        Stage::HotProduct,
        Stage::Warehouses,
        Stage::File,
        Stage::Latency,
    ];
    let stages = if args.stages.is_empty() { &all } else { args.stages.as_slice() };
    let mut rows = Vec::new();
    for stage in stages {
        output::note(format_args!("measuring {}", stage.as_str()));
        let measured = match stage {
            Stage::Start => start::run(args.rounds, args.watchdog.as_deref()).await?,
            Stage::Connector => connector::run(args.orders, args.rounds).await?,
            Stage::Orders | Stage::HotProduct | Stage::Warehouses => {
                orders::run(*stage, args.orders, args.rounds).await?
            }
            Stage::File => file::run(args.orders, args.rounds).await?,
            Stage::Latency => latency::run(args.rate, Duration::from_secs(args.seconds)).await?,
            Stage::Memory => latency::memory(args.rate, Duration::from_secs(args.seconds)).await?,
        };
        for row in &measured {
            let Row { what, value, unit, note, .. } = row;
            output::note(format_args!("  {what}: {value:.1} {unit}  {note}"));
        }
        rows.extend(measured);
    }
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

/// The middle one; of an even number the higher of the two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A count as a figure to calculate with; exact up to 2^32.
fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
