//! `invoices list`: documents, the newest first.

use anyhow::Result;
use axum::http::Method;
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use domain::{CustomerId, PartnerId, WarehouseId};
use machine::client::{Level, Pipeline, query_value};
use serde_json::{Value, json};
use terminal::output;

use super::order::{Order, amount, text};

/// Documents of one call.
const PAGE_MAX: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Of this partner.
    #[arg(long)]
    partner: Option<PartnerId>,
    /// Of this customer of the partner.
    #[arg(long, requires = "partner")]
    customer: Option<CustomerId>,
    /// Of this order.
    #[arg(long, value_name = "PARTNER/ORDER", conflicts_with = "partner")]
    order: Option<Order>,
    /// Of this seller, by its name in partners.yml.
    #[arg(long)]
    seller: Option<String>,
    /// From this stock.
    #[arg(long)]
    warehouse: Option<WarehouseId>,
    /// Only invoices, or only credit notes.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Only those that stand so.
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Issued on this day or later.
    #[arg(long, value_name = "DAY")]
    from: Option<NaiveDate>,
    /// Issued on this day or before.
    #[arg(long, value_name = "DAY")]
    to: Option<NaiveDate>,
    /// Whose number holds this.
    #[arg(long)]
    number: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Invoice,
    CreditNote,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Status {
    Open,
    PartlyPaid,
    Paid,
    Overdue,
    Credited,
    Refund,
    Issued,
    Held,
}

/// As in a query: with `_` where the command line has `-`.
pub(super) fn named<V: ValueEnum>(value: V) -> String {
    let name = value.to_possible_value().map(|value| value.get_name().replace('-', "_"));
    name.unwrap_or_default()
}

impl List {
    fn query(&self) -> String {
        let order = self.order.as_ref();
        let partner = order.map(|order| &order.partner).or(self.partner.as_ref());
        let day = |day: NaiveDate| day.to_string();
        let fields = [
            ("partner", partner.map(ToString::to_string)),
            ("customer", self.customer.as_ref().map(|id| query_value(id.as_str()))),
            ("order", order.map(|order| query_value(order.id.as_str()))),
            ("seller", self.seller.as_deref().map(query_value)),
            ("warehouse", self.warehouse.as_ref().map(ToString::to_string)),
            ("kind", self.kind.map(named)),
            ("status", self.status.map(named)),
            ("from", self.from.map(day)),
            ("to", self.to.map(day)),
            ("number", self.number.as_deref().map(query_value)),
        ];
        let said = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        said.map(|(name, value)| format!("&{name}={value}")).collect()
    }
}

pub(super) async fn run(pipeline: &Pipeline, list: &List) -> Result<()> {
    let limit = usize::try_from(list.limit)?;
    let query = list.query();
    let (mut all, mut cursor) = (Vec::<Value>::new(), None::<u64>);
    let (mut older, mut hint, mut waits) = (Value::Null, Value::Null, Value::Null);
    loop {
        let count = (limit - all.len()).min(PAGE_MAX);
        let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("billing/invoices?limit={count}{query}{after}");
        let mut page: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        if let Some(Value::Array(found)) = page.get_mut("invoices").map(Value::take) {
            all.extend(found);
        }
        cursor = page.get("next").and_then(Value::as_u64);
        waits = page.get("not_issued").cloned().unwrap_or(waits);
        older = page.get("older").cloned().unwrap_or(older);
        hint = page.get("hint").cloned().unwrap_or(hint);
        if cursor.is_none() || limit <= all.len() {
            break;
        }
    }
    if pipeline.json {
        output::json(&json!({
            "invoices": all, "not_issued": waits, "next": cursor, "older": older, "hint": hint,
        }));
        return Ok(());
    }
    let row = |view: &Value| {
        let currency = text(view, "currency");
        let fields = ["number", "issued_on", "order", "customer"];
        let mut row: Vec<String> = fields.map(|field| text(view, field).to_owned()).into();
        row.extend([amount(view, "payable", currency), currency.to_owned()]);
        let held = if view.get("held").is_some() { ", something is held" } else { "" };
        row.push(format!("{}{held}", text(view, "status").replace('_', " ")));
        row.push(text(view, "due_on").to_owned());
        row
    };
    // What is held and was never issued has neither a number nor an amount.
    let waiting = waits.as_array().into_iter().flatten().map(|item| {
        let [order, customer, reason] = ["id", "customer", "reason"].map(|field| text(item, field));
        let status = format!("held: {}", reason.replace('_', " "));
        let none = String::new;
        let (order, customer) = (order.to_owned(), customer.to_owned());
        vec!["not issued".to_owned(), none(), order, customer, none(), none(), status, none()]
    });
    let head = ["number", "issued", "order", "customer", "amount", "", "status", "due"];
    output::table(&head, &[4], waiting.chain(all.iter().map(row)));
    if cursor.is_some() {
        output::note("there are older ones: --limit shows more, --to those up to a day");
    }
    [older, hint].iter().filter_map(Value::as_str).for_each(output::note);
    Ok(())
}
