//! Both functions on three servers that lose the leader of the journal.

use crate::lane::{Lane, WAIT_MAX};
use crate::support::{World, product};
use crate::writers::{journal, until_answered};
use chrono::DateTime;
use domain::WarehouseId;
use messaging::streams;
use serde_json::json;
use testkit::cluster::Cluster;
use tokio::time::{Duration, Instant, sleep};

/// Orders and restocks at once.
async fn both(world: &World<Cluster>, lane: &mut Lane, round: usize) {
    let orders = async {
        for _ in 0..5 {
            lane.place(world, "A", 1).await;
        }
        lane.decide(world).await;
    };
    let restocks = async {
        for number in 0..5 {
            let (key, body) = (format!("{round}-{number}"), json!({"products": {"A": 3}}));
            assert!(until_answered(world, "/stock/restock", &key, &body).await);
        }
    };
    tokio::join!(orders, restocks);
}

/// Waits until journal and facts agree. The server that was killed is catching up, and a leader may still be chosen.
pub(crate) async fn settled(world: &World<Cluster>) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let verified = stock::verify(&world.nats, &WarehouseId::main(), DateTime::UNIX_EPOCH).await;
        // Old servers store both of two messages at once that expect the same one: the second append is no entry, a fact
        // says the same twice, and nothing follows from it.
        let of_old = |text: &String| {
            text.starts_with("it is no entry") || text.ends_with(" is stored twice")
        };
        let problems = verified.map(|verified| {
            let problems = verified.problems.into_iter().map(|problem| problem.text);
            problems.filter(|text| !of_old(text)).collect::<Vec<_>>()
        });
        if problems.as_ref().is_ok_and(Vec::is_empty) {
            return;
        }
        assert!(Instant::now() < deadline, "{problems:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_costs_no_decision_and_no_command_and_doubles_none() {
    let world = World::of_three().await;
    world.does("/stock", "set", json!({"available": {"A": 100}})).await;
    let mut lane = Lane::of(&world).await;
    both(&world, &mut lane, 0).await;
    for round in 1..3 {
        let killed = world.server.members().stream_leader(streams::JOURNAL).unwrap();
        tokio::task::block_in_place(|| world.server.members().members_mut()[killed].kill());
        both(&world, &mut lane, round).await;
        tokio::task::block_in_place(|| {
            world.server.members().members_mut()[killed].restart().unwrap();
        });
        both(&world, &mut lane, 10 + round).await;
    }
    settled(&world).await;
    let (state, causes) = journal(&world, "main").await;
    assert_eq!(causes["restock"], 25);
    assert_eq!(state.stock.get(&product("A")).unwrap().available, 100 + 25 * (3 - 1));
}
