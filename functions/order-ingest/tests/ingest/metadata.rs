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
