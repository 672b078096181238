//! `analytics windows`.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use axum::http::Method;
use clap::Args;
use machine::client::{Level, Pipeline, query_value};
use serde_json::Value;
use terminal::output;
use tokio::time::sleep;

use super::shown::{amount, rows, text};

/// How often it is looked for news.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Windows {
    /// How long a window is: seconds, minutes or hours that divide a day.
    #[arg(long, default_value = "5s")]
    size: String,
    /// Only windows that hold this time, or begin later: 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only what was issued before this time.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Go on, and print each window whenever it changes, until Ctrl-C.
    #[arg(long, conflicts_with = "to")]
    watch: bool,
}

pub(super) async fn run(pipeline: &Pipeline, windows: &Windows) -> Result<()> {
    let times = [("from", &windows.from), ("to", &windows.to)];
    let times = times.iter().filter_map(|(name, time)| Some((name, time.as_deref()?)));
    let times: String =
        times.map(|(name, time)| format!("&{name}={}", query_value(time))).collect();
    let (size, limit) = (query_value(&windows.size), windows.limit);
    let path = format!("analytics/windows?size={size}&limit={limit}{times}");
    if windows.watch {
        return watch(pipeline, &path).await;
    }
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let lines = rows(&answer, "windows").flat_map(|window| of_window(window).collect::<Vec<_>>());
    let head = ["from", "to", "total", "", "invoices", "credit notes", ""];
    output::table(&head, &[2, 4, 5], lines);
    if answer.get("more") == Some(&Value::Bool(true)) {
        output::note("there are older ones: --limit shows up to 10000, --to those up to a time");
    }
    Ok(())
}

/// A row for each currency.
fn of_window(window: &Value) -> impl Iterator<Item = Vec<String>> + '_ {
    let totals = window.get("totals").and_then(Value::as_object).into_iter().flatten();
    totals.map(|(currency, sum)| {
        let is_final = match window.get("final").and_then(Value::as_bool) {
            Some(true) => "final",
            Some(false) => "open",
            None => "unknown",
        };
        vec![
            text(window, "start"),
            text(window, "end"),
            amount(sum, "total", currency),
            currency.clone(),
            text(sum, "invoices"),
            text(sum, "credit_notes"),
            is_final.to_owned(),
        ]
    })
}

/// Prints what is new, the oldest first.
async fn watch(pipeline: &Pipeline, path: &str) -> Result<()> {
    let mut told = HashMap::<String, Value>::new();
    loop {
        let answer: Value = pipeline.call(Level::Read, Method::GET, path, None).await?;
        let mut shown = HashMap::new();
        let windows: Vec<&Value> = rows(&answer, "windows").collect();
        for window in windows.into_iter().rev() {
            let start = text(window, "start");
            let is_new = told.get(&start) != Some(window);
            if is_new && pipeline.json {
                output::json(window);
            } else if is_new {
                of_window(window).for_each(|row| output::line(row.join("  ")));
            }
            shown.insert(start, window.clone());
        }
        told = shown;
        sleep(LOOK).await;
    }
}
