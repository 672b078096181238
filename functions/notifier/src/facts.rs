//! What templates may use, in the form in which people read it.

mod amount;
mod language;
mod net;

use amount::amount;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::Money;
use domain::seller::Prices;
pub(crate) use language::base;
use minijinja::Value;
use minijinja::value::Serde;
pub(crate) use net::Net;
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// Who writes.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) name: String,
    pub(crate) zone: Tz,
    /// Its seller, if its prices do not hold the tax.
    pub(crate) net: Option<Net>,
}

/// What is read of an order. All may be missing: also an order that cannot be read is refused, and told.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    ordered_at: Option<DateTime<Utc>>,
    currency: String,
    lines: Vec<Line>,
    charges: Vec<Charge>,
    metadata: Json,
    returns: Option<String>,
    total: Option<Money>,
    amends: Option<Amends>,
}

/// The attempt whose place it takes.
#[derive(Debug, Deserialize)]
struct Amends {
    total: Money,
}

#[derive(Debug, Deserialize)]
struct Line {
    product_id: String,
    quantity: i64,
    unit_price: Money,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    discount: Option<Money>,
    /// Of a line of a document: what it comes to.
    #[serde(default)]
    amount: Option<Money>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    kind: String,
    #[serde(default)]
    description: Option<String>,
    amount: Money,
}

/// Those of a decided order: `shop`, `person`, `order`, `refusal`, and `rows` and `total` of its table.
/// Where prices are net, tax is one of the charges, and the total is with it; `at` is when it was decided.
pub(crate) fn order(
    shop: &Shop,
    (decided, at): (&Json, DateTime<Utc>),
    name: Option<&str>,
    language: &str,
) -> Value {
    let order = decided.get("order").cloned().unwrap_or_default();
    let read = Order::deserialize(&order).unwrap_or_default();
    let is_return = decided.get("kind").and_then(Json::as_str) == Some("return");
    // People are told how many come back, and what they get for it.
    let shown = |money: Money| {
        let money = if is_return { money.negated() } else { money };
        amount(money, &read.currency, language)
    };
    let row = |line: &Line| {
        let gross = line.unit_price.times(line.quantity).unwrap_or(Money::ZERO);
        let off = line.discount.unwrap_or(Money::ZERO).negated();
        let off = if is_return { off.negated() } else { off };
        let name = line.description.clone().unwrap_or_else(|| line.product_id.clone());
        json!({"product": line.product_id, "name": one_line(&name), "quantity": line.quantity.abs(),
            "price": amount(line.unit_price, &read.currency, language), "amount": shown(gross.plus(off).unwrap_or(gross))})
    };
    let rows: Vec<Json> = read.lines.iter().map(row).collect();
    let charge = |charge: &Charge| json!({"kind": charge.kind, "description": charge.description, "amount": shown(charge.amount)});
    let mut charges: Vec<Json> = read.charges.iter().map(charge).collect();
    let whole = || domain::Order::deserialize(&order).ok();
    let taxed = shop.net.as_ref().and_then(|net| net.tax(&whole()?, at));
    charges.extend(taxed.map(|taxed| tax(shown(taxed.tax))));
    let total = taxed.map(|taxed| taxed.total).or(read.total).map(shown).unwrap_or_default();
    // What was ordered before is not at hand, and so not its tax.
    let before = read.amends.filter(|_| taxed.is_none());
    let before = before.map(|before| shown(before.total)).unwrap_or_default();
    let refusal = decided.get("refusal");
    let number =
        |name: &str| refusal.and_then(|it| it.get(name)).and_then(Json::as_i64).unwrap_or(0);
    let text = |name: &str| refusal.and_then(|it| it.get(name)).and_then(Json::as_str);
    Value::from(Serde(json!({
        "shop": {"name": shop.name},
        "person": {"name": name.map(one_line)},
        "order": {
            "id": decided.get("order_id"),
            "date": read.ordered_at.map(|at| date(at, shop.zone, language)).unwrap_or_default(),
            "currency": read.currency, "lines": rows, "charges": charges, "total": total, "before": before,
            "returns": read.returns,
            "metadata": metadata(read.metadata),
        },
        "refusal": {
            "reason": text("code").or_else(|| text("reason")), "product": text("product"),
            "requested": number("requested"), "available": number("available").max(0),
        },
        "rows": rows,
        "total": total,
    })))
}

