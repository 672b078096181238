//! `orders amend`: over HTTP on order-ingest, which places the next attempt, with another content.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use clap::Args;
use domain::charge::Charge;
use domain::currency::shown;
use domain::order::{Draft, Line, ORDER_BYTES_MAX};
use domain::{Money, Order, OrderId, PartnerId, WarehouseId, raw};
use machine::client::{Level, Pipeline, key, query_value};
use messaging::inventory;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use terminal::output;

use super::again::Answer;
use super::find::{Named, resolve};
use super::refusal::refused;
use crate::confirm::{Yes, confirm};

/// How long the command waits until the amendment is decided.
const WAIT: &str = "30s";

/// `orders amend …`
#[derive(Debug, Args)]
pub(crate) struct Amend {
    /// `PARTNER/ORDER`, or the partner's number with --partner; of DIRECT the number alone.
    #[arg(value_name = "ORDER")]
    id: OrderId,
    /// The whole order as it is to be, in JSON, as it would be sent.
    #[arg(value_name = "FILE.json")]
    file: PathBuf,
    /// Whose order.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// Whose stock; without it, the warehouse that the partner has in partners.yml, else main.
    #[arg(long)]
    warehouse: Option<WarehouseId>,
    /// Asked once it is shown what changes.
    #[command(flatten)]
    yes: Yes,
}

pub(super) async fn run(pipeline: &Pipeline, args: &Amend) -> Result<()> {
    let file = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {file}"))?;
    if ORDER_BYTES_MAX < bytes.len() {
        bail!("{file} has {} bytes; an order has at most {ORDER_BYTES_MAX}", bytes.len());
    }
    let nats = pipeline.nats().await?;
    let named =
        resolve(pipeline, &nats, (args.partner.as_ref(), &args.id), args.warehouse.as_ref());
    let Named { partner, id, warehouse, placed, .. } = named.await?;
    let draft = raw::parse(&bytes, Some(&partner))
        .with_context(|| format!("{file} is not an order; nothing was done"))?;
    let before = inventory::placed_order(&placed.payload)
        .with_context(|| format!("{partner}/{id} cannot be read as an order; nothing was done"))?;
    let order: Box<RawValue> = serde_json::from_slice(&bytes)?;
    // Names the attempt that was shown: if another change came in between, this one is refused.
    let send = async |only_say: bool| -> Result<Answer> {
        let body = json!({
            "partner": partner, "order_id": id, "attempt": before.attempt, "order": order,
            "dry_run": only_say,
        });
        let more = Some((key(), body.to_string().into()));
        pipeline.call(Level::Admin, Method::POST, "order-ingest/amend", more).await
    };
    // What would be refused is said before anything is asked.
    let would = send(true).await.context("it would not be changed")?;
    if would.is_new() {
        confirm(&preview(&before, &draft), &format!("Change order {partner}/{id}?"), args.yes)?;
    }
    // The same content again places nothing.
    let answer = if would.is_new() { send(false).await? } else { would };
    let path = format!(
        "status-checker/orders/{partner}/{}?warehouse={warehouse}&wait={WAIT}",
        query_value(id.as_str())
    );
    let now: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    let text = |name: &str| now.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_in_force = now.get("attempt").and_then(Value::as_u64) == Some(answer.attempt.into());
    let status = text("status");
    match (status, now.get("refusal")) {
        ("pending", _) => {}
        ("confirmed", _) if is_in_force => {}
        (_, Some(refusal)) => bail!(
            "{partner}/{id} was not changed and stays {status}: {}",
            refused(refusal, text("reason"))
        ),
        (_, None) => bail!("{partner}/{id} was not changed and is {status}"),
    }
    say(pipeline, &before, &answer, now);
    Ok(())
}

/// Prints what came of it; `now` is the order.
fn say(pipeline: &Pipeline, before: &Order, answer: &Answer, mut now: Value) {
    if pipeline.json {
        if let Some(members) = now.as_object_mut() {
            members.insert("changed".to_owned(), answer.is_new().into());
        }
        return output::json(&now);
    }
    let text = |name: &str| now.get(name).and_then(Value::as_str).unwrap_or_default();
    let (status, total, code) = (text("status"), text("total"), before.currency.as_str());
    let total = Money::parse(total).map_or_else(|_| total.to_owned(), |total| shown(total, code));
    let (Order { partner, order_id: id, .. }, attempt) = (before, answer.attempt);
    match status {
        _ if !answer.is_new() => output::line(format_args!(
            "{partner}/{id} has this content already, and nothing was changed: {status}, attempt {attempt}, total {total}"
        )),
        "pending" => output::line(format_args!(
            "{partner}/{id} is being changed (attempt {attempt}), and is not decided after {WAIT}; see orderflow \
             orders get {partner}/{id}"
        )),
        _ => output::line(format_args!(
            "{partner}/{id} is changed: {status}, attempt {attempt}, total {total}"
        )),
    }
}

