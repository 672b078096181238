//! `orderflow analytics …`: over HTTP on the function analytics.

mod archive;
mod lists;
mod query;
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
  orderflow analytics windows --size 5s --watch
  orderflow analytics query --from 2026-01-01 --to 2026-12-31 --by month --sum revenue
  orderflow analytics archive list
  orderflow analytics archive export --to ./archive"#;

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
    /// Sums over days, also of orders that have expired from the stream.
    Query(query::Query),
    /// The days that are archived as Parquet.
    #[command(subcommand)]
    Archive(archive::Command),
}

pub(crate) async fn run(global: &Global, command: &Analytics) -> Result<()> {
    let pipeline = global.pipeline()?;
    match command {
        Analytics::Totals(totals) => totals::run(&pipeline, totals).await,
        Analytics::By(by) => lists::by(&pipeline, by).await,
        Analytics::Top(top) => lists::top(&pipeline, top).await,
        Analytics::Windows(windows) => windows::run(&pipeline, windows).await,
        Analytics::Query(query) => query::run(&pipeline, query).await,
        Analytics::Archive(command) => archive::run(&pipeline, command).await,
    }
}
