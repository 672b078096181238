//! `orderflow check`: daily-checker, now.

use anyhow::{Result, bail};
use axum::http::Method;
use clap::Args;
use intake::expected::Overdue;
use machine::client::Level;
use serde::Deserialize;
use serde_json::Value;
use terminal::output;

use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow check
  orderflow check --json";

/// Look into every inbox now, as the schedule of daily-checker does.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {}

/// What daily-checker answers.
#[derive(Debug, Deserialize)]
struct Report {
    order_date: String,
    partners: Vec<Partner>,
    #[serde(default)]
    without_folder: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Partner {
    partner: String,
    found: Vec<Found>,
    skipped: Vec<Skipped>,
    overdue: Option<Overdue>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Found {
    name: String,
    size: u64,
    state: String,
}

#[derive(Debug, Deserialize)]
struct Skipped {
    name: String,
    reason: String,
}

pub(crate) async fn run(global: &Global) -> Result<()> {
    let pipeline = global.pipeline()?;
    let answer: Value = pipeline.call(Level::Admin, Method::POST, "daily-checker", None).await?;
    let report: Report = serde_json::from_value(answer.clone())?;
    if pipeline.json {
        output::json(&answer);
    } else {
        print(&report);
    }
    if !report.without_folder.is_empty() {
        let names = report.without_folder.join(", ");
        output::note(format_args!("no `sftp` in partners.yml, so not looked at: {names}"));
    }
    let failed = report.partners.iter().filter(|partner| partner.error.is_some());
    let failed: Vec<_> = failed.map(|partner| partner.partner.as_str()).collect();
    if !failed.is_empty() {
        bail!("not checked in full: {}", failed.join(", "));
    }
    Ok(())
}

fn print(report: &Report) {
    let mut rows = Vec::new();
    for partner in &report.partners {
        let mut row = |file: &str, size: String, what: &str| {
            let file = output::name(file).into_owned();
            rows.push(vec![partner.partner.clone(), file, size, what.to_owned()]);
        };
        for file in &partner.found {
            row(&file.name, file.size.to_string(), &file.state);
        }
        for file in &partner.skipped {
            row(&file.name, String::new(), &format!("skipped: {}", file.reason));
        }
        if let Some(overdue) = &partner.overdue {
            row("", String::new(), &format!("overdue: expected {}", overdue.expected));
        }
        if let Some(error) = &partner.error {
            row("", String::new(), &format!("error: {error}"));
        }
        if partner.found.is_empty()
            && partner.skipped.is_empty()
            && partner.error.is_none()
            && partner.overdue.is_none()
        {
            row("", String::new(), "nothing");
        }
    }
    output::line(format_args!("order date {}", report.order_date));
    output::table(&["partner", "file", "bytes", "state"], &[2], rows);
}
