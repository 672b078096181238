//! `analytics totals`.

use anyhow::Result;
use axum::http::Method;
use clap::Args;
use machine::client::{Level, Pipeline};
use serde_json::Value;
use terminal::output;

use super::shown::{Whose, amount, amounts, text};

#[derive(Debug, Args)]
pub(crate) struct Totals {
    #[command(flatten)]
    whose: Whose,
}

pub(super) async fn run(pipeline: &Pipeline, totals: &Totals) -> Result<()> {
    let path = format!("analytics?top=5{}", totals.whose.query());
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let counts = |field: &str| {
        let counts = answer.get(field).and_then(Value::as_object).into_iter().flatten();
        let mut counts: Vec<_> = counts.collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(count.as_i64()));
        counts.iter().map(|(key, count)| format!("{key} {count}")).collect::<Vec<_>>().join(", ")
    };
    let money = |field: &str| amounts(answer.get(field));
    let invoices = answer.get("invoices").and_then(Value::as_object).into_iter().flatten();
    let invoices =
        invoices.map(|(currency, sum)| format!("{} {currency}", amount(sum, "total", currency)));
    let lines = [
        ("orders", text(&answer, "total_orders")),
        ("returns", text(&answer, "returns")),
        ("pieces", text(&answer, "pieces")),
        ("revenue", money("revenue")),
        ("of it charges", money("charges")),
        ("average basket", money("average_basket")),
        ("invoiced", invoices.collect::<Vec<_>>().join(", ")),
        ("cancelled", text(&answer, "cancelled")),
        ("refused", text(&answer, "error_count")),
        ("refusal rate", text(&answer, "refusal_rate")),
        ("reasons", counts("refusals")),
        ("top products", counts("top_products")),
        ("since", text(&answer, "since")),
    ];
    let lines = lines.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    output::table(&["", ""], &[], lines);
    Ok(())
}
