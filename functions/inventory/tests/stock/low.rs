//! Low stock is published once each time a product falls below its threshold, also after a restart.

use crate::lane::WAIT_MAX;
use crate::support::{World, command};
use messaging::{streams, tail};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

/// Warehouse, level and threshold of all that was told.
async fn told(world: &World) -> Vec<(String, i64, i64)> {
    let mut told = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(event["type"], "orderflow.stock.low.v1");
        let data = &event["data"];
        let warehouse = data["warehouse"].as_str().unwrap();
        assert_eq!(message.subject.as_str(), format!("errors.low_stock.{warehouse}.A"));
        let number = |name: &str| data[name].as_i64().unwrap();
        told.push((warehouse.to_owned(), number("available"), number("threshold")));
    };
    tail::read(&world.nats, streams::ERRORS, "errors.low_stock.>", 1, false, each).await.unwrap();
    told
}

/// Waits until exactly these events are published.
async fn until(world: &World, expected: &[(&str, i64, i64)]) {
    let expected: Vec<_> = expected.iter().map(|(w, n, t)| ((*w).to_owned(), *n, *t)).collect();
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let told = told(world).await;
        if told == expected {
            return;
        }
        assert!(told.len() <= expected.len() && Instant::now() < deadline, "{told:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn low_stock_is_told_once_for_each_time_it_falls() {
    let world = World::start().await;
    let made = json!({"id": "A", "name": "Lamp", "price": "1", "currency": "EUR", "low_stock": 5});
    let made = world.inventory.send(command("/products", "", &made)).await.unwrap();
    assert_eq!(made.0, 201, "{}", made.1);
    let by = |n: i64| json!({"products": {"A": n}, "reason": "r"});
    world.does("/stock", "set", json!({"available": {"A": 10}})).await;
    world.does("/stock/adjust", "1", by(-5)).await;
    world.does("/stock/adjust", "2", by(-1)).await;
    until(&world, &[("main", 4, 5)]).await;
    // It falls further, and another process reads it.
    world.does("/stock/adjust", "3", by(-1)).await;
    world.inventory.kill().await;
    let west = json!({"from": "main", "to": "west", "products": {"A": 2}});
    world.does("/stock/transfer", "4", west).await;
    until(&world, &[("main", 4, 5), ("west", 2, 5)]).await;
    // Back at the threshold, and below it again: by a process that was not there meanwhile.
    world.does("/stock/adjust", "5", by(4)).await;
    world.does("/stock/adjust", "6", by(-2)).await;
    world.inventory.kill().await;
    until(&world, &[("main", 4, 5), ("west", 2, 5), ("main", 3, 5)]).await;
    world.does("/stock/restock", "7", json!({"products": {"A": 1}})).await;
    world.does("/stock/restock", "8", json!({"warehouse": "west", "products": {"A": 9}})).await;
    world
        .does(
            "/stock/adjust",
            "9",
            json!({"warehouse": "west", "products": {"A": -9}, "reason": "r"}),
        )
        .await;
    let all = [("main", 4, 5), ("west", 2, 5), ("main", 3, 5), ("west", 2, 5)];
    until(&world, &all).await;
}
