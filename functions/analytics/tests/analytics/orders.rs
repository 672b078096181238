//! Made-up orders.

use chrono::{DateTime, Utc};
use domain::order::{Amends, Order, Terms};
use domain::{PartnerId, raw};
use serde_json::{Value, json};

/// Order `n`, a function of its number; each seventh is a return.
pub(crate) fn order(n: i64) -> Order {
    let partner = ["US1", "US2", "DIRECT"][usize::try_from(n % 3).unwrap()];
    let quantity = if n % 7 == 0 { -(n % 4 + 1) } else { n % 4 + 1 };
    let mut lines = vec![line(n, quantity)];
    if n % 2 == 0 {
        lines.push(line(n + 5, quantity));
    }
    let mut json = json!({"order_id": format!("A.{n}"), "lines": lines,
        "currency": if n % 5 == 0 { "USD" } else { "EUR" },
        "customer": {"id": format!("c{}", n % 11), "vip": n % 4 == 0},
        "timestamp": format!("2026-11-{:02}T{:02}:59:59Z", n % 28 + 1, n % 24)});
    if n % 3 != 0 {
        json["region"] = Value::from(["FR", "ES", "DE"][usize::try_from(n % 9 / 3).unwrap()]);
    }
    if n % 4 == 1 && 0 < quantity {
        json["charges"] = json!([{"kind": "shipping", "amount": "4.9"}, {"kind": "discount", "amount": "-0.0001"}]);
    }
    let at: DateTime<Utc> = "2026-11-30T08:00:00Z".parse().unwrap();
    let terms = Terms { partner: PartnerId::parse(partner).unwrap(), ..Terms::direct() };
    raw::read(&json, None).unwrap().place(&terms, at).unwrap()
}

/// The same order with another content.
pub(crate) fn amended(n: i64, placed: u64) -> Order {
    let before = order(n);
    let (decision, total) = ("d".to_owned(), before.total);
    let next = Order { order_id: before.order_id.clone(), ..order(n + 210) };
    let order = Some(Box::new(before));
    next.amending(2, Amends { attempt: 1, placed, decision, total, order })
}

fn line(n: i64, quantity: i64) -> Value {
    let mut line = json!({"product_id": format!("P{}", n % 13), "quantity": quantity,
        "unit_price": format!("{}.{:04}", n % 50 + 1, n * 37 % 10_000)});
    if n % 3 == 0 {
        line["category"] = Value::from(["lamps", "desks"][usize::try_from(n % 2).unwrap()]);
    }
    if n % 6 == 1 {
        line["discount"] = Value::from("0.5");
    }
    line
}
