//! `analytics archive`: the days as files, from NATS itself.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use archive::{Archive, Kept, Written};
use clap::Subcommand;
use machine::client::Pipeline;
use serde_json::json;
use terminal::output;

/// The days that are archived.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Which days are there.
    List,
    /// Write the Parquet files into a folder. Those that are there already are left.
    Export {
        /// The folder; it is made if it is not there.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// From this day on: 2026-01-01.
        #[arg(long, value_parser = day)]
        from: Option<archive::Day>,
    },
}

fn day(text: &str) -> Result<archive::Day, String> {
    archive::Day::parse(text).ok_or_else(|| format!("{text:?} is no day such as 2026-01-31"))
}

pub(super) async fn run(pipeline: &Pipeline, command: &Command) -> Result<()> {
    let nats = pipeline.nats().await?;
    let archive = Archive::new(&nats);
    let days = archive.days().await?;
    match command {
        Command::List => {
            list(pipeline, days.iter().map(AsRef::as_ref));
            Ok(())
        }
        Command::Export { to, from } => {
            let wanted = days.iter().filter(|of| from.is_none_or(|from| from <= of.day));
            let (mut written, mut left) = (0_u64, 0_u64);
            for file in wanted.flat_map(|of| of.files()) {
                let path = to.join(&file.name);
                if is_there(&path, file.bytes) {
                    left += 1;
                    continue;
                }
                let bytes = archive.file(file).await?;
                save(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
                written += 1;
            }
            if pipeline.json {
                output::json(&json!({"written": written, "left": left, "to": to}));
            } else {
                output::line(format!(
                    "{} written to {}, {left} were there",
                    output::count(written, "file"),
                    to.display()
                ));
            }
            Ok(())
        }
    }
}

/// Is the whole file there? It is written under another name, and renamed.
fn is_there(path: &Path, bytes: u64) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.len() == bytes)
}

fn save(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let part = path.with_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, path)
}

fn list<'a>(pipeline: &Pipeline, days: impl Iterator<Item = &'a Written>) {
    if pipeline.json {
        output::json(&json!({"days": days.collect::<Vec<_>>()}));
        return;
    }
    let range = |kept: &Kept| match kept.to < kept.from {
        true => "-".to_owned(),
        false => format!("{}-{}", kept.from, kept.to),
    };
    let row = |of: &Written| {
        let missing = of.orders.missing + of.invoices.missing;
        let unreadable = of.orders.unreadable + of.invoices.unreadable;
        let mut state = Vec::new();
        if 0 < missing {
            state.push(format!("{missing} messages had expired"));
        }
        if 0 < unreadable {
            state.push(format!("{unreadable} unreadable"));
        }
        let state = if state.is_empty() { "whole".to_owned() } else { state.join(", ") };
        let (rows, bytes) =
            of.files().fold((0, 0), |sum, file| (sum.0 + file.rows, sum.1 + file.bytes));
        vec![
            of.day.to_string(),
            rows.to_string(),
            output::size(bytes),
            range(&of.orders),
            range(&of.invoices),
            state,
        ]
    };
    let head = ["day", "rows", "size", "ORDERS", "INVOICES", "state"];
    output::table(&head, &[1, 2], days.map(row));
}
