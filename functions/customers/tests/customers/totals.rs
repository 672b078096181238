//! Totals, against a count that shares no code with them.

use crate::support::{Served, World, order};
use messaging::publish::{self, Outgoing};
use messaging::subject;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a fact says what is counted of it.
#[derive(Clone, Copy)]
enum Way {
    /// In its body alone, as earlier releases wrote it.
    Body,
    /// In a header as well.
    Both,
    /// In a header, and nobody has to look at its body.
    Header,
    /// In its body, beside a header that cannot be read.
    Malformed,
}

const WAYS: [Way; 4] = [Way::Body, Way::Both, Way::Header, Way::Malformed];

/// Publishes what order-processor would say, in the way of its number.
async fn fact(world: &World, stage: &str, kind: &str, reason: Option<&str>, order: &Value) {
    let id = order["order_id"].as_str().unwrap();
    let way = WAYS[id.parse::<usize>().unwrap() % WAYS.len()];
    let data = json!({"partner": "US1", "order_id": id, "kind": order["kind"], "attempt": 1, "placed": 1,
        "order": order});
    let event = json!({"specversion": "1.0", "id": id, "source": "/functions/order-processor",
        "type": format!("orderflow.order.{kind}.v1"), "data": data});
    let subject = format!("orders.{stage}.main.US1.{id}");
    let body = if let Way::Header = way { "no JSON".to_owned() } else { event.to_string() };
    let message = Outgoing::new(subject, body.into_bytes().into())
        .header("Orderflow-Decision-Sequence", "1")
        .header("Orderflow-Kind", order["kind"].as_str().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let before = order["amends"]["total"].as_str();
    let summary = format!(
        "currency={};total={};{}ordered=1767225600000;customer={}",
        text(&order["currency"]),
        text(&order["total"]),
        before.map(|total| format!("before={total};")).unwrap_or_default(),
        subject::token(&text(&order["customer"]["id"])),
    );
    let message = match way {
        Way::Body => message,
        Way::Both | Way::Header => message.header("Orderflow-Summary", &summary),
        Way::Malformed => {
            message.header("Orderflow-Summary", &summary.replace("total=", "total=x"))
        }
    };
    let message = match reason {
        Some(reason) => message.header("Orderflow-Reason", reason),
        None => message,
    };
    publish::one(&world.nats, &message, None).await.unwrap();
}

/// Publishes something that no decision stands behind.
async fn forged(world: &World) {
    let forged = json!({"specversion": "1.0", "id": "x", "source": "/x", "type": "orderflow.order.confirmed.v1",
        "data": {"partner": "US1", "order": {"customer": {"id": "c0"}, "currency": "EUR", "kind": "sale", "total": "9"}}});
    let forged =
        Outgoing::new("orders.confirmed.main.US1.x".into(), forged.to_string().into_bytes().into())
            .header("Orderflow-Kind", "sale")
            .header("Orderflow-Summary", "currency=EUR;total=9;ordered=1;customer=c0");
    publish::one(&world.nats, &forged, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_hold_what_is_confirmed_less_what_is_cancelled_and_returned() {
    let world = World::start().await;
    let mut expected: BTreeMap<(String, String), (i64, i64, i64)> = BTreeMap::new();
    let mut random = 7_u64;
    let mut next = |of: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % of
    };
    for n in 0..300 {
        let customer = format!("c{}", next(3));
        let currency = ["EUR", "GBP"][usize::try_from(next(2)).unwrap()].to_owned();
        let is_return = next(4) == 0;
        let cents = i64::try_from(next(10_000)).unwrap() * if is_return { -1 } else { 1 };
        let kind = if is_return { "return" } else { "sale" };
        let total = format!(
            "{}{}.{:02}",
            if cents < 0 { "-" } else { "" },
            cents.abs() / 100,
            cents.abs() % 100
        );
        let order = json!({"order_id": n.to_string(), "customer": {"id": customer}, "currency": currency,
            "kind": kind, "total": total});
        let count = expected.entry((customer, currency)).or_default();
        let mut add = |sign: i64| {
            count.0 += if is_return { 0 } else { sign };
            count.1 += if is_return { sign } else { 0 };
            count.2 += cents * sign;
        };
        match next(5) {
            0 => fact(&world, "refused", "refused", Some("insufficient_stock"), &order).await,
            1 => {
                add(1);
                fact(&world, "confirmed", "confirmed", None, &order).await;
                add(-1);
                fact(&world, "refused", "refused", Some("cancelled"), &order).await;
            }
            2 => {
                add(1);
                fact(&world, "confirmed", "confirmed", None, &order).await;
                fact(&world, "confirmed", "kept", Some("insufficient_stock"), &order).await;
            }
            3 if !is_return => {
                add(1);
                // It came to something else before, and what it comes to now is taken back in the end.
                let before = json!({"order_id": n.to_string(), "customer": order["customer"], "currency": order["currency"],
                    "kind": kind, "total": "77.70"});
                fact(&world, "confirmed", "confirmed", None, &before).await;
                let mut amended = order.clone();
                amended["amends"] =
                    json!({"attempt": 1, "placed": 1, "decision": "d", "total": "77.70"});
                fact(&world, "confirmed", "confirmed", None, &amended).await;
                if n % 2 == 0 {
                    add(-1);
                    fact(&world, "refused", "refused", Some("cancelled"), &order).await;
                }
            }
            _ => {
                add(1);
                fact(&world, "confirmed", "confirmed", None, &order).await;
            }
        }
    }
    forged(&world).await;
    let second = world.customers().await;
    for served in [&world.customers, &second] {
        assert_eq!(totals(served).await, expected);
    }
}

/// Orders, returns and cents of three customers by currency.
async fn totals(served: &Served) -> BTreeMap<(String, String), (i64, i64, i64)> {
    let mut found = BTreeMap::new();
    for customer in ["c0", "c1", "c2"] {
        let history = served.get(&format!("/customers/US1/{customer}/orders")).await;
        assert!(history.body["counted_since"].is_string(), "{history:?}");
        for (currency, total) in history.body["totals"].as_object().unwrap() {
            let cents: i64 = total["amount"].as_str().unwrap().replace('.', "").parse().unwrap();
            let count = |name: &str| total[name].as_i64().unwrap();
            found.insert(
                (customer.to_owned(), currency.clone()),
                (count("orders"), count("returns"), cents),
            );
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_a_customer_are_listed_newest_first() {
    let world = World::start().await;
    for n in 0..5 {
        world.place(&format!("o/{n}"), "2026-01-01T00:00:00Z", &json!("c")).await;
    }
    world.place("other", "2026-01-01T00:00:00Z", &json!("d")).await;
    let history = world.customers.get("/customers/US1/c/orders?limit=3").await;
    let ids: Vec<_> =
        history.body["orders"].as_array().unwrap().iter().map(|it| &it["order_id"]).collect();
    assert_eq!(ids, ["o/4", "o/3", "o/2"], "{history:?}");
    assert_eq!(history.body["more"], true);
    let link = &history.body["orders"][0]["link"];
    assert_eq!(link, "/function/status-checker/orders/US1/o%2F4");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_an_address_is_not_counted() {
    let world = World::start().await;
    let ids = ["ana@example.org", "+33612345678", "c"];
    for (n, id) in ids.iter().flat_map(|id| [id; WAYS.len()]).enumerate() {
        let order = json!({"order_id": n.to_string(), "customer": {"id": id}, "currency": "EUR", "kind": "sale",
            "total": "5"});
        fact(&world, "confirmed", "confirmed", None, &order).await;
    }
    for (id, count) in ids.iter().zip([None, None, Some(4)]) {
        let history =
            world.customers.get(&format!("/customers/US1/{}/orders", id.replace('+', "%2B"))).await;
        let totals = history.body["totals"].as_object().unwrap();
        let orders = totals.get("EUR").map(|total| total["orders"].as_i64().unwrap());
        assert_eq!(orders, count, "{history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amended_order_is_listed_once_and_moves_the_card_by_what_it_says() {
    let world = World::start().await;
    let at = "2026-01-01T00:00:00Z";
    let ana = json!({"id": "c", "name": "Ana"});
    assert_eq!(world.place("1", at, &ana).await.status, 201);
    world.card("c", |card| card["name"] == "Ana").await;
    let refused = json!({"order_id": "1", "customer": {"id": "c"}, "currency": "EUR", "kind": "sale", "total": "9"});
    fact(&world, "refused", "refused", Some("insufficient_stock"), &refused).await;
    let bea = order("1", at, &json!({"id": "c", "name": "Bea"}));
    let amend = json!({"partner": "US1", "order_id": "1", "order": bea});
    let amended = world.ingest.post("/amend", &amend).await;
    assert_eq!(amended.status, 201, "{amended:?}");
    world.card("c", |card| card["name"] == "Bea").await;
    let history = world.customers.get("/customers/US1/c/orders").await;
    assert_eq!(history.body["orders"].as_array().unwrap().len(), 1, "{history:?}");
}