/// What changes, a line each.
fn preview(before: &Order, after: &Draft) -> Vec<String> {
    let mut lines = vec![format!("Order {}/{} would change:", before.partner, before.order_id)];
    let code = before.currency.as_str();
    let (old, new) = (pieces(&before.lines, code), pieces(&after.lines, code));
    for (product, was) in &old {
        match new.get(product) {
            None => lines.push(format!("  - {was} of {}", output::name(product))),
            Some(is) if is != was => {
                lines.push(format!("  ~ {} of {}", changed(was, is), output::name(product)));
            }
            Some(_) => {}
        }
    }
    let added = new.iter().filter(|(product, _)| !old.contains_key(*product));
    lines.extend(added.map(|(product, is)| format!("  + {is} of {}", output::name(product))));
    let change = |was: Money, is: Money| changed(&shown(was, code), &shown(is, code));
    if before.charges != after.charges {
        let charges = change(sum(&before.charges), sum(&after.charges));
        lines.push(format!("  ~ charges: {charges}"));
    }
    if after.person.is_some() {
        lines.push("  the person is as the file says".into());
    }
    lines.push(format!("  total: {} {code}", change(before.total, after.total)));
    lines.push(
        "  Its stock is given back and taken again in one decision, or nothing changes; an invoice is \
         replaced, and the customer is told."
            .into(),
    );
    lines
}

fn changed(was: &str, is: &str) -> String {
    if was == is { was.to_owned() } else { format!("{was} → {is}") }
}

/// Pieces and prices by product, in the currency `code`.
fn pieces<'l>(lines: &'l [Line], code: &str) -> BTreeMap<&'l str, String> {
    let mut pieces: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in lines {
        let off =
            line.discount.map_or_else(String::new, |off| format!(" less {}", shown(off, code)));
        let text = format!("{} at {}{off}", line.quantity, shown(line.unit_price, code));
        pieces.entry(line.product_id.as_str()).or_default().push(text);
    }
    pieces.into_iter().map(|(product, texts)| (product, texts.join(" and "))).collect()
}

fn sum(charges: &[Charge]) -> Money {
    let sum = charges.iter().try_fold(Money::ZERO, |sum, charge| sum.plus(charge.amount));
    sum.unwrap_or(Money::ZERO)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use domain::order::Terms;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn an_order_and_a_file_are_named() {
        let parsed = |line: &str| {
            let words = ["orderflow", "orders", "amend"].into_iter().chain(line.split(' '));
            Cli::try_parse_from(words).is_ok()
        };
        assert!(parsed("A-1 order.json") && parsed("US1/1 order.json --yes"));
        assert!(!parsed("A-1") && !parsed("A-1 order.json other.json"));
    }

    #[test]
    fn what_changes_is_shown_by_product() {
        let read = |lines: Value, charges: Value| {
            let order = json!({"order_id": "A-1", "lines": lines, "charges": charges});
            raw::parse(order.to_string().as_bytes(), None).unwrap()
        };
        let line = |product: &str, n: i64, price: &str| json!({"product_id": product, "quantity": n, "unit_price": price});
        let before =
            read(json!([line("A", 2, "1.00"), line("B", 1, "5"), line("D", 1, "1")]), json!([]));
        let before = before.place(&Terms::direct(), chrono::DateTime::UNIX_EPOCH).unwrap();
        let charges = json!([{"kind": "shipping", "amount": "4.90"}]);
        let after = read(json!([line("A", 3, "1"), line("C", 1, "2"), line("D", 1, "1")]), charges);
        let shown = preview(&before, &after);
        let expected = [
            "  ~ 2 at 1.00 → 3 at 1.00 of A",
            "  - 1 at 5.00 of B",
            "  + 1 at 2.00 of C",
            "  ~ charges: 0.00 → 4.90",
            "  total: 8.00 → 10.90 EUR",
        ];
        assert_eq!(shown[1..6], expected);
    }
}
