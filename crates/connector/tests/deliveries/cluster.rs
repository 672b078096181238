//! Deliveries from three servers that keep copies of the same streams.

use crate::gateway::{Call, done};
use crate::ordered::{Ledger, ORDERED, decided};
use crate::support::{World, numbers, until};
use messaging::publish::{self, Outgoing, Published};
use messaging::streams;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::cluster::Cluster;
use tokio::time::Instant;

/// A message is delivered again after 15 s; this is shorter.
const AT_ONCE_MAX: Duration = Duration::from_secs(10);

async fn publish(world: &World<Cluster>, n: u64, bytes: usize) {
    let order = json!({"n": n, "rest": "x".repeat(bytes)}).to_string();
    world.publish("orders", &order).await;
}

/// Waits until each of `functions` got the numbers 0 to `count`, each once.
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

/// From 2.11.7 on, a message is delivered after most servers have recorded it, but the status of the
/// same request is sent before.
#[tokio::test]
async fn messages_that_arrive_after_the_status_of_their_request_are_given_out_at_once() {
    for program in testkit::nats_servers() {
        let mut world = World::of_three(program.as_deref()).await;
        let functions = ["alone", "together"];
        world.gateway.annotate("alone", &[("topic", "orders")]);
        world.gateway.annotate("together", &[("topic", "orders"), ("orderflow.batch", "50")]);
        for function in functions {
            world.gateway.deploy(function, done);
        }
        world.start().await;
        // One by one; then more than fit into one request, by number and by bytes.
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

/// Publishes until the message is stored; returns its sequence.
async fn stored(world: &World<Cluster>, subject: &str, n: u64) -> u64 {
    let payload = json!({"n": n}).to_string();
    let message = Outgoing::new(subject.to_owned(), payload.into());
    let message = message.header("Nats-Msg-Id", &format!("{subject}:{n}"));
    let mut sequence = 0;
    until("it is stored", async || {
        let Ok(Published::Stored(at)) = publish::one(&world.nats, &message, None).await else {
            return false;
        };
        sequence = at;
        true
    })
    .await;
    sequence
}

/// Waits until `f` got 0 to `count` and no message is pending.
async fn all_done(world: &World<Cluster>, count: u64) {
    until("all are given out", async || {
        let given: BTreeSet<u64> = numbers(&world.gateway.events("f")).into_iter().collect();
        given.into_iter().eq(0..count)
    })
    .await;
    world.settled("f", "orders").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_are_killed_cost_no_message_no_attempt_and_no_dead_letter() {
    const BAD: u64 = 100;
    let mut world = World::of_three(testkit::nats_server_bin().as_deref()).await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "10")]);
    let is_bad = |call: &Call| call.events.iter().any(|event| event["data"]["n"] == BAD);
    let refuses = move |call: &Call| if is_bad(call) { (422, "no".into()) } else { done(call) };
    world.gateway.deploy("f", refuses);
    world.start().await;
    for n in 0..50 {
        stored(&world, "orders", n).await;
    }
    all_done(&world, 50).await;

    let kill_leader = |stream: &str| {
        let mut members = world.server.members();
        let leader = members.stream_leader(stream).unwrap();
        members.members_mut()[leader].kill();
        leader
    };
    let killed = kill_leader(streams::INTAKE);
    for n in 50..BAD {
        stored(&world, "orders", n).await;
    }
    all_done(&world, BAD).await;
    tokio::task::block_in_place(|| world.server.members().members_mut()[killed].restart().unwrap());

    until("there is a leader", async || {
        world.server.members().stream_leader(streams::ERRORS).is_some()
    })
    .await;
    kill_leader(streams::ERRORS);
    stored(&world, "orders", BAD).await;
    all_done(&world, BAD + 1).await;
    assert_eq!(world.dead_letters().await, 1, "the refused one, and no other");
    // The refused message is called again if its letter could not be stored, which is not its fault.
    let attempts = world.metric("connector_attempts_total{function=\"f\"}").await;
    let refusals = world.gateway.calls("f").iter().filter(|call| is_bad(call)).count();
    let refusals = f64::from(u32::try_from(refusals).unwrap());
    assert_eq!(attempts, Some(refusals), "of the refused one alone");
    world.stop().await;
}

/// A former leader that does not know of its successor answers with an old state. On the newest server that is here: three
/// of 2.9.10 lose what they confirmed when one is paused (docs/RELIABILITY.md).
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_comes_back_from_a_pause_stops_no_lane() {
    let newest = testkit::nats_servers().pop().flatten();
    let mut world = World::of_three(newest.as_deref()).await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let subject = "orders.placed.main.US1.x";
    let mut expected = Vec::new();
    for n in 0..20 {
        expected.push(stored(&world, subject, n).await);
    }
    world.start().await;
    decided(&ledger, &expected).await;

    let paused = {
        let members = world.server.members();
        let leader = members.stream_leader(streams::ORDERS).unwrap();
        members.members()[leader].pause();
        leader
    };
    for n in 20..60 {
        expected.push(stored(&world, subject, n).await);
    }
    world.server.members().members()[paused].resume();
    for n in 60..80 {
        expected.push(stored(&world, subject, n).await);
    }
    decided(&ledger, &expected).await;
    let held = "connector_lane_held{function=\"p\",filter=\"orders.placed.main.>\"}";
    assert_eq!(world.metric(held).await, Some(0.0));
    world.stop().await;
}
