//! The function on three servers that lose the leader of a stream.

use crate::skip::{batch, order, placed};
use crate::support::{FILTER, World, build_at, send};
use axum::body::Bytes;
use domain::Order;
use messaging::publish::{self, Published};
use messaging::{Nats, stored, streams};
use state::journal::{Place, position};
use std::collections::BTreeSet;
use std::ops::Range;
use testkit::cluster::Cluster;
use tokio::time::{Duration, Instant, sleep};

const WAIT_MAX: Duration = Duration::from_secs(120);

/// What waits on the lane.
struct Lane {
    world: World<Cluster>,
    identity: String,
    messages: Vec<(u64, String, Bytes)>,
}

impl Lane {
    /// Places orders of one piece.
    async fn place(&mut self, numbers: Range<u32>) {
        self.place_all(numbers.map(|number| order(&number.to_string(), 1))).await;
    }

    /// Places orders, each as soon as somebody takes it.
    async fn place_all(&mut self, orders: impl IntoIterator<Item = Order>) {
        let deadline = Instant::now() + WAIT_MAX;
        let nats = &self.world.nats;
        for order in orders {
            let message = placed(&order);
            let sequence = loop {
                assert!(Instant::now() < deadline, "nobody takes order {}", order.order_id);
                match publish::one(nats, &message, Some(0)).await {
                    Ok(Published::Stored(sequence)) => break sequence,
                    // It was stored without an answer.
                    Ok(Published::Occupied) => {
                        let standing = stored::last(nats, streams::ORDERS, &message.subject).await;
                        if let Ok(Some(standing)) = standing {
                            break standing.sequence;
                        }
                    }
                    Err(unclear) => assert!(!unclear.is_permanent(), "{unclear}"),
                }
                sleep(Duration::from_millis(100)).await;
            };
            self.messages.push((sequence, message.subject, message.payload));
        }
    }

    /// Gives out all that is placed until it is decided.
    async fn decide(&self) {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let batch = batch(&self.identity, self.messages.iter().cloned());
            let (status, body) = send(&self.world.router, batch).await;
            if status == 200 {
                return;
            }
            assert!(status == 503 && Instant::now() < deadline, "{status} {body}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_or_paused_costs_no_decision_and_doubles_none() {
    let world = World::of_three().await;
    let before = world.available("P001").await;
    let place = position(&world.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
    let mut lane = Lane { world, identity: place.identity, messages: Vec::new() };
    let leader = |lane: &Lane| lane.world.server.members().stream_leader(streams::JOURNAL).unwrap();
    lane.place(0..10).await;
    lane.decide().await;

    let killed = leader(&lane);
    lane.world.server.members().members_mut()[killed].kill();
    lane.place(10..20).await;
    lane.decide().await;
    tokio::task::block_in_place(|| {
        lane.world.server.members().members_mut()[killed].restart().unwrap();
    });

    let paused = leader(&lane);
    // Whoever is connected to it notices within half a minute; that is not looked at here.
    let others = |user| lane.world.server.url_without(paused, user);
    let (all, own) = (others(None), others(Some(order_processor::NAME)));
    lane.world.nats = Nats::connect(&all, "test", false).await.unwrap();
    lane.world.router = build_at(own, []).await;
    lane.world.server.members().members()[paused].pause();
    lane.place(20..30).await;
    lane.decide().await;
    // What it was told before it was paused it may carry out now.
    lane.world.server.members().members()[paused].resume();
    lane.place(30..40).await;
    lane.decide().await;

    let world = lane.world;
    assert_eq!(before - world.available("P001").await, 40);
    let main = domain::WarehouseId::main();
    let deadline = Instant::now() + WAIT_MAX;
    let verified = loop {
        match ::stock::verify(&world.nats, &main, chrono::DateTime::UNIX_EPOCH).await {
            Ok(verified) => break verified,
            // The one that was paused is catching up, and a leader may still be chosen.
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(verified.problems_total, 0, "{:?}", verified.problems);
    let confirmed = world.said(streams::ORDERS, "orders.confirmed.>").await;
    // nats-server before 2.9.21 may store one fact twice while a leader changes (its issue 4320); each stands on a
    // subject of its own.
    let orders: BTreeSet<String> = confirmed.into_iter().collect();
    assert_eq!(orders.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_the_orders_that_is_killed_lets_no_piece_come_back_twice() {
    let world = World::of_three().await;
    let before = world.available("P001").await;
    let place = position(&world.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
    let mut lane = Lane { world, identity: place.identity, messages: Vec::new() };
    let back = |numbers: Range<u32>| {
        let sale = domain::OrderId::parse("S").unwrap();
        numbers.map(move |number| Order {
            returns: Some(sale.clone()),
            ..order(&format!("R{number}"), -1)
        })
    };
    lane.place_all([order("S", 12)]).await;
    lane.place_all(back(0..6)).await;
    lane.decide().await;
    let killed = lane.world.server.members().stream_leader(streams::ORDERS).unwrap();
    lane.world.server.members().members_mut()[killed].kill();
    lane.place_all(back(6..20)).await;
    lane.decide().await;
    tokio::task::block_in_place(|| {
        lane.world.server.members().members_mut()[killed].restart().unwrap();
    });
    lane.place_all(back(20..22)).await;
    lane.decide().await;

    let world = lane.world;
    assert_eq!(world.available("P001").await, before);
    // Each by itself, from the leader.
    let last =
        async |subject: String| stored::last(&world.nats, streams::ORDERS, &subject).await.unwrap();
    for number in 0..22 {
        let (stage, other) =
            if number < 12 { ("confirmed", "refused") } else { ("refused", "confirmed") };
        let of = |stage: &str| format!("orders.{stage}.main.DIRECT.R{number}");
        assert!(last(of(stage)).await.is_some(), "R{number} is not {stage}");
        assert!(last(of(other)).await.is_none(), "R{number} is {other}");
    }
    let sale = last("orders.returned.main.DIRECT.S".into()).await.unwrap();
    assert_eq!(sale.header("Orderflow-Returned"), Some("all"));
}
