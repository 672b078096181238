//! Connectors as separate processes: several at once, killed, asked to end.

use crate::gateway::done;
use crate::ordered::{Ledger, ORDERED, decided, publish};
use crate::support::{World, numbers, until};
use messaging::kv::Bucket;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// The connectors whose calls reached `function`, by the prefix of their call ids.
fn callers(world: &World, function: &str) -> BTreeSet<String> {
    let calls = world.gateway.calls(function).into_iter();
    calls.map(|call| call.header("x-call-id").split('-').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_of_two_connectors_reads_a_lane_and_the_other_takes_over() {
    let world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 30).await;
    let mut first = world.spawn();
    decided(&ledger, &expected).await;
    let mut second = world.spawn();
    second.ready().await;
    expected.extend(publish(&world, 30).await);
    decided(&ledger, &expected).await;
    assert_eq!(callers(&world, "p").len(), 1, "the second one reads nothing");

    first.kill();
    let killed = Instant::now();
    expected.extend(publish(&world, 30).await);
    decided(&ledger, &expected).await;
    let away = killed.elapsed();
    assert!(away < Duration::from_secs(15), "{away:?}");
    assert_eq!(callers(&world, "p").len(), 2);

    assert_eq!(second.terminate().await, Some(0));
    let leases: Bucket<Value> = Bucket::open(&world.nats, "CONNECTOR_LEASES").await.unwrap();
    let leases = leases.all(&world.nats).await.unwrap();
    assert_eq!(leases.len(), 1, "one lane");
    assert_eq!(leases[0].1["owner"], Value::Null, "it was given back");
    let _third = world.spawn();
    expected.extend(publish(&world, 30).await);
    decided(&ledger, &expected).await;
    assert_eq!(callers(&world, "p").len(), 3);
}

#[tokio::test]
async fn a_lane_without_leases_is_read_all_the_same() {
    let mut world = World::new().await;
    world.nats.js.delete_stream("KV_CONNECTOR_LEASES").await.unwrap();
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 30).await;
    world.start().await;
    decided(&ledger, &expected).await;
    let leased = "connector_lane_leased{function=\"p\",filter=\"orders.placed.main.>\"}";
    assert_eq!(world.metric(leased).await, Some(1.0));
    world.stop().await;
}

#[tokio::test]
async fn two_connectors_share_what_is_not_ordered() {
    let world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-inflight", "1")]);
    world.gateway.deploy_slow("f", Duration::from_millis(20), done);
    let _replicas = [world.spawn(), world.spawn()];
    let mut published = 0..;
    until("both are called", async || {
        let n = published.next().unwrap();
        world.publish("orders", &json!({"n": n}).to_string()).await;
        callers(&world, "f").len() == 2
    })
    .await;
    world.settled("f", "orders").await;
    let numbers = numbers(&world.gateway.events("f"));
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "each once");
}

#[tokio::test]
async fn a_call_in_progress_outlives_sigterm() {
    let world = World::new().await;
    for n in 0..3 {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-inflight", "1")]);
    world.gateway.deploy_slow("f", Duration::from_secs(2), done);
    let mut connector = world.spawn();
    until("it is called", async || !world.gateway.calls("f").is_empty()).await;
    assert_eq!(connector.terminate().await, Some(0));
    let (pending, unacknowledged) = world.open("f", "orders").await;
    let open = usize::try_from(pending).unwrap() + unacknowledged;
    assert_eq!((world.gateway.events("f").len(), open), (1, 2), "it was confirmed, no more called");
}

#[tokio::test]
async fn a_connector_waits_for_a_server_that_is_not_there_yet() {
    let world = World::new().await;
    world.publish("orders", r#"{"n": 0}"#).await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.deploy("f", done);
    world.server.kill();
    let connector = world.spawn();
    until("it asks for the functions", async || world.gateway.lists() > 0).await;
    world.server.restart();
    until("it is called", async || !world.gateway.calls("f").is_empty()).await;
    connector.ready().await;
}
