//! Processes that end between any two steps, and two at once.

use crate::endpoint::Endpoint;
use crate::support::{World, confirmed, pairs, serve};
use messaging::{Nats, streams};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use testkit::cluster::Cluster;

/// Every order was told; those told twice had an attempt whose answer was lost, under the same id.
fn assert_told(endpoint: &Endpoint, orders: usize) {
    let mut by_order: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for posted in endpoint.posted("/shop") {
        let body: Value = serde_json::from_str(&posted.body).unwrap();
        let order = body["data"]["order_id"].as_str().unwrap().to_owned();
        by_order.entry(order).or_default().insert(posted.headers["webhook-id"].clone());
    }
    assert_eq!(by_order.len(), orders);
    assert!(by_order.values().all(|ids| ids.len() == 1), "one id a message: {by_order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_end_again_and_again_lose_no_message() {
    let world = World::start().await;
    let served = world.webhooks().await;
    served.subscribe("shop", &world.endpoint.url("/shop"), &[]).await;
    let events: Vec<Value> = (0..60).map(|n| confirmed(&format!("A{n}"))).collect();
    served.bring(&events).await;
    drop(served);
    for kills in 1..=3 {
        let both = (world.webhooks().await, world.webhooks().await);
        // A few more each time, so that they end at different steps.
        world.endpoint.until("/shop", world.endpoint.posted("/shop").len() + kills).await;
        drop(both);
    }
    // What was under way is sent again when no attempt can be under way any more.
    let _last = world.webhooks().await;
    let until = Instant::now() + Duration::from_secs(120);
    let told = || {
        let posted = world.endpoint.posted("/shop");
        posted.iter().map(|it| it.body.clone()).collect::<BTreeSet<_>>().len()
    };
    while told() < 60 {
        assert!(Instant::now() < until, "{} of 60", told());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_told(&world.endpoint, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_costs_no_message() {
    let cluster = Cluster::with_rights(webhooks::NAME, &webhooks::RIGHTS);
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    testkit::streams::make(&nats, streams::Settings::copies(3)).await;
    let endpoint = Endpoint::start().await;
    let served = serve(pairs(&cluster.url_of(webhooks::NAME), &endpoint)).await;
    served.subscribe("shop", &endpoint.url("/shop"), &[]).await;
    let events: Vec<Value> = (0..40).map(|n| confirmed(&format!("A{n}"))).collect();
    served.bring(events.get(..20).unwrap()).await;
    let leader = cluster.members().stream_leader(streams::OUTBOX).unwrap();
    cluster.members().members_mut()[leader].kill();
    served.bring(events.get(20..).unwrap()).await;
    endpoint.until("/shop", 40).await;
    assert_told(&endpoint, 40);
}
