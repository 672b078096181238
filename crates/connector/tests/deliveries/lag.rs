//! What is not done is shown, also while a function has all of it in its hands.

use crate::gateway::done;
use crate::ordered::{self, Ledger, ORDERED};
use crate::support::{World, until};
use serde_json::json;

/// When message `sequence` of ORDERS was stored, in seconds since 1970.
async fn stored(world: &World, sequence: u64) -> f64 {
    let message = world.stream("ORDERS").await.get_raw_message(sequence).await.unwrap();
    let seconds = u32::try_from(message.time.unix_timestamp()).unwrap();
    f64::from(seconds)
}

async fn shown(world: &World, labels: &str) -> (Option<f64>, Option<f64>) {
    let lag = world.metric(&format!("connector_lag_messages{labels}")).await;
    let oldest = format!("connector_oldest_undone_timestamp_seconds{labels}");
    (lag, world.metric(&oldest).await)
}

#[tokio::test]
async fn messages_that_are_given_out_and_not_done_wait_as_well() {
    let mut world = World::new().await;
    let first = world.publish("orders", "{}").await;
    world.publish("orders", "{}").await;
    world.publish("orders", "{}").await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    // It takes all, and never answers.
    world.gateway.deploy("f", |_| (0, String::new()));
    world.start().await;
    let labels = "{function=\"f\",filter=\"orders\"}";
    let expected = (Some(3.0), Some(stored(&world, first).await));
    until("what waits is shown", async || shown(&world, labels).await == expected).await;
    let consumer = world.stream("ORDERS").await.consumer_info("f__orders").await.unwrap();
    assert_eq!((consumer.num_pending, consumer.num_ack_pending), (0, 3));
    world.gateway.deploy("f", done);
    let nothing = (Some(0.0), Some(0.0));
    until("nothing waits", async || shown(&world, labels).await == nothing).await;
    world.stop().await;
}

#[tokio::test]
async fn what_a_lane_has_read_and_nobody_has_decided_waits_as_well() {
    let mut world = World::new().await;
    world.gateway.annotate("p", ORDERED);
    let expected = ordered::publish(&world, 30).await;
    // It says where it is, and never answers to a batch.
    world.gateway.deploy("p", |call| match call.events.is_empty() {
        true => (200, json!({"decided_to": 0}).to_string()),
        false => (0, String::new()),
    });
    world.start().await;
    let labels = "{function=\"p\",filter=\"orders.placed.main.>\"}";
    let oldest = stored(&world, expected[0]).await;
    let waits = (Some(f64::from(u32::try_from(expected.len()).unwrap())), Some(oldest));
    until("what waits is shown", async || shown(&world, labels).await == waits).await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    ordered::decided(&ledger, &expected).await;
    let nothing = (Some(0.0), Some(0.0));
    until("nothing waits", async || shown(&world, labels).await == nothing).await;
    world.stop().await;
}