/// Those of a shipment: `shipment`, and `rows` without amounts. `placed` is its order.
pub(crate) fn shipped(
    shop: &Shop,
    data: &Json,
    placed: &Json,
    name: Option<&str>,
    language: &str,
) -> Value {
    let read = Order::deserialize(placed).unwrap_or_default();
    let shipment = data.get("shipment").cloned().unwrap_or_default();
    let text = |name: &str| shipment.get(name).and_then(Json::as_str);
    let at = text("shipped_at").and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let at = at.map(|at| date(at.to_utc(), shop.zone, language)).unwrap_or_default();
    let called = |product: &str| {
        let line = read.lines.iter().find(|line| line.product_id == product);
        line.and_then(|line| line.description.clone()).unwrap_or_else(|| product.to_owned())
    };
    let pieces = shipment.get("products").and_then(Json::as_object).into_iter().flatten();
    let rows: Vec<Json> = pieces
        .map(|(product, count)| {
            json!({"product": product, "name": one_line(&called(product)), "quantity": count, "amount": ""})
        })
        .collect();
    Value::from(Serde(json!({
        "shop": {"name": shop.name},
        "person": {"name": name.map(one_line)},
        "order": {"id": data.get("order_id"), "metadata": metadata(read.metadata)},
        "shipment": {
            "number": shipment.get("number"), "date": at, "carrier": text("carrier").map(one_line),
            "tracking": text("tracking").map(one_line),
            "complete": data.get("complete").and_then(Json::as_bool).unwrap_or(false),
        },
        "rows": rows,
        "total": "",
    })))
}

/// What is read of an invoice or credit note.
#[derive(Debug, Deserialize)]
struct Issued {
    number: String,
    issued_on: NaiveDate,
    #[serde(default)]
    due_on: Option<NaiveDate>,
    supply: Supply,
    currency: String,
    prices: Prices,
    lines: Vec<Line>,
    #[serde(default)]
    charges: Vec<Charge>,
    totals: Totals,
    #[serde(default)]
    original: Option<Original>,
    #[serde(default)]
    metadata: Json,
}

#[derive(Debug, Deserialize)]
struct Supply {
    order_id: String,
    ordered_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct Totals {
    tax: Money,
    payable: Money,
}

#[derive(Debug, Deserialize)]
struct Original {
    number: String,
}

/// Can an invoice or credit note be told?
///
/// # Errors
/// What is no part of one.
pub(crate) fn check_document(data: &str) -> Result<(), String> {
    serde_json::from_str::<Issued>(data).map(drop).map_err(|error| format!("data: {error}"))
}

/// Those of an invoice or credit note: `invoice`, and its table.
///
/// # Errors
/// It is none.
pub(crate) fn document(
    shop: &Shop,
    data: &Json,
    name: Option<&str>,
    language: &str,
) -> Result<Value, String> {
    let document = Issued::deserialize(data).map_err(|error| format!("data: {error}"))?;
    let Issued { number, supply, lines, charges, totals, currency, prices, .. } = &document;
    let shown = |money: Money| amount(money, currency, language);
    let day = |day: &NaiveDate| day.format(day_form(language)).to_string();
    let row = |line: &Line| {
        let name = line.description.clone().unwrap_or_else(|| line.product_id.clone());
        let amount = line.amount.map(shown).unwrap_or_default();
        json!({"product": line.product_id, "name": one_line(&name), "quantity": line.quantity,
            "price": shown(line.unit_price), "amount": amount})
    };
    let rows: Vec<Json> = lines.iter().map(row).collect();
    let charge = |charge: &Charge| json!({"kind": charge.kind, "description": charge.description, "amount": shown(charge.amount)});
    let mut charges: Vec<Json> = charges.iter().map(charge).collect();
    if *prices == Prices::Net {
        charges.push(tax(shown(totals.tax)));
    }
    let (total, is_free) = (shown(totals.payable), totals.payable == Money::ZERO);
    Ok(Value::from(Serde(json!({
        "shop": {"name": shop.name},
        "person": {"name": name.map(one_line)},
        "order": {
            "id": supply.order_id, "date": date(supply.ordered_at, shop.zone, language), "lines": rows,
            "charges": charges, "total": total, "currency": currency, "metadata": metadata(document.metadata.clone()),
        },
        "invoice": {
            "number": number, "date": day(&document.issued_on), "is_free": is_free,
            "due": document.due_on.as_ref().filter(|_| !is_free).map(day),
            "original": document.original.as_ref().map(|original| &original.number), "total": total,
        },
        "rows": rows,
        "total": total,
    }))))
}

/// Tax, among the charges.
fn tax(amount: String) -> Json {
    json!({"kind": "tax", "description": null, "amount": amount})
}

fn metadata(given: Json) -> Json {
    if given.is_object() { given } else { json!({}) }
}

/// Those of an alert: `alert` holds its data.
pub(crate) fn alert(shop: &Shop, mut data: Json) -> Value {
    if let Some(members) = data.as_object_mut() {
        for name in ["partner", "deadline", "newest", "function"] {
            members.entry(name).or_insert(Json::Null);
        }
        members.entry("problems").or_insert_with(|| json!([]));
    }
    let nothing: [&str; 0] = [];
    Value::from(Serde(json!({"shop": {"name": shop.name}, "person": {"name": null}, "alert": data,
        "rows": nothing, "total": ""})))
}

/// Text of others, without line ends.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ")
}

/// A day, as people of the language write it.
fn date(at: DateTime<Utc>, zone: Tz, language: &str) -> String {
    at.with_timezone(&zone).format(day_form(language)).to_string()
}

fn day_form(language: &str) -> &'static str {
    match base(language) {
        "fr" | "es" => "%d/%m/%Y",
        "de" => "%d.%m.%Y",
        "en" => "%-d %b %Y",
        _ => "%Y-%m-%d",
    }
}
