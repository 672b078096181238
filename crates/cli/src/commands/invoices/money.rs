//! `invoices pay`, `credit` and `retry`: what people decide about an order's books.

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;
use domain::{Money, WarehouseId};
use machine::client::Pipeline;
use machine::clock;
use serde_json::{Value, json};

use super::order::{Order, text};
use crate::commands::keyed::{Again, is_applied, say, send};
use crate::commands::stock::change::{Pieces, by_product};
use crate::confirm::{Yes, confirm};

#[derive(Debug, Args)]
pub(crate) struct Pay {
    /// The number of the invoice.
    number: String,
    /// What was paid, as 12.50; below zero, what was refunded.
    #[arg(allow_negative_numbers = true, value_parser = amount)]
    amount: Money,
    /// What names the payment, such as the bank's number of it: one document has it once.
    #[arg(long)]
    reference: String,
    /// The day; today without it.
    #[arg(long, value_name = "DAY")]
    on: Option<NaiveDate>,
    #[command(flatten)]
    again: Again,
}

fn amount(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn pay(pipeline: &Pipeline, pay: &Pay) -> Result<()> {
    let Pay { number, amount, reference, on, again } = pay;
    let on = on.unwrap_or_else(|| clock::now().date_naive());
    let body = json!({"number": number, "amount": amount, "paid_on": on, "reference": reference});
    let done = send(pipeline, "billing/invoices/pay", body, again).await?;
    let before = match is_applied(&done) {
        true => "",
        false => "the payment was recorded before, and nothing is changed; ",
    };
    say(pipeline, &done, &format!("{before}{}", standing(&done)));
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Credit {
    /// The number of the invoice.
    number: String,
    /// Why, as the credit note says it.
    #[arg(long)]
    reason: String,
    /// Pieces of a product, as P001=2, at the prices of the invoice; all that is left of it without one.
    #[arg(long = "line", value_name = "PRODUCT=PIECES")]
    lines: Vec<Pieces>,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    yes: Yes,
}

pub(super) async fn credit(pipeline: &Pipeline, credit: &Credit) -> Result<()> {
    let Credit { number, reason, lines, again, yes } = credit;
    let pieces = if lines.is_empty() { None } else { Some(by_product(lines)?) };
    let what = match &pieces {
        None => "all that is left of it".to_owned(),
        Some(pieces) => {
            let pieces: Vec<_> = pieces.iter().map(|(id, n)| format!("{n} of {id}")).collect();
            pieces.join(", ")
        }
    };
    let preview = [format!(
        "a credit note for invoice {number} would be issued: {what}; it cannot be undone"
    )];
    confirm(&preview, &format!("Credit invoice {number}?"), *yes)?;
    let body = json!({"number": number, "reason": reason, "pieces": pieces});
    let done = send(pipeline, "billing/invoices/credit", body, again).await?;
    say(pipeline, &done, &format!("{}{}", issued(&done), standing(&done)));
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// An order of which something is held, or that has no invoice.
    #[arg(value_name = "PARTNER/ORDER")]
    order: Order,
    /// Whose stock; without it, the warehouse that the partner has in partners.yml, else main.
    #[arg(long)]
    warehouse: Option<WarehouseId>,
    #[command(flatten)]
    again: Again,
}

pub(super) async fn retry(pipeline: &Pipeline, retry: &Retry) -> Result<()> {
    let Retry { order: Order { partner, id }, warehouse, again } = retry;
    let body = json!({"partner": partner, "order_id": id, "warehouse": warehouse});
    let done = send(pipeline, "billing/invoices/retry", body, again).await?;
    say(pipeline, &done, &format!("{}{}", issued(&done), standing(&done)));
    Ok(())
}

/// What was issued, before the rest of a line.
fn issued(done: &Value) -> String {
    let numbers = done.get("issued").and_then(Value::as_array).into_iter().flatten();
    let numbers: Vec<&str> = numbers.filter_map(Value::as_str).collect();
    match (numbers.is_empty(), is_applied(done)) {
        (false, _) => format!("issued {}; ", numbers.join(", ")),
        (true, true) => "nothing is issued; ".to_owned(),
        (true, false) => "there was nothing to do, or an earlier call has done it; ".to_owned(),
    }
}

/// The balance of the order after the command.
fn standing(done: &Value) -> String {
    let Some(balance) = done.get("balance").filter(|balance| !balance.is_null()) else {
        return "nothing is known of the order's balance".to_owned();
    };
    let [partner, order, state, open, currency] =
        ["partner", "order_id", "state", "open", "currency"].map(|field| text(balance, field));
    let held = balance.get("held").and_then(Value::as_array).into_iter().flatten();
    let held: String = held.map(|held| format!("\nheld: {}", text(held, "detail"))).collect();
    let state = state.replace('_', " ");
    format!("order {partner}/{order} is {state}, open {open} {currency}").trim_end().to_owned()
        + &held
}
