//! `orderflow analytics …`: over HTTP on the function analytics.

mod lists;
mod shown;
mod totals;
mod windows;

use anyhow::Result;
use clap::Subcommand;

use crate::global::Global;

const EXAMPLES: &str = r#"Examples:
  orderflow analytics totals
  orderflow analytics totals --partner US1 --currency USD
  orderflow analytics by region
  orderflow analytics by day --order key --limit 366
  orderflow analytics top products --limit 5
  orderflow analytics top customers --currency EUR
  orderflow analytics windows --size 1m
  orderflow analytics windows --size 5s --watch"#;

/// What orders and invoices come to.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Analytics {
    /// Orders, revenue, average basket, refusals.
    Totals(totals::Totals),
    /// Orders by one of their properties.
    By(lists::By),
    /// Products with the most orders, or customers to whom most was invoiced.
    #[command(subcommand)]
    Top(lists::Top),
    /// What was invoiced in windows of time.
    Windows(windows::Windows),
}

pub(crate) async fn run(global: &Global, command: &Analytics) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Analytics::Totals(totals) => totals::run(&pipeline, totals).await,
        Analytics::By(by) => lists::by(&pipeline, by).await,
        Analytics::Top(top) => lists::top(&pipeline, top).await,
        Analytics::Windows(windows) => windows::run(&pipeline, windows).await,
    }
}
