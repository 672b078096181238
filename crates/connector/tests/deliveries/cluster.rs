//! Deliveries from three servers that keep copies of the same streams.

use crate::gateway::done;
use crate::support::{World, numbers, until};
use serde_json::json;
use std::time::Duration;
use testkit::cluster::Cluster;
use tokio::time::Instant;

/// A message that is given out again comes after 15 s.
const AT_ONCE_MAX: Duration = Duration::from_secs(10);

async fn publish(world: &World<Cluster>, n: u64, bytes: usize) {
    let order = json!({"n": n, "rest": "x".repeat(bytes)}).to_string();
    world.publish("orders", &order).await;
}

/// Waits until `functions` have 0 to `count`, each once.
async fn given(world: &World<Cluster>, functions: &[&str], count: u64, since: Instant) {
    for function in functions {
        until("all are given out", async || {
            assert!(since.elapsed() < AT_ONCE_MAX, "{function} waits for messages of {count}");
            count <= world.gateway.events(function).len() as u64
        })
        .await;
        let mut given = numbers(&world.gateway.events(function));
        given.sort_unstable();
        assert!(given.into_iter().eq(0..count), "{function} has each of {count} once");
    }
}

/// From 2.11.7 on a message goes out when most servers know of it, and the status of the same request
/// before that.
#[tokio::test]
async fn what_comes_behind_the_status_of_its_request_is_given_out_at_once() {
    for program in testkit::nats_servers() {
        let mut world = World::of_three(program.as_deref()).await;
        let functions = ["alone", "together"];
        world.gateway.annotate("alone", &[("topic", "orders")]);
        world.gateway.annotate("together", &[("topic", "orders"), ("orderflow.batch", "50")]);
        for function in functions {
            world.gateway.deploy(function, done);
        }
        world.start().await;
        // One after the other; then more than fit into one request, by their number and by their bytes.
        for n in 0..5 {
            let began = Instant::now();
            publish(&world, n, 0).await;
            given(&world, &functions, n + 1, began).await;
        }
        for (more, bytes) in [(120, 0), (25, 100_000)] {
            let count = world.gateway.events("alone").len() as u64;
            for n in count..count + more {
                publish(&world, n, bytes).await;
            }
            given(&world, &functions, count + more, Instant::now()).await;
        }
        for function in functions {
            world.settled(function, "orders").await;
        }
        let rebuilds = world.metric("connector_rebuilds_total").await;
        assert!(rebuilds.is_none_or(|count| count == 0.0), "{rebuilds:?} of {program:?}");
        world.stop().await;
    }
}
