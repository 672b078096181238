//! What templates may use, in the form in which people read it.

mod amount;

use amount::amount;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::Money;
use minijinja::Value;
use minijinja::value::Serde;
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// Who writes.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) name: String,
    pub(crate) zone: Tz,
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
}

#[derive(Debug, Deserialize)]
struct Charge {
    kind: String,
    #[serde(default)]
    description: Option<String>,
    amount: Money,
}

/// Those of a decided order: `shop`, `person`, `order`, `refusal`, and `rows` and `total` of its table.
pub(crate) fn order(shop: &Shop, decided: &Json, name: Option<&str>, language: &str) -> Value {
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
    let charges: Vec<Json> = read.charges.iter().map(charge).collect();
    let total = read.total.map(shown).unwrap_or_default();
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
            "currency": read.currency, "lines": rows, "charges": charges, "total": total,
            "returns": read.returns,
            "metadata": if read.metadata.is_object() { read.metadata } else { json!({}) },
        },
        "refusal": {
            "reason": text("code").or_else(|| text("reason")), "product": text("product"),
            "requested": number("requested"), "available": number("available").max(0),
        },
        "rows": rows,
        "total": total,
    })))
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
    let form = match base(language) {
        "fr" | "es" => "%d/%m/%Y",
        "de" => "%d.%m.%Y",
        "en" => "%-d %b %Y",
        _ => "%Y-%m-%d",
    };
    at.with_timezone(&zone).format(form).to_string()
}

/// `fr` of `fr-CA`.
pub(crate) fn base(language: &str) -> &str {
    language.split('-').next().unwrap_or(language)
}
