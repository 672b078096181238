//! The same order again: in another order of its lines, and after an update.

use crate::support::World;
use messaging::publish::{self, Outgoing, Published};
use messaging::streams;
use serde_json::{Value, json};

const SUBJECT: &str = "orders.placed.main.DIRECT.1";

/// The content of [`order`] as version 0.1.0 wrote it.
const CONTENT_OF_0_1_0: &str = "a15925fb29733b88be193804b43450c2fa23492181b0e2820190fda36316ffa8";

fn order(products: [(&str, i64, f64); 2]) -> Value {
    let line = |(product, quantity, price): (&str, i64, f64)| json!({"product_id": product, "quantity": quantity, "price": price});
    json!({"order_id": "1", "customer": "c1", "lines": products.map(line)})
}

const LINES: [(&str, i64, f64); 2] = [("P001", 2, 1.5), ("P002", 1, 3.0)];

fn event(id: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/test", "subject": "orders", "sequence": "1",
        "type": "orderflow.order.received.v1", "time": "2026-01-02T03:04:05Z", "data": data})
}

impl World {
    async fn send(&self, id: &str, order: &Value) {
        let answer = self.batch(&[event(id, order)]).await;
        assert_eq!(answer["failed"], json!([]));
    }

    async fn conflicts(&self) -> usize {
        self.messages(streams::ERRORS, "errors.conflict.>").await.len()
    }
}

#[tokio::test]
async fn lines_in_another_order_are_the_same_order() {
    let world = World::start().await;
    let [first, second] = LINES;
    world.send("e1", &order([first, second])).await;
    world.send("e2", &order([second, first])).await;
    assert_eq!((world.placed().await.len(), world.conflicts().await), (1, 0));
    world.send("e3", &order([second, second])).await;
    assert_eq!(world.conflicts().await, 1);
}

#[tokio::test]
async fn an_order_that_0_1_0_placed_is_known_again() {
    let world = World::start().await;
    let placed = json!({"specversion": "1.0", "id": "old", "source": "/functions/order-ingest",
        "type": "orderflow.order.placed.v1", "subject": SUBJECT, "data": {"order_id": "1"}});
    let message = Outgoing::new(SUBJECT.to_owned(), placed.to_string().into_bytes().into())
        .header("Orderflow-Content", CONTENT_OF_0_1_0)
        .header("Orderflow-Attempt", "1");
    let stored = publish::one(&world.nats, &message, Some(0)).await.unwrap();
    assert!(matches!(stored, Published::Stored(_)), "{stored:?}");
    world.send("e4", &order(LINES)).await;
    assert_eq!(world.conflicts().await, 0, "it is a duplicate");
    let [first, second] = LINES;
    world.send("e5", &order([first, first])).await;
    assert_eq!(world.conflicts().await, 1, "another one is none");
    // What it compares by, it cannot compare lines in another order by.
    world.send("e6", &order([second, first])).await;
    assert_eq!(world.conflicts().await, 2);
}

#[tokio::test]
async fn an_order_that_a_later_release_placed_waits() {
    let world = World::start().await;
    let message = Outgoing::new(SUBJECT.to_owned(), b"{}".to_vec().into())
        .header("Orderflow-Content", "3:00")
        .header("Orderflow-Attempt", "1");
    publish::one(&world.nats, &message, Some(0)).await.unwrap();
    let answer = world.batch(&[event("e1", &order(LINES))]).await;
    let failed = &answer["failed"][0];
    assert_eq!(failed["retry"], true);
    assert!(failed["reason"].as_str().unwrap().contains("by a later release"), "{failed}");
    assert_eq!(world.conflicts().await, 0);
}

#[tokio::test]
async fn an_order_whose_customer_is_an_address_is_known_again_when_0_1_0_placed_it() {
    let world = World::start().await;
    let mut sent = order(LINES);
    sent["customer"] = json!("ana@example.org");
    let draft = domain::raw::parse(sent.to_string().as_bytes(), None).unwrap();
    let placed = json!({"specversion": "1.0", "id": "old", "source": "/functions/order-ingest",
        "type": "orderflow.order.placed.v1", "subject": SUBJECT, "data": {"order_id": "1"}});
    let message = Outgoing::new(SUBJECT.to_owned(), placed.to_string().into_bytes().into())
        .header("Orderflow-Content", &draft.content())
        .header("Orderflow-Attempt", "1");
    let stored = publish::one(&world.nats, &message, Some(0)).await.unwrap();
    assert!(matches!(stored, Published::Stored(_)), "{stored:?}");
    world.send("e6", &sent).await;
    assert_eq!(world.conflicts().await, 0, "it is a duplicate");
    let said = world.messages("KV_PERSONS", "$KV.PERSONS.order.>").await;
    assert!(said.iter().all(|said| said.payload.is_empty()), "nothing is kept of it");
    sent["customer"] = json!({"id": "ana@example.org", "name": "Ana"});
    world.send("e7", &sent).await;
    assert_eq!(world.conflicts().await, 1, "it says more than before");
}
