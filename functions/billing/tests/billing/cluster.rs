//! Three servers that lose their leaders, and two replicas at once.

use crate::support::{Lane, World, build, order, send};
use axum::Router;
use chrono::DateTime;
use domain::WarehouseId;
use messaging::streams;
use testkit::cluster::Cluster;
use tokio::time::{Duration, Instant, sleep};

/// A cluster that lost its leader answers within this time.
const WAIT_MAX: Duration = Duration::from_secs(120);
const ORDERS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_are_killed_cost_no_number_and_double_none() {
    for program in testkit::nats_servers() {
        let world = World::of_three(program.as_deref()).await;
        for number in 0..ORDERS {
            world.confirm(&order(&format!("A{number}"), 1, "12")).await;
        }
        let lane = world.lane().await;
        let partners = world.folder.path().join("partners.yml");
        let other = build(world.server.url_of(billing::NAME), &partners).await;
        let leaders = [streams::JOURNAL, streams::INVOICES, streams::ORDERS];
        for (round, stream) in (1..).zip(leaders) {
            // Each sale is two messages: placed and confirmed.
            let most = round * ORDERS / 2;
            let killed = async {
                let killed = world.server.members().stream_leader(stream);
                let killed = killed?;
                tokio::task::block_in_place(|| world.server.members().members_mut()[killed].kill());
                Some(killed)
            };
            let (first, second) = (&world.router, &other);
            let (killed, ..) =
                tokio::join!(killed, billed(first, &lane, most), billed(second, &lane, most));
            if let Some(killed) = killed {
                tokio::task::block_in_place(|| {
                    world.server.members().members_mut()[killed].restart().unwrap();
                });
            }
        }
        tokio::join!(billed(&world.router, &lane, usize::MAX), billed(&other, &lane, usize::MAX));
        settled(&world).await;
        assert_eq!(world.numbers().await.len(), ORDERS, "{program:?}");
    }
}

/// Sends the lane's first messages until they are decided, as the connector does.
async fn billed(router: &Router, lane: &Lane, most: usize) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let (status, body) = send(router, lane.request(0, most)).await;
        if status == 200 {
            return;
        }
        assert!(status == 503 && Instant::now() < deadline, "{status} {body}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until journal, facts and chains agree: the server that was killed is catching up, and a leader may still be
/// chosen.
async fn settled(world: &World<Cluster>) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let verified =
            invoices::verify(&world.nats, &WarehouseId::main(), DateTime::UNIX_EPOCH).await;
        let chains = invoices::verify_chains(&world.nats, "invoices.issued.>").await;
        // nats-server before 2.9.21 stores both of two appends at once; the second one is no entry.
        let of_old = |text: &String| {
            text.starts_with("it is no entry") || text.ends_with(" is stored twice")
        };
        let found = verified.map(|verified| {
            let problems = verified.problems.into_iter().map(|problem| problem.text);
            problems.filter(|text| !of_old(text)).collect::<Vec<_>>()
        });
        let chained = chains.as_ref().is_ok_and(|chains| chains.problems.is_empty());
        if chained && found.as_ref().is_ok_and(Vec::is_empty) {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} {chains:?}");
        sleep(Duration::from_millis(100)).await;
    }
}
