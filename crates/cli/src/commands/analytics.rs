//! `orderflow analytics …`: over HTTP on the function analytics.

mod lists;
mod totals;
mod windows;

use anyhow::Result;
use clap::{Args, Subcommand};
use domain::PartnerId;
use serde_json::Value;

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

/// Whose figures.
#[derive(Clone, Debug, Args)]
struct Whose {
    /// Only this partner's.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// The currency in which amounts are compared, or the total is told.
    #[arg(long)]
    currency: Option<String>,
}

impl Whose {
    /// As fields of a query, each with `&` before it.
    fn query(&self) -> String {
        let partner = self.partner.as_ref().map(|partner| format!("&partner={partner}"));
        let currency = self.currency.as_deref().map(machine::client::query_value);
        let currency = currency.map(|currency| format!("&currency={currency}"));
        partner.into_iter().chain(currency).collect()
    }
}

/// A field as people read it.
fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Amounts by currency: `12.50 EUR, 3.00 USD`.
fn amounts(value: Option<&Value>) -> String {
    let amounts = value.and_then(Value::as_object).into_iter().flatten();
    let one = |(currency, amount): (&String, &Value)| {
        format!("{} {currency}", amount.as_str().unwrap_or_default())
    };
    amounts.map(one).collect::<Vec<_>>().join(", ")
}

fn rows<'a>(answer: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(list).and_then(Value::as_array).into_iter().flatten()
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
