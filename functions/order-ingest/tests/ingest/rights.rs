//! The function logs in at nats-server as itself: what it may not do there fails its tests.

use crate::metadata::event;
use crate::support::World;
use messaging::rights::Rights;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_noticed() {
    let rights = Rights { publishes: &["errors.>"], ..order_ingest::RIGHTS };
    let world = World::with(&rights, false).await;
    let answer = world.batch(&[event("e1", &json!({}))]).await;
    assert_eq!(answer["failed"][0]["retry"], true, "{answer}");
    let refused = world.server.refusals();
    assert!(refused.iter().any(|line| line.contains("orders.placed.main")), "{refused:?}");
}
