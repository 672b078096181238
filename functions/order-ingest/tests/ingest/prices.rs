//! Prices of orders and of the catalogue: warn, refuse, or nothing.

use crate::support::{World, post};
use axum::http::header;
use chrono::DateTime;
use domain::Product;
use products::Item;
use serde_json::{Value, json};
use state::record::{Author, Records, When};
use std::time::{Duration, Instant};

/// Of `US3`, whose prices may differ by 10 %, or of another partner.
fn event(partner: &str, order: &str, lines: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": format!("ORDERS:{order}"), "source": "/nats/orders",
        "type": "orderflow.raw.v1", "partner": partner, "sequence": "7",
        "data": {"order_id": order, "customer": "c1", "lines": lines},
    })
}

fn line(product: &str, price: &str) -> Value {
    json!({"product_id": product, "quantity": 1, "unit_price": price})
}

impl World {
    async fn set(&self, id: &str, price: &str) {
        let product = json!({"id": id, "name": "x", "price": price, "currency": "EUR"});
        let product: Product = serde_json::from_value(product).unwrap();
        let author = Author { by: "test".into(), at: DateTime::UNIX_EPOCH, key: None };
        let records = Records::<Item>::new(self.nats.clone());
        let key = Item::key(&product.id).unwrap();
        let when =
            if records.get(&key).await.unwrap().is_some() { When::Present } else { When::Absent };
        records.replace(&key, Item(product), when, &author).await.unwrap();
    }

    /// Why an order is not placed, and whether it comes again; null if it is.
    async fn said(&self, event: Value) -> Value {
        self.batch(&[event]).await["failed"][0].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_other_prices_is_refused_warned_of_or_nobodys_business() {
    let world = World::start().await;
    world.set("P1", "10.00").await;
    world.set("P2", "1.00").await;
    let wrong =
        json!([line("P1", "10.00"), line("P2", "1.10"), line("P1", "8.99"), line("P9", "1")]);
    let refused = world.said(event("REFUSES", "1", &wrong)).await;
    let expected = "lines[2].unit_price: is 8.99 EUR; the catalogue says 10.00 EUR; lines[3].product_id: is P9, \
                    which is not in the catalogue";
    assert_eq!(
        (&refused["reason"], &refused["retry"]),
        (&json!(expected), &json!(false)),
        "{refused}"
    );
    assert_eq!(world.placed().await.len(), 0);
    for partner in ["WARNS", "US2"] {
        assert_eq!(world.said(event(partner, "1", &wrong)).await, Value::Null, "{partner}");
    }
    let right = json!([line("P1", "9.00"), line("P1", "11"), line("P2", "1")]);
    assert_eq!(world.said(event("REFUSES", "2", &right)).await, Value::Null);
    assert_eq!(world.placed().await.len(), 3);

    // A return has the price of its sale.
    let back = json!([{"product_id": "P9", "quantity": -1, "unit_price": "5.00"}]);
    assert_eq!(world.said(event("REFUSES", "3", &back)).await, Value::Null);

    let mut other = event("REFUSES", "4", &json!([line("P1", "10")]));
    other["data"]["currency"] = "USD".into();
    let refused = world.said(other).await["reason"].clone();
    assert_eq!(refused, "lines[0].unit_price: is 10.00 USD; the catalogue says 10.00 EUR");

    let headers = [(header::AUTHORIZATION, "Bearer shop")];
    let order =
        json!({"partner": "REFUSES", "order_id": "5", "customer": "c", "lines": [line("P1", "1")]});
    let (status, _, body) = post(&world.router, "/", &headers, order.to_string()).await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (422, &json!("lines[0].unit_price")),
        "{body}"
    );
    let reason = "is 1.00 EUR; the catalogue says 10.00 EUR";
    assert_eq!(body["errors"][0]["reason"], reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_placed_keeps_its_prices() {
    let world = World::start().await;
    world.set("P1", "10.00").await;
    let order = event("REFUSES", "1", &json!([line("P1", "10.00")]));
    assert_eq!(world.said(order.clone()).await, Value::Null);
    world.set("P1", "20.00").await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut number = 1;
    // Until the new price is known here.
    loop {
        number += 1;
        let other = event("REFUSES", &number.to_string(), &json!([line("P1", "10.00")]));
        if world.said(other).await["retry"] == false {
            break;
        }
        assert!(Instant::now() < deadline);
    }
    assert_eq!(world.said(order).await, Value::Null, "it comes again, and is a duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_that_is_not_known_is_no_verdict() {
    let world = World::start().await;
    world.nats.js.delete_stream("KV_PRODUCTS").await.unwrap();
    let order = event("REFUSES", "1", &json!([line("P1", "10.00")]));
    let waits = world.said(order).await;
    assert!(
        waits["reason"].as_str().unwrap().starts_with("the catalogue is not known: "),
        "{waits}"
    );
    assert_eq!(
        (&waits["retry"], &waits["progress"]),
        (&json!(true), &json!(0)),
        "it costs no attempt"
    );
    let off = event("US2", "1", &json!([line("P1", "10.00")]));
    assert_eq!(world.said(off).await, Value::Null, "others do not need it");
}
