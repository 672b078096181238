//! Three servers, whose leader is killed while people change records.

use crate::support::{replica, setup, told};
use messaging::{Nats, streams};
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_costs_no_change_and_doubles_none() {
    let cluster = Cluster::start();
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    setup(&nats, 3).await;
    let shops = [replica(cluster.url()).await, replica(cluster.url()).await];
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut unclear = 0;
    for n in 0..40 {
        if n == 10 {
            let leader = loop {
                let leader =
                    cluster.members().stream_leader(&format!("KV_{}", streams::FILES_LEDGER));
                if let Some(leader) = leader {
                    break leader;
                }
            };
            cluster.members().members_mut()[leader].kill();
        }
        let key = format!("k{n}");
        let body = json!({"name": format!("Tea {n}")});
        // As a client that follows Retry-After, at any replica.
        for attempt in 0.. {
            let shop = shops[attempt % 2];
            let sent = shop.send("POST", "/products", &[("idempotency-key", &key)], &body).await;
            match sent.status {
                201 => break,
                503 => unclear += 1,
                _ => panic!("{sent:?}"),
            }
            assert!(Instant::now() < deadline, "not within 120 s: {n} {sent:?}");
        }
    }
    let listed = loop {
        let listed = shops[0].get("/products?limit=1000").await;
        if listed.status != 503 {
            break listed;
        }
        assert!(Instant::now() < deadline, "not within 120 s: {listed:?}");
    };
    assert_eq!(listed.body["products"].as_array().map(Vec::len), Some(40), "{unclear} unclear");
    while told(&nats, "analytics.products.>").await.len() != 40 {
        assert!(Instant::now() < deadline, "its events");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
