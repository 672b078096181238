//! `invoices open`, `totals` and `days`: sums.

use anyhow::Result;
use axum::http::Method;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use domain::{CustomerId, PartnerId};
use machine::client::{Level, Pipeline, query_value};
use serde_json::Value;
use terminal::output;

use super::order::{amount, text};

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Of this partner.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// Of this customer of the partner.
    #[arg(long, requires = "partner")]
    customer: Option<CustomerId>,
    /// Of this seller, by its name in partners.yml.
    #[arg(long)]
    seller: Option<String>,
    /// Only what was due before today.
    #[arg(long)]
    overdue: bool,
    /// Only what waits for a correction.
    #[arg(long, conflicts_with = "overdue")]
    held: bool,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
}

fn whose(partner: Option<&PartnerId>, customer: Option<&CustomerId>) -> String {
    let partner = partner.map(|partner| format!("&partner={partner}"));
    let customer = customer.map(|id| format!("&customer={}", query_value(id.as_str())));
    partner.into_iter().chain(customer).collect()
}

/// Why nothing was found, where that is known.
fn hint(answer: &Value) {
    answer.get("hint").and_then(Value::as_str).into_iter().for_each(output::note);
}

fn rows<'a>(answer: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// Fields that are amounts.
const AMOUNTS: [&str; 6] = ["open", "total", "invoiced", "credited", "base", "tax"];

fn fields<const N: usize>(row: &Value, names: [&str; N]) -> Vec<String> {
    names
        .map(|name| match row.get(name) {
            Some(Value::Number(number)) => number.to_string(),
            _ if AMOUNTS.contains(&name) => amount(row, name, text(row, "currency")),
            _ => text(row, name).to_owned(),
        })
        .into()
}

pub(super) async fn open(pipeline: &Pipeline, open: &Open) -> Result<()> {
    let mut path = format!("billing/open-items?limit={}", open.limit);
    path += &whose(open.partner.as_ref(), open.customer.as_ref());
    if let Some(seller) = &open.seller {
        path += &format!("&seller={}", query_value(seller));
    }
    let flags = [("overdue", open.overdue), ("held", open.held)];
    let set = flags.iter().filter(|(_, is_set)| *is_set);
    path.extend(set.map(|(name, _)| format!("&{name}=true")));
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let row = |item: &Value| {
        let mut row = fields(item, ["id", "invoice", "customer", "open", "currency", "due_on"]);
        let is_overdue = item.get("overdue") == Some(&Value::Bool(true));
        let state = if is_overdue { "overdue" } else { text(item, "state") };
        let reason = text(item, "reason");
        row.push(format!("{state} {reason}").trim().replace('_', " "));
        row
    };
    let head = ["order", "invoice", "customer", "open", "", "due", "status"];
    output::table(&head, &[3], rows(&answer, "items").map(row));
    if answer.get("more") == Some(&Value::Bool(true)) {
        output::note("there are more: --limit shows up to 5000");
    }
    hint(&answer);
    for (currency, sum) in answer.get("sums").and_then(Value::as_object).into_iter().flatten() {
        // What was never invoiced has no currency.
        if currency.is_empty() {
            continue;
        }
        let [open, overdue, refund] =
            ["open", "overdue", "refund"].map(|field| amount(sum, field, currency));
        output::note(format_args!(
            "{currency}: {open} to be paid, {overdue} of it overdue; {refund} to be refunded"
        ));
    }
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Totals {
    /// Of this partner.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// Of this customer of the partner.
    #[arg(long, requires = "partner")]
    customer: Option<CustomerId>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5000))]
    limit: u16,
}

pub(super) async fn totals(pipeline: &Pipeline, totals: &Totals) -> Result<()> {
    let whose = whose(totals.partner.as_ref(), totals.customer.as_ref());
    let path = format!("billing/customers/totals?limit={}{whose}", totals.limit);
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    let names = ["id", "total", "currency", "invoices", "invoiced", "credit_notes", "credited"];
    let head = ["customer", "total", "", "invoices", "invoiced", "credit notes", "credited"];
    let rows = rows(&answer, "customers").map(|row| fields(row, names));
    output::table(&head, &[1, 3, 4, 5, 6], rows);
    if answer.get("more") == Some(&Value::Bool(true)) {
        output::note("there are more: --limit shows up to 5000");
    }
    hint(&answer);
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Days {
    /// Of this seller, by its name in partners.yml.
    #[arg(long)]
    seller: Option<String>,
    /// From this day on; 31 days before the last one without it.
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Up to this day; today without it.
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// By rate of tax, and by who buys.
    #[arg(long)]
    rates: bool,
    /// Only sales to consumers, or to businesses: who names neither a company nor a VAT number is a consumer.
    #[arg(long, value_enum, requires = "rates")]
    buyers: Option<Buyers>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Buyers {
    Consumers,
    Businesses,
}

pub(super) async fn days(pipeline: &Pipeline, days: &Days) -> Result<()> {
    let said = [
        ("seller", days.seller.as_deref().map(query_value)),
        ("from", days.from.map(|day| day.to_string())),
        ("to", days.to.map(|day| day.to_string())),
        ("buyers", days.buyers.map(super::list::named)),
    ];
    let said = said.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    let said = said.collect::<Vec<_>>().join("&");
    let of = if days.rates { "/rates" } else { "" };
    let path = format!("billing/days{of}?{said}");
    let answer: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&answer);
        return Ok(());
    }
    if days.rates {
        let names = [
            "day",
            "seller",
            "buyers",
            "percent",
            "code",
            "base",
            "tax",
            "currency",
            "invoices",
            "credit_notes",
        ];
        let head =
            ["day", "seller", "buyers", "%", "code", "base", "tax", "", "invoices", "credit notes"];
        let rows = rows(&answer, "days").map(|row| fields(row, names));
        output::table(&head, &[3, 5, 6, 8, 9], rows);
    } else {
        let names = [
            "day",
            "seller",
            "total",
            "currency",
            "invoices",
            "invoiced",
            "credit_notes",
            "credited",
        ];
        let head =
            ["day", "seller", "total", "", "invoices", "invoiced", "credit notes", "credited"];
        let rows = rows(&answer, "days").map(|row| fields(row, names));
        output::table(&head, &[2, 4, 5, 6, 7], rows);
    }
    hint(&answer);
    Ok(())
}
