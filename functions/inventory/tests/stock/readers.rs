//! Every type of event about an order, and what each function that reads orders makes of it.

use crate::lane::Lane;
use crate::support::{Of, Process, World, command};
use axum::body::Body;
use axum::http::Request;
use chrono::DateTime;
use domain::WarehouseId;
use invoices::Asking;
use messaging::{Event, streams, tail};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::{Duration, Instant, sleep};

const WAIT_MAX: Duration = Duration::from_secs(60);

struct Shop {
    world: World,
    ingest: Process,
    status: Process,
    customers: Process,
    calls: u32,
}

fn sale() -> Value {
    json!({"order_id": "S", "customer": "c1", "product": "A", "quantity": 5, "price": 10})
}

impl Shop {
    async fn start() -> Self {
        let world = World::start().await;
        world.does("/stock", "set", json!({"available": {"A": 100}})).await;
        let url = world.server.url();
        let ingest = Process::start(Of::Ingest, &url).await;
        let status = Process::start(Of::Status, &url).await;
        let customers = Process::start(Of::Customers, &url).await;
        Self { world, ingest, status, customers, calls: 0 }
    }

    /// Posts to order-ingest, or to inventory; what is placed by it is decided.
    async fn post(&mut self, path: &str, body: Value) -> u16 {
        self.calls += 1;
        let request = command(path, &format!("key {}", self.calls), &body);
        let of = if path == "/shipments" { &self.world.inventory } else { &self.ingest };
        let (status, body) = of.send(request).await.unwrap();
        assert!(status < 500, "{path}: {status} {body}");
        Lane::read(&self.world).await.decide(&self.world).await;
        status
    }

    async fn read(of: &Process, path: &str) -> Value {
        let request = Request::get(path).header("authorization", "Bearer read");
        let (status, body) = of.send(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// What the readers say: the sale by itself and in the list, its attempt, and what its customer ordered.
    async fn seen(&self) -> String {
        let one = Self::read(&self.status, "/orders/DIRECT/S?wait=30s").await;
        let list = Self::read(&self.status, "/orders?partner=DIRECT&wait=30s").await;
        let row = list["orders"].as_array().unwrap().iter().find(|row| row["order_id"] == "S");
        let row = row.unwrap();
        for name in ["words", "status", "attempt", "explanation", "reason"] {
            assert_eq!(row[name], one[name], "{name}: {row} {one}");
        }
        assert_eq!(one["order"]["lines"][0]["quantity"], 5, "{one}");
        let (words, attempt) = (one["words"].as_str().unwrap(), &one["attempt"]);
        format!("{words} {attempt}")
    }

    /// Orders, returns and amount of the customer, once they are these.
    async fn totals(&self, expected: Value) {
        let until = Instant::now() + WAIT_MAX;
        loop {
            let body = Self::read(&self.customers, "/customers/DIRECT/c1/orders").await;
            let of = |name: &str| body["totals"]["EUR"][name].clone();
            let totals = Value::from(["orders", "returns", "amount"].map(of).to_vec());
            if totals == expected {
                return;
            }
            assert!(Instant::now() < until, "{totals}, expected {expected}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The types of all messages about the sale and its return, and how many there are of each.
    async fn types(&self) -> BTreeMap<String, usize> {
        let mut types = BTreeMap::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event: Event = serde_json::from_slice(&message.payload).unwrap();
            let kind = event.kind.trim_start_matches("orderflow.order.").trim_end_matches(".v1");
            *types.entry(kind.to_owned()).or_default() += 1;
        };
        tail::read(&self.world.nats, streams::ORDERS, "orders.>", 1, false, each).await.unwrap();
        types
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_of_orders_makes_of_every_type_what_it_is() {
    let mut shop = Shop::start().await;
    let id = json!({"order_id": "S"});
    assert_eq!(shop.post("/", sale()).await, 201);
    assert_eq!(shop.seen().await, "confirmed 1");
    shop.totals(json!([1, 0, "50.00"])).await;
    assert_eq!(shop.post("/cancel", id.clone()).await, 201);
    assert_eq!(shop.seen().await, "cancelled 2");
    shop.totals(json!([0, 0, "0.00"])).await;
    assert_eq!(shop.post("/shipments", id.clone()).await, 409, "it is cancelled");
    assert_eq!(shop.post("/retry", id.clone()).await, 201);
    assert_eq!(shop.seen().await, "confirmed 3");
    // A shipment is no attempt, and no order to its customer.
    let part = json!({"order_id": "S", "products": {"A": 2}});
    assert_eq!(shop.post("/shipments", part).await, 200);
    assert_eq!(shop.seen().await, "partly shipped 3");
    shop.totals(json!([1, 0, "50.00"])).await;
    // It stays confirmed, and the attempt to cancel it counts.
    assert_eq!(shop.post("/cancel", id.clone()).await, 201);
    assert_eq!(shop.seen().await, "partly shipped 4");
    assert_eq!(shop.post("/retry", id.clone()).await, 409);
    // The same order is a duplicate and another one a conflict, as before.
    assert_eq!(shop.post("/", sale()).await, 200);
    let other =
        json!({"order_id": "S", "customer": "c1", "product": "A", "quantity": 6, "price": 10});
    assert_eq!(shop.post("/", other).await, 409);
    assert_eq!(shop.seen().await, "partly shipped 4");
    let back = json!({"order_id": "R", "customer": "c1", "product": "A", "quantity": -3, "price": 10,
        "returns": "S"});
    assert_eq!(shop.post("/", back).await, 201);
    assert_eq!(shop.seen().await, "partly returned 4");
    shop.totals(json!([1, 1, "20.00"])).await;
    assert_eq!(shop.post("/cancel", json!({"order_id": "R"})).await, 201);
    assert_eq!(shop.seen().await, "partly shipped 4");
    shop.totals(json!([1, 0, "50.00"])).await;
    assert_eq!(shop.post("/shipments", id.clone()).await, 200);
    assert_eq!(shop.seen().await, "shipped 4");
    shop.totals(json!([1, 0, "50.00"])).await;
    let one = Shop::read(&shop.status, "/orders/DIRECT/S").await;
    assert_eq!(one["shipped"]["shipments"].as_array().unwrap().len(), 2, "{one}");
    let expected = [
        ("cancelling", 3),
        ("confirmed", 3),
        ("kept", 1),
        ("placed", 3),
        ("refused", 2),
        ("returned", 2),
        ("shipped", 2),
    ];
    let expected = expected.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(shop.types().await, expected.into());
    assert_eq!(shop.world.available("main", "A").await, 95);
    // A process that knows nothing reads the same, from the beginning.
    shop.status.kill().await;
    shop.customers.kill().await;
    shop.world.processor.kill().await;
    Lane::read(&shop.world).await.decide(&shop.world).await;
    assert_eq!(shop.seen().await, "shipped 4");
    shop.totals(json!([1, 0, "50.00"])).await;
    // Nothing is invoiced for a shipment.
    let mut shipped = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        shipped.push(serde_json::from_slice(&message.payload).unwrap());
    };
    let nats = &shop.world.nats;
    tail::read(nats, streams::ORDERS, "orders.shipped.>", 1, false, each).await.unwrap();
    for event in shipped {
        let event: Box<RawValue> = event;
        assert_eq!(Asking::of(1, &event), None);
    }
    let verified = stock::verify(nats, &WarehouseId::main(), DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(verified.problems_total, 0, "{:?}", verified.problems);
    shop.world.check().await;
}
