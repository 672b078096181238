//! The function on three servers that lose the leader of the journal.

use crate::skip::{order, placed};
use crate::support::{World, send};
use messaging::{inventory, publish, streams};
use testkit::cluster::Cluster;
use tokio::time::{Duration, Instant, sleep};

const WAIT_MAX: Duration = Duration::from_secs(60);

/// Places orders of one piece, each as soon as somebody takes it.
async fn place(world: &World<Cluster>, numbers: std::ops::Range<u32>) {
    let deadline = Instant::now() + WAIT_MAX;
    for number in numbers {
        let message = placed(&order(&number.to_string(), 1));
        // One that was stored without an answer stands there.
        while let Err(unclear) = publish::one(&world.nats, &message, Some(0)).await {
            assert!(!unclear.is_permanent() && Instant::now() < deadline, "{unclear}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Gives out all that is placed until it is decided.
async fn decided_at_last(world: &World<Cluster>) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        // A reader may be put on the server that is paused.
        if let Ok(batch) = world.try_batch().await {
            let (status, body) = send(&world.router, batch).await;
            if status == 200 {
                return;
            }
            assert_eq!(status, 503, "{body}");
        }
        assert!(Instant::now() < deadline, "not within {WAIT_MAX:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_or_paused_costs_no_decision_and_doubles_none() {
    let world = World::of_three().await;
    let before = world.available("P001").await;
    place(&world, 0..10).await;
    decided_at_last(&world).await;

    let leader = world.server.members().stream_leader(streams::JOURNAL).unwrap();
    world.server.members().members_mut()[leader].kill();
    place(&world, 10..20).await;
    decided_at_last(&world).await;
    tokio::task::block_in_place(|| world.server.members().members_mut()[leader].restart().unwrap());

    let leader = world.server.members().stream_leader(streams::JOURNAL).unwrap();
    world.server.members().members()[leader].pause();
    place(&world, 20..30).await;
    decided_at_last(&world).await;
    // What it was told before it was paused it may carry out now.
    world.server.members().members()[leader].resume();
    place(&world, 30..40).await;
    decided_at_last(&world).await;

    assert_eq!(before - world.available("P001").await, 40);
    let main = domain::WarehouseId::main();
    let verified = inventory::verify(&world.nats, &main, chrono::Utc::now()).await.unwrap();
    assert_eq!(verified.problems_total, 0, "{:?}", verified.problems);
    let confirmed = world.said(streams::ORDERS, "orders.confirmed.>").await;
    assert_eq!(confirmed.len(), 40);
}
