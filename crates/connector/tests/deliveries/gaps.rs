//! Orders that are removed before they are decided, and lanes in which no order is placed for a long
//! time.
#![cfg(test)]

use crate::ordered::{Ledger, decided, publish};
use crate::support::{World, until};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const ORDERED: &[(&str, &str)] = &[
    ("topic", "orders.placed.>"),
    ("orderflow.ordered", "true"),
    ("orderflow.lanes", "main"),
    ("orderflow.batch", "10"),
];

async fn held(world: &World) {
    until("the lane is held", async || world.metric("connector_lane_held{").await == Some(1.0))
        .await;
}

async fn purge(world: &World, subject: &str) {
    world.stream("ORDERS").await.purge().filter(subject).await.unwrap();
}

#[tokio::test]
async fn orders_that_are_purged_while_others_wait_hold_the_lane() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    let (answering, open) = (ledger.clone(), Arc::new(AtomicBool::new(true)));
    let gate = Arc::clone(&open);
    world.gateway.deploy("p", move |call| match gate.load(Ordering::Relaxed) {
        true => answering.answer(call),
        false => (503, String::new()),
    });
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 9).await;
    world.start().await;
    decided(&ledger, &expected).await;
    open.store(false, Ordering::Relaxed);
    publish(&world, 60).await;
    // Removes the orders of one partner; the next order is of another.
    purge(&world, "orders.placed.main.US1.x").await;
    world.publish("orders.placed.main.US2.y", "{}").await;
    open.store(true, Ordering::Relaxed);
    held(&world).await;
    world.stop().await;
    // What was already on its way to the function is decided, but nothing after the gap.
    expected.truncate(ledger.decided().len());
    assert_eq!(ledger.decided()[..expected.len()], expected);
    assert!(ledger.decided().len() < 9 + 40, "{:?}", ledger.decided());
}

#[tokio::test]
async fn orders_that_vanished_while_nothing_ran_hold_the_lane_and_say_which() {
    for limit in [false, true] {
        let mut world = World::new().await;
        let ledger = Ledger::default();
        ledger.deploy(&world);
        world.gateway.annotate("p", ORDERED);
        let expected = publish(&world, 9).await;
        world.start().await;
        decided(&ledger, &expected).await;
        world.stop().await;
        publish(&world, 9).await;
        if limit {
            let mut stream = world.stream("ORDERS").await;
            let mut config = stream.info().await.unwrap().config.clone();
            config.max_messages = 4;
            config.discard = async_nats::jetstream::stream::DiscardPolicy::Old;
            world.nats.js.update_stream(&config).await.unwrap();
        } else {
            purge(&world, "orders.placed.main.US1.x").await;
        }
        world.publish("orders.placed.main.US2.y", "{}").await;
        world.start().await;
        held(&world).await;
        world.stop().await;
        assert_eq!(ledger.decided(), expected, "by a limit: {limit}");
    }
}

#[tokio::test]
async fn messages_removed_before_the_position_are_no_gap() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 9).await;
    world.start().await;
    decided(&ledger, &expected).await;
    purge(&world, "orders.placed.main.US1.x").await;
    purge(&world, "orders").await;
    world.stop().await;
    world.start().await;
    expected.push(world.publish("orders.placed.main.US2.y", "{}").await);
    decided(&ledger, &expected).await;
    assert_eq!(world.metric("connector_lane_held{").await, Some(0.0));
    world.stop().await;
}

#[tokio::test]
async fn the_position_of_a_quiet_lane_moves_and_what_expires_before_it_is_no_fault() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 3).await;
    world.start_with(|settings| settings.quiet_after = Duration::ZERO).await;
    decided(&ledger, &expected).await;
    world.stop().await;
    // Long after that, only other lanes get orders.
    let mut last = 0;
    for _ in 0..5 {
        last = world.publish("orders.placed.eu.US1.x", "{}").await;
    }
    world.start_with(|settings| settings.quiet_after = Duration::ZERO).await;
    until("the position moves", async || ledger.at() == last).await;
    world.stop().await;
    // All messages expire; then an order is placed again.
    world.stream("ORDERS").await.purge().await.unwrap();
    world.publish("orders.placed.eu.US1.x", &json!({}).to_string()).await;
    world.start().await;
    expected.push(world.publish("orders.placed.main.US1.x", "{}").await);
    decided(&ledger, &expected).await;
    world.stop().await;
}
