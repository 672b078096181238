//! What a sender adds for itself goes on with the order.

use crate::support::World;
use messaging::streams;
use serde_json::{Value, json};

pub(crate) fn event(id: &str, metadata: &Value) -> Value {
    let order = json!({"order_id": "1", "product": "P001", "quantity": 1, "price": 1,
        "metadata": metadata});
    json!({"specversion": "1.0", "id": id, "source": "/test", "subject": "orders", "sequence": "1",
        "type": "orderflow.order.received.v1", "time": "2026-01-02T03:04:05Z", "data": order})
}

#[tokio::test]
async fn metadata_are_placed_with_their_order_and_belong_to_its_content() {
    let world = World::start().await;
    let said = json!({"channel": "web", "utm.source": ""});
    assert_eq!(world.batch(&[event("e1", &said)]).await["failed"], json!([]));
    let placed = world.messages(streams::ORDERS, "orders.placed.>").await;
    assert_eq!(placed[0].event()["data"]["metadata"], said);
    let other = [event("e2", &said), event("e3", &json!({"channel": "app"}))];
    assert_eq!(world.batch(&other).await["failed"], json!([]));
    let conflicts = world.messages(streams::ERRORS, "errors.conflict.>").await;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].event()["data"]["order"]["metadata"]["channel"], "app");
    let answer = world.batch(&[event("e4", &json!({"n": 1}))]).await;
    assert_eq!(answer["failed"][0]["reason"], "metadata.n: is 1, not text");
}

#[tokio::test]
async fn an_order_without_a_region_has_the_country_of_delivery_or_else_of_billing() {
    let world = World::start().await;
    let address = |country: &str| json!({"lines": ["x"], "city": "y", "country": country});
    for (number, region, person, expected) in [
        ("1", json!("Nord"), json!({"delivery": address("ES")}), json!("Nord")),
        (
            "2",
            Value::Null,
            json!({"delivery": address("ES"), "billing": address("FR")}),
            json!("ES"),
        ),
        ("3", Value::Null, json!({"billing": address("FR")}), json!("FR")),
        ("4", Value::Null, json!({"name": "Ana"}), Value::Null),
    ] {
        let mut sent = event(number, &json!({}));
        sent["data"]["order_id"] = number.into();
        sent["data"]["customer"] = person;
        if !region.is_null() {
            sent["data"]["region"] = region;
        }
        // A second delivery is the same order with the same person.
        for _ in 0..2 {
            assert_eq!(world.batch(std::slice::from_ref(&sent)).await["failed"], json!([]));
        }
        let placed = world.messages(streams::ORDERS, &format!("orders.placed.*.*.{number}")).await;
        assert_eq!(placed.len(), 1);
        let order = &placed[0].event()["data"];
        assert_eq!(order["region"], expected, "{order}");
    }
    assert!(world.messages(streams::ERRORS, "errors.conflict.>").await.is_empty());
}
