//! Which warehouses there are, and what is in stock before anything was set.

use crate::support::{World, build, build_with, send};
use axum::body::Body;
use axum::http::{Request, header};
use chrono::DateTime;
use domain::order::Terms;
use domain::raw;
use messaging::publish::{self, Outgoing};
use messaging::streams;
use serde_json::{Value, json};
use state::journal::{Place, position};

impl World {
    async fn put(&self, body: &Value) -> (u16, Value) {
        let request = Request::put("/stock")
            .header(header::AUTHORIZATION, "Bearer admin")
            .header("idempotency-key", "k");
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn refuse(&self, body: &Value) -> (u16, Value) {
        let request = Request::post("/journal/skip")
            .header(header::AUTHORIZATION, "Bearer admin")
            .header("idempotency-key", "s");
        send(&self.router, request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// `product available` of all products.
    async fn stock(&self, warehouse: &str) -> Vec<String> {
        let (status, body) = self.get(&format!("/stock?warehouse={warehouse}")).await;
        assert_eq!(status, 200, "{body}");
        let products = body["products"].as_object().unwrap();
        products.iter().map(|(id, item)| format!("{id} {}", item["available"])).collect()
    }

    /// Places an order of one P001, and gives it to the function.
    async fn decide_one(&self) -> u64 {
        let filter = "orders.placed.main.>";
        let raw = json!({"order_id": "1", "product": "P001", "quantity": 1, "price": 1});
        let data = raw::read(&raw, None).unwrap();
        let data = data.place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap();
        let event = json!({"specversion": "1.0", "id": "e", "source": "/test", "data": data,
            "type": "orderflow.order.placed.v1", "sequence": "2", "previous": "0"});
        let place = position(&self.nats, streams::ORDERS, filter, Place::End).await.unwrap();
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .header(header::AUTHORIZATION, "Bearer connector")
            .header("orderflow-after", 0)
            .header("orderflow-stream", "ORDERS")
            .header("orderflow-stream-identity", place.identity)
            .header("orderflow-filter", filter);
        let request = request.body(Body::from(json!([event]).to_string())).unwrap();
        let (status, body) = send(&self.router, request).await;
        assert_eq!(status, 200, "{body}");
        body["decided_to"].as_u64().unwrap()
    }

    async fn journals(&self) -> u64 {
        let stream = self.nats.js.get_stream(streams::JOURNAL).await.unwrap();
        stream.cached_info().state.subjects_count
    }

    /// An entry as 0.1.0 wrote it.
    async fn entry_of_0_1_0(&self, warehouse: &str) {
        let entry = json!({"id": "a", "prev": 0, "at": "2026-01-01T00:00:00Z", "decided_to": null,
            "body": {"set": {"key": "old", "available": {"P002": 7}}}});
        let subject = format!("journal.inventory.{warehouse}");
        let entry = Outgoing::new(subject, entry.to_string().into());
        publish::one(&self.nats, &entry, Some(0)).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_in_stock_before_somebody_sets_it_whatever_is_written_first() {
    for first in ["order", "stock", "skip"] {
        let world = World::bare().await;
        assert_eq!(world.stock("main").await, [""; 0], "{first}");
        let mut expected = Vec::new();
        match first {
            "order" => assert_eq!(world.decide_one().await, 2),
            "stock" => {
                assert_eq!(world.put(&json!({"available": {"A": 1}})).await.0, 200);
                expected.push("A 1");
            }
            _ => {
                let message = Outgoing::new("orders.placed.main.DIRECT.1".into(), "{}".into());
                publish::one(&world.nats, &message, None).await.unwrap();
                let (status, body) = world.refuse(&json!({"sequence": 1, "reason": "r"})).await;
                assert_eq!(status, 200, "{body}");
            }
        }
        assert_eq!(world.stock("main").await, expected, "{first}");
        // And so says a process that reads the journal.
        let world = World { router: build(&world.server).await, ..world };
        assert_eq!(world.stock("main").await, expected, "{first}");
    }
}

#[tokio::test]
async fn a_journal_of_0_1_0_keeps_the_stock_that_it_began_with() {
    let world = World::bare().await;
    world.entry_of_0_1_0("main").await;
    let known = ["P001 50", "P002 7", "P003 100", "P004 200", "P005 500"];
    assert_eq!(world.stock("main").await, known);
    assert_eq!(world.put(&json!({"available": {"A": 1}})).await.0, 200);
    let world = World { router: build(&world.server).await, ..world };
    assert_eq!(world.stock("main").await, [&["A 1"], &known[..]].concat());
}

#[tokio::test]
async fn a_warehouse_that_nobody_has_is_not_found_and_gets_no_journal() {
    let world = World::bare().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("partners.yml");
    std::fs::write(&path, "partners:\n  A: {currency: EUR, warehouse: west}\n").unwrap();
    let partners = [("ORDERFLOW_PARTNERS", path.display().to_string())];
    let world = World { router: build_with(&world.server, partners).await, ..world };
    world.entry_of_0_1_0("closed").await;
    let unknown = "there is no warehouse wets; partners.yml has main, west.";
    for (status, body) in [
        world.get("/stock?warehouse=wets").await,
        world.put(&json!({"warehouse": "wets", "available": {"A": 1}})).await,
        world.refuse(&json!({"warehouse": "wets", "sequence": 1, "reason": "r"})).await,
    ] {
        let detail = body["detail"].as_str().unwrap();
        assert!(status == 404 && detail.starts_with(unknown), "{status} {body}");
    }
    assert_eq!(world.journals().await, 1);
    assert_eq!(world.put(&json!({"warehouse": "west", "available": {"A": 1}})).await.0, 200);
    assert_eq!(world.journals().await, 2);
    assert_eq!(world.stock("west").await, ["A 1"]);
    assert_eq!(world.stock("closed").await.len(), 5, "its partner is gone, its journal is not");
}
