//! `invoices pay`, `credit` and `retry`: what people decide about an order's books.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use chrono::NaiveDate;
use clap::Args;
use domain::invoice::{Balance, Document};
use domain::{Money, WarehouseId, currency};
use machine::client::{Level, Pipeline, key};
use machine::clock;
use serde_json::{Value, json};
use terminal::output;

use super::document::with_balance;
use super::order::{Order, amount as amount_of, text};
use crate::commands::keyed::{Again, is_applied, say, send};
use crate::commands::stock::change::{Pieces, by_product};
use crate::confirm::{Yes, confirm};

#[derive(Debug, Args)]
pub(crate) struct Pay {
    /// The number of the invoice.
    #[arg(required_unless_present = "file", conflicts_with = "file", requires = "reference")]
    number: Option<String>,
    /// What was paid, as 12.50; below zero, what was refunded.
    #[arg(allow_negative_numbers = true, value_parser = amount, required_unless_present = "file")]
    amount: Option<Money>,
    /// What names the payment, such as the bank's number of it: one document has it once.
    #[arg(long, conflicts_with = "file")]
    reference: Option<String>,
    /// The day; today (in UTC) without it.
    #[arg(long, value_name = "DAY", conflicts_with = "file")]
    on: Option<NaiveDate>,
    /// Payments as CSV, with the columns `number`, `amount`, `paid_on` and `reference`: all of them or none. The same file again records
    /// nothing twice.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    file: Option<PathBuf>,
    /// With --file: only say what would be recorded.
    // `requires = "file"` is not looked at where a number is given, because that conflicts with a file.
    #[arg(long, conflicts_with_all = ["number", "amount"])]
    dry_run: bool,
    #[command(flatten)]
    again: Again,
    #[command(flatten)]
    yes: Yes,
}

fn amount(text: &str) -> Result<Money, String> {
    Money::parse(text).map_err(|error| error.to_string())
}

pub(super) async fn pay(pipeline: &Pipeline, pay: &Pay) -> Result<()> {
    let Pay { number, amount, reference, on, file, dry_run, again, yes } = pay;
    if let Some(file) = file {
        return pay_file(pipeline, file, *dry_run, *yes).await;
    }
    let on = on.unwrap_or_else(|| clock::now().date_naive());
    // The arguments of a single payment come together.
    let (Some(number), Some(amount), Some(reference)) = (number, amount, reference) else {
        bail!("a payment has a number, an amount and a --reference");
    };
    let (document, balance) = with_balance(pipeline, number).await?;
    let mut known = balance.payments.iter();
    // One that was recorded is not recorded again; what differs from it is refused.
    if !known.any(|known| known.document == *number && known.reference == *reference) {
        let preview = preview(&document, &balance, (*amount, on), reference);
        confirm(&preview, &format!("Record the payment of {number}?"), *yes)?;
    }
    let body = json!({"number": number, "amount": amount, "paid_on": on, "reference": reference});
    let done = send(pipeline, "billing/invoices/pay", body, again).await?;
    let before = match is_applied(&done) {
        true => "",
        false => "the payment was recorded before, and nothing is changed; ",
    };
    say(pipeline, &done, &format!("{before}{}", standing(&done)));
    Ok(())
}

/// What a payment would change, a line each.
fn preview(
    document: &Document,
    balance: &Balance,
    (amount, on): (Money, NaiveDate),
    reference: &str,
) -> Vec<String> {
    let Document { number, currency: code, kind, .. } = document;
    let money = |amount: Money| format!("{} {code}", currency::shown(amount, code));
    let what = if amount < Money::ZERO { "a refund" } else { "a payment" };
    let paid = if amount < Money::ZERO { amount.negated() } else { amount };
    let kind = kind.as_str().replace('_', " ");
    let mut lines = vec![format!(
        "{what} of {} on {on} ({}) would be recorded for {kind} {number}",
        money(paid),
        output::name(reference)
    )];
    let (partner, order) = (&balance.partner, output::name(balance.order_id.as_str()));
    let before = money(balance.open);
    // What cannot be taken away is no amount that is recorded.
    if let Some(after) = balance.open.plus(amount.negated()) {
        lines.push(format!("  order {partner}/{order}: open {before} → {}", money(after)));
        if after < Money::ZERO && Money::ZERO < amount {
            let more = money(after.negated());
            lines.push(format!("  that is more than is open: {more} would have to be refunded"));
        }
    }
    lines
}

/// Looks first at what a file would record; what is wrong is named by line.
async fn pay_file(pipeline: &Pipeline, file: &Path, dry_run: bool, yes: Yes) -> Result<()> {
    let name = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
    let send = async |only_say: bool| -> Result<Value> {
        let path = format!("billing/invoices/payments?dry_run={only_say}");
        let more = Some((key(), bytes.clone()));
        pipeline.call(Level::Admin, Method::POST, &path, more).await
    };
    let text = |done: &Value, would: &str| {
        let count = |field| done.get(field).and_then(Value::as_u64).unwrap_or_default();
        let new = output::count(count("new"), "payment");
        format!("{new} {would}recorded, {} recorded before", count("known"))
    };
    let planned = send(true).await?;
    if dry_run {
        say(pipeline, &planned, &text(&planned, "would be "));
        return Ok(());
    }
    if planned.get("new").and_then(Value::as_u64) != Some(0) {
        let preview = [text(&planned, "would be ")];
        confirm(&preview, &format!("Record the payments of {name}?"), yes)?;
    }
    let done = send(false).await.context("the same file again records nothing twice")?;
    say(pipeline, &done, &text(&done, ""));
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
    /// A sale that has no invoice, or of which a document is held. A return may be named instead of its sale.
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
    let reason = text(&done, "reason");
    match (is_applied(&done), reason.is_empty()) {
        (false, false) => say(pipeline, &done, &format!("nothing is issued; {reason}")),
        _ => say(pipeline, &done, &format!("{}{}", issued(&done), standing(&done))),
    }
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
    let [partner, order, state, currency] =
        ["partner", "order_id", "state", "currency"].map(|field| text(balance, field));
    let open = amount_of(balance, "open", currency);
    let held = balance.get("held").and_then(Value::as_array).into_iter().flatten();
    let held: String = held.map(|held| format!("\nheld: {}", text(held, "detail"))).collect();
    let state = state.replace('_', " ");
    format!("order {partner}/{order} is {state}, open {open} {currency}").trim_end().to_owned()
        + &held
}
