//! Orders with shipping, discounts and tax, by event and by HTTP.

use crate::support::{self, World};
use axum::http::header;
use messaging::streams;
use serde_json::{Value, json};

fn order() -> Value {
    json!({"order_id": "1", "customer": "c1", "total": "19.40",
        "lines": [{"product_id": "P001", "quantity": 2, "unit_price": "10.00", "discount": 0.5,
            "tax_category": "standard"}],
        "charges": [{"kind": "shipping", "description": "DHL", "amount": 4.9},
            {"kind": "discount", "amount": "-5"}],
        "tax_given": "3.10"})
}

async fn post(world: &World, order: &Value) -> (u16, Value) {
    let headers =
        [(header::AUTHORIZATION, "Bearer shop"), (header::CONTENT_TYPE, "application/json")];
    let (status, _, body) = support::post(&world.router, "/", &headers, order.to_string()).await;
    (status, body)
}

#[tokio::test]
async fn charges_are_placed_with_their_order_and_are_part_of_its_total() {
    let world = World::start().await;
    let event = json!({"specversion": "1.0", "id": "e1", "source": "/test", "subject": "orders",
        "type": "orderflow.order.received.v1", "time": "2026-01-02T03:04:05Z", "sequence": "1",
        "data": order()});
    assert_eq!(world.batch(&[event]).await["failed"], json!([]));
    let placed = world.messages(streams::ORDERS, "orders.placed.>").await;
    let data = &placed[0].event()["data"];
    assert_eq!(placed[0].header("Orderflow-Total"), Some("19.40"));
    let summary = placed[0].header("Orderflow-Summary").unwrap();
    assert!(summary.starts_with("currency=EUR;total=19.40;ordered="), "{summary}");
    assert_eq!((&data["total"], &data["tax_given"]), (&json!("19.40"), &json!("3.10")));
    assert_eq!(
        data["lines"],
        json!([{"product_id": "P001", "quantity": 2, "unit_price": "10.00", "discount": "0.50",
            "tax_category": "standard"}])
    );
    assert_eq!(
        data["charges"],
        json!([{"kind": "shipping", "description": "DHL", "amount": "4.90"},
            {"kind": "discount", "amount": "-5.00"}])
    );
    // The same by HTTP is the same order; with another charge it is another one.
    assert_eq!(post(&world, &order()).await.0, 200);
    let mut other = order();
    other["charges"][0]["amount"] = "5.90".into();
    other["total"] = "20.40".into();
    assert_eq!(post(&world, &other).await.0, 409);
}

#[tokio::test]
async fn what_is_wrong_with_charges_is_named_by_its_field() {
    let world = World::start().await;
    let mut bad = order();
    bad["charges"] = json!([{"kind": "shipping"}, {"kind": "postage", "amount": 1}]);
    let (status, body) = post(&world, &bad).await;
    assert_eq!(status, 422);
    let fields: Vec<_> = body["errors"].as_array().unwrap().iter().map(|e| &e["field"]).collect();
    assert_eq!(fields, ["charges[0].amount", "charges[1].kind"]);
    let mut bad = order();
    bad["total"] = "20.00".into();
    let (status, body) = post(&world, &bad).await;
    let said = "is 20.00, but lines and charges add up to 19.40";
    assert_eq!((status, body["errors"][0]["reason"].as_str()), (422, Some(said)));
    assert!(world.placed().await.is_empty());
}
