//! The function logs in at nats-server as itself: what it may not do there fails its tests.

use crate::metadata::event;
use crate::support::World;
use messaging::rights::Rights;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_fails_the_call_and_shows_in_log_and_metrics() {
    let rights = Rights { publishes: &["errors.>"], ..order_ingest::RIGHTS };
    let world = World::with(&rights, false).await;
    assert!(world.metrics().await.contains("nats_events_total{event=\"denied\"} 0\n"));
    let headers =
        "authorization: Bearer connector\r\ncontent-type: application/cloudevents-batch+json\r\n";
    let batch = Value::from(vec![event("e1", &json!({}))]);
    let (_, answer) = world.request(headers, &batch.to_string()).await;
    assert_eq!(answer["failed"][0]["retry"], true, "{answer}");
    let refused = world.server.refusals();
    assert!(refused.iter().any(|line| line.contains("orders.placed.main")), "{refused:?}");
    let metrics = world.metrics().await;
    assert!(metrics.contains("nats_events_total{event=\"denied\"} 1\n"), "{metrics}");
}
