//! `analytics query`.

use anyhow::Result;
use axum::http::Method;
use clap::{Args, ValueEnum};
use machine::client::{Level, Pipeline};
use serde_json::Value;
use terminal::output;

use super::lists::named;
use super::shown::{Whose, amounts, rows, text};

/// By what is added up.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Partner,
    Region,
    Category,
    Product,
    Vip,
    Hour,
    Day,
    Month,
    /// Of documents.
    Seller,
}

/// What is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sum {
    /// Sales less returns.
    Revenue,
    Orders,
    Returns,
    Pieces,
    /// Invoices less credit notes, in money.
    Invoiced,
    Invoices,
    CreditNotes,
}

#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The first day, in UTC: 2026-01-01. The day of an order is the one on which it was ordered.
    #[arg(long)]
    from: String,
    /// The last day.
    #[arg(long)]
    to: String,
    /// By what.
    #[arg(long, value_enum)]
    by: By,
    /// What is added up, and by what rows are in order.
    #[arg(long, value_enum)]
    sum: Sum,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn run(pipeline: &Pipeline, query: &Query) -> Result<()> {
    let Query { from, to, by, sum, limit, whose } = query;
    let [from, to] = [from, to].map(|day| machine::client::query_value(day));
    let (by, field) = (named(*by), named(*sum).replace('-', "_"));
    let path = format!(
        "analytics/query?from={from}&to={to}&by={by}&sum={field}&limit={limit}{}",
        whose.query()
    );
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let is_amount = matches!(sum, Sum::Revenue | Sum::Invoiced);
    let row = |row: &Value| {
        let sum = if is_amount { amounts(row.get(&field)) } else { text(row, &field) };
        vec![text(row, "key"), sum]
    };
    output::table(&[&by, &field], &[1], rows(&answer, "rows").map(row));
    if answer.get("more") == Some(&Value::Bool(true)) {
        output::note("there are more: --limit shows up to 5000");
    }
    for missing in rows(&answer, "missing") {
        let [day, stream, messages] = ["day", "stream", "messages"].map(|it| text(missing, it));
        output::note(format!(
            "{messages} messages of {stream} had expired before {day} was archived: they are in no sum"
        ));
    }
    if let Some(note) = answer.get("note").and_then(Value::as_str) {
        output::note(note);
    }
    Ok(())
}
