//! Messages of `orders` that the stream ORDERS still holds, from before INTAKE kept them.

use crate::gateway::done;
use crate::support::{World, until};
use messaging::{streams, subject};
use serde_json::json;
use std::collections::BTreeSet;

impl World {
    /// As version 0.1.0 has it.
    async fn orders_as_they_were(&self) {
        self.nats.js.delete_stream(streams::INTAKE).await.unwrap();
        let mut config = self.stream(streams::ORDERS).await.cached_info().config.clone();
        config.subjects.push(subject::ORDERS.to_owned());
        self.nats.js.update_stream(config).await.unwrap();
    }

    async fn orders(&self, numbers: std::ops::Range<u64>) {
        for n in numbers {
            self.publish("orders", &json!({"n": n}).to_string()).await;
        }
    }

    async fn given(&self) -> Vec<String> {
        let id = |event: &serde_json::Value| event["id"].as_str().unwrap().to_owned();
        self.gateway.events("f").iter().map(id).collect()
    }
}

#[tokio::test]
async fn what_a_stream_still_holds_is_delivered_after_another_keeps_the_subject() {
    let mut world = World::new().await;
    world.orders_as_they_were().await;
    world.orders(0..5).await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "3")]);
    world.gateway.deploy("f", done);
    // A connector that starts before setup goes on as before.
    world.start().await;
    until("the first are given out", async || world.given().await.len() == 5).await;
    world.gateway.remove("f");
    world.orders(5..30).await;
    world.stop().await;

    for step in streams::setup(&world.nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    world.orders(30..40).await;
    // Servers read their consumers from disk.
    world.server.kill();
    world.server.restart();
    world.reconnect().await;
    world.gateway.deploy("f", done);
    world.start().await;
    until("all are given out", async || 40 <= world.given().await.len()).await;
    world.settled("f", "orders").await;
    let lag = r#"connector_lag_messages{function="f",filter="orders (ORDERS)"}"#;
    until("nothing is left in ORDERS", async || world.metric(lag).await.is_none()).await;
    let given = world.given().await;
    let expected = (1..=30).map(|n| format!("ORDERS:{n}"));
    let expected: BTreeSet<_> = expected.chain((1..=10).map(|n| format!("INTAKE:{n}"))).collect();
    // What was acknowledged just before the server was killed may come twice.
    assert_eq!(given.iter().cloned().collect::<BTreeSet<_>>(), expected);
    world.stop().await;

    world.start().await;
    world.orders(40..41).await;
    let seen = given.len() + 1;
    until("the next is given out", async || world.given().await.len() == seen).await;
    assert_eq!(world.metric(lag).await, None);
    world.stop().await;
}
