//! `analytics by` and `analytics top`.

use anyhow::Result;
use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use machine::client::{Level, Pipeline};
use serde_json::Value;
use terminal::output;

use super::shown::{Whose, amount, amounts, rows, text};

/// By what orders are added up.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dimension {
    Partner,
    Region,
    Category,
    Product,
    Vip,
    Hour,
    Day,
}

/// What is first.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    Orders,
    /// In the currency of `--currency`.
    Revenue,
    Pieces,
    Key,
}

pub(super) fn named<V: ValueEnum>(value: V) -> String {
    let name = value.to_possible_value().map(|value| value.get_name().to_owned());
    name.unwrap_or_default()
}

#[derive(Debug, Args)]
pub(crate) struct By {
    /// By what.
    dimension: Dimension,
    /// What is first; hours and days are in their order without it.
    #[arg(long, value_enum, default_value_t = Order::Orders)]
    order: Order,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
    #[command(flatten)]
    whose: Whose,
}

/// What there is most of.
#[derive(Debug, Subcommand)]
pub(crate) enum Top {
    /// Products with the most orders.
    Products(Most),
    /// Customers to whom most was invoiced.
    Customers(Most),
}

#[derive(Debug, Args)]
pub(crate) struct Most {
    /// At most so many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn by(pipeline: &Pipeline, by: &By) -> Result<()> {
    let By { dimension, order, limit, whose } = by;
    let dimension = named(*dimension);
    let query = format!("order={}&limit={limit}{}", named(*order), whose.query());
    show_rows(pipeline, &dimension, &query).await
}

pub(super) async fn top(pipeline: &Pipeline, top: &Top) -> Result<()> {
    match top {
        Top::Products(Most { limit, whose }) => {
            let order = whose.currency.as_ref().map_or("orders", |_| "revenue");
            let query = format!("order={order}&limit={limit}{}", whose.query());
            show_rows(pipeline, "product", &query).await
        }
        Top::Customers(most) => customers(pipeline, most).await,
    }
}

async fn show_rows(pipeline: &Pipeline, dimension: &str, query: &str) -> Result<()> {
    let path = format!("analytics/by/{dimension}?{query}");
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let row = |row: &Value| {
        let mut fields: Vec<String> =
            ["key", "orders", "returns", "pieces"].map(|field| text(row, field)).into();
        fields.push(amounts(row.get("revenue")));
        fields
    };
    let others = answer.get("others").filter(|others| !others.is_null());
    let all = rows(&answer, "rows").chain(others).map(row);
    output::table(&[dimension, "orders", "returns", "pieces", "revenue"], &[1, 2, 3], all);
    note_more(&answer);
    if let Some(note) = answer.get("note").and_then(Value::as_str) {
        output::note(note);
    }
    Ok(())
}

fn note_more(answer: &Value) {
    if answer.get("more") == Some(&Value::Bool(true)) {
        output::note("there are more: --limit shows up to 5000");
    }
}

async fn customers(pipeline: &Pipeline, most: &Most) -> Result<()> {
    let path = format!("analytics/customers/top?limit={}{}", most.limit, most.whose.query());
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let row = |row: &Value| {
        let [id, currency, invoices, credit_notes] =
            ["id", "currency", "invoices", "credit_notes"].map(|field| text(row, field));
        vec![id, amount(row, "total", &currency), currency, invoices, credit_notes]
    };
    let head = ["customer", "total", "", "invoices", "credit notes"];
    output::table(&head, &[1, 3, 4], rows(&answer, "customers").map(row));
    note_more(&answer);
    Ok(())
}
