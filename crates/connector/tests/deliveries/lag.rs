//! The backlog metrics count undone messages, also while a function works on all of them.

use crate::gateway::done;
use crate::ordered::{self, Ledger, ORDERED};
use crate::support::{World, until};
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{Consumer, FromConsumer as _, pull};
use futures_util::StreamExt as _;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// When message `sequence` of a stream was stored, in seconds since 1970.
async fn stored(world: &World, stream: &str, sequence: u64) -> f64 {
    let message = world.stream(stream).await.get_raw_message(sequence).await.unwrap();
    let seconds = u32::try_from(message.time.unix_timestamp()).unwrap();
    f64::from(seconds)
}

pub(crate) async fn shown<S>(world: &World<S>, labels: &str) -> (Option<f64>, Option<f64>) {
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
    // The function accepts all messages and never answers.
    world.gateway.deploy("f", |_| (0, String::new()));
    world.start().await;
    let labels = "{function=\"f\",filter=\"orders\"}";
    let expected = (Some(3.0), Some(stored(&world, "INTAKE", first).await));
    until("what waits is shown", async || shown(&world, labels).await == expected).await;
    let consumer = world.stream("INTAKE").await.consumer_info("f__orders").await.unwrap();
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
    // The function reports its position, but never answers to a batch.
    world.gateway.deploy("p", |call| match call.events.is_empty() {
        true => (200, json!({"decided_to": 0}).to_string()),
        false => (0, String::new()),
    });
    world.start().await;
    let labels = "{function=\"p\",filter=\"orders.placed.main.>\"}";
    let oldest = stored(&world, "ORDERS", expected[0]).await;
    let waits = (Some(f64::from(u32::try_from(expected.len()).unwrap())), Some(oldest));
    until("what waits is shown", async || shown(&world, labels).await == waits).await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    ordered::decided(&ledger, &expected).await;
    let nothing = (Some(0.0), Some(0.0));
    until("nothing waits", async || shown(&world, labels).await == nothing).await;
    world.stop().await;
}

/// The lane's position comes from its journal, so the function need not answer.
#[tokio::test]
async fn a_lane_whose_function_has_not_answered_since_the_start_waits_as_well() {
    let mut world = World::new().await;
    world.gateway.annotate("p", ORDERED);
    let expected = ordered::publish(&world, 30).await;
    world.gateway.deploy("p", |_| (0, String::new()));
    world.start().await;
    let labels = "{function=\"p\",filter=\"orders.placed.main.>\"}";
    let oldest = stored(&world, "ORDERS", expected[0]).await;
    let waits = (Some(f64::from(u32::try_from(expected.len()).unwrap())), Some(oldest));
    until("what waits is shown", async || shown(&world, labels).await == waits).await;
    assert_eq!(world.gateway.calls("p").len(), 1, "it was asked once, and has not answered");
    let ledger = Ledger::default();
    ledger.deploy(&world);
    ordered::decided(&ledger, &expected).await;
    let nothing = (Some(0.0), Some(0.0));
    until("nothing waits", async || shown(&world, labels).await == nothing).await;
    world.stop().await;
}

/// Like a server that does not deliver: messages are stored, but the connector gets none.
#[tokio::test]
async fn what_a_consumer_does_not_give_out_waits_as_well() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.deploy("f", done);
    world.start().await;
    world.publish("orders", "{}").await;
    world.settled("f", "orders").await;
    world.stop().await;
    // Another client holds a message, and only one may be unacknowledged.
    let orders = world.stream("INTAKE").await;
    let first = world.publish("orders", "{}").await;
    let oldest = stored(&world, "INTAKE", first).await;
    let consumer: Consumer<pull::Config> = orders.get_consumer("f__orders").await.unwrap();
    let mut fetched = consumer.fetch().max_messages(1).messages().await.unwrap();
    let held = fetched.next().await.unwrap().unwrap();
    assert_eq!(held.info().unwrap().stream_sequence, first);
    world.start().await;
    let labels = "{function=\"f\",filter=\"orders\"}";
    until("it is looked at", async || shown(&world, labels).await.0 == Some(1.0)).await;
    let mut config = consumer.cached_info().config.clone();
    config.max_ack_pending = 1;
    let config = pull::Config::try_from_consumer_config(config).unwrap();
    orders.update_consumer(config).await.unwrap();
    for _ in 0..4 {
        world.publish("orders", "{}").await;
    }
    until("what waits is shown", async || {
        held.ack_with(AckKind::Progress).await.unwrap();
        shown(&world, labels).await == (Some(5.0), Some(oldest))
    })
    .await;
    let asked = format!("connector_lag_asked_timestamp_seconds{labels}");
    let now = async_nats::datetime::now().unix_timestamp();
    let ago = f64::from(u32::try_from(now).unwrap()) - world.metric(&asked).await.unwrap();
    assert!(ago < 30.0, "asked {ago} s ago");
    world.stop().await;
}

/// A rebase and a skip write to the journal. Without that the lane is tried again after 30 s.
#[tokio::test]
async fn a_lane_that_is_held_goes_on_as_soon_as_its_position_is_moved() {
    let mut world = World::new().await;
    world.gateway.annotate("p", ORDERED);
    let expected = ordered::publish(&world, 9).await;
    world.gateway.deploy("p", |_| (409, json!({"fault": true}).to_string()));
    world.start().await;
    let held = "connector_lane_held{function=\"p\",filter=\"orders.placed.main.>\"}";
    until("the lane is held", async || world.metric(held).await == Some(1.0)).await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    let moved = Instant::now();
    world.publish("journal.inventory.main", "{}").await;
    ordered::decided(&ledger, &expected).await;
    assert!(moved.elapsed() < Duration::from_secs(15), "{:?}", moved.elapsed());
    world.stop().await;
}
