//! order-ingest: whatever ends when, a placed order has the person that it names, and nobody else's.

use crate::support::{World, order};
use messaging::persons::{self, Entry};
use messaging::subject::OrderSubject;
use messaging::{header, streams, tail};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const AT: &str = "2026-01-01T00:00:00Z";

impl World {
    /// The name that is kept for each placed order.
    async fn names(&self) -> BTreeMap<String, String> {
        let mut placed = Vec::new();
        tail::read(&self.nats, streams::ORDERS, "orders.placed.>", 1, true, |message| {
            let headers = message.headers.clone().unwrap_or_default();
            let digest = headers.get(header::PERSON).unwrap().as_str().to_owned();
            placed.push((OrderSubject::parse(&message.subject).unwrap(), digest));
        })
        .await
        .unwrap();
        let mut names = BTreeMap::new();
        for (OrderSubject { partner, order_id, .. }, digest) in placed {
            let customer = domain::CustomerId::parse("c").unwrap();
            let subject = persons::subject(&partner, Some(&customer), &order_id, &digest);
            let entry = persons::read(&self.nats, &subject).await.unwrap();
            let Entry::Said(_, said) = entry else { panic!("{order_id} names nobody: {entry:?}") };
            let before = names.insert(order_id.to_string(), said.person.name.unwrap());
            assert_eq!(before, None, "{order_id} is placed twice");
        }
        names
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_orders_with_one_id_one_is_placed_with_its_own_person() {
    let world = World::start().await;
    let second = world.ingest().await;
    let mut expected = BTreeMap::new();
    for n in 0..20 {
        let id = n.to_string();
        let order = |name: &str| order(&id, AT, &json!({"id": "c", "name": name}));
        let (ana, bob) = (order("Ana"), order("Bob"));
        let (first, other) = tokio::join!(world.ingest.post("/", &ana), second.post("/", &bob));
        let name = match (first.status, other.status) {
            (201, 409) => "Ana",
            (409, 201) => "Bob",
            _ => panic!("{first:?} {other:?}"),
        };
        expected.insert(id, name.to_owned());
    }
    assert_eq!(world.names().await, expected);
    assert_eq!(world.said().await.len(), 20, "of those that were not placed nothing is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_cut_off_anywhere_loses_no_person_and_no_order() {
    let world = World::start().await;
    let mut expected = BTreeMap::new();
    for n in 0..40_u64 {
        let (id, name) = (n.to_string(), format!("Name {n}"));
        let order = order(&id, AT, &json!({"id": "c", "name": name}));
        let killed = world.ingest().await;
        // Cut off after so long: before, between and after its steps.
        let call = killed.try_post("/", &order);
        drop(tokio::time::timeout(Duration::from_micros(400 + n * 60), call).await);
        drop(killed);
        let again = world.deliver(&format!("e{n}"), &order).await;
        assert_eq!(again.body["failed"], json!([]), "{again:?}");
        expected.insert(id, name);
    }
    assert_eq!(world.names().await, expected);
    assert_eq!(world.texts(streams::ERRORS, ">").await, [""; 0]);
    assert_eq!(world.said().await.len(), 40);
}
