//! Endpoints that take nothing any more are switched off, and others are not.

use crate::support::{World, confirmed};
use chrono::{DateTime, TimeDelta, Utc};
use messaging::kv::Bucket;
use messaging::streams;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "what is stored was stored so many hours ago")]
fn ago(hours: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::hours(hours)
}

/// Changes what a bucket holds about one subscription of US1.
async fn change(world: &World, bucket: &str, id: &str, change: impl Fn(usize, &mut Value)) {
    let kv: Bucket<Value> = Bucket::open(&world.nats, bucket).await.unwrap();
    let all = kv.all(&world.nats).await.unwrap();
    let ours = all
        .into_iter()
        .filter(|(_, value)| value["lane"] == format!("US1/{id}") || value["value"]["id"] == id);
    let mut changed = 0;
    for (n, (key, mut value)) in ours.enumerate() {
        change(n, &mut value);
        let (_, revision) = kv.get(&key).await.unwrap().unwrap();
        kv.update(&key, &value, revision).await.unwrap().unwrap();
        changed += 1;
    }
    assert!(0 < changed, "{bucket} holds nothing about {id}");
}

/// As it is when a message was given up so many hours ago, and another one was taken then or was not.
async fn gave_up(world: &World, id: &str, hours: i64, took: Option<i64>) {
    change(world, streams::SUBSCRIPTIONS, id, |_, entry| entry["at"] = json!(ago(1_000))).await;
    change(world, streams::EFFECTS, id, |n, delivery| {
        let sent = took.filter(|_| n == 0);
        delivery["state"] = json!(if sent.is_some() { "sent" } else { "dead" });
        delivery["why"] = json!("500 Oops");
        delivery["at"] = json!(ago(sent.unwrap_or(hours)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_switches_off_what_is_silent_and_not_what_was_merely_quiet() {
    let world = World::start().await;
    let first = world.webhooks().await;
    let ids = ["mended", "partly", "changed", "silent"];
    for id in ids {
        first.subscribe(id, &world.endpoint.url(&format!("/{id}")), &[]).await;
    }
    first.bring(&[confirmed("A1"), confirmed("A2")]).await;
    for id in ids {
        world.endpoint.until(&format!("/{id}"), 2).await;
        let until = Instant::now() + Duration::from_secs(60);
        let path = format!("/subscriptions/US1/{id}/deliveries?state=sent");
        while first.ask("GET", &path, "read", Value::Null).await.body["deliveries"][1].is_null() {
            assert!(Instant::now() < until, "both messages for {id} are recorded as sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    drop(first);
    // None of these had a message in the last 75 hours, as over a long weekend.
    gave_up(&world, "mended", 300, Some(200)).await;
    gave_up(&world, "partly", 300, Some(310)).await;
    gave_up(&world, "changed", 300, None).await;
    change(&world, streams::SUBSCRIPTIONS, "changed", |_, entry| entry["at"] = json!(ago(200)))
        .await;
    // Looked at last.
    gave_up(&world, "silent", 300, None).await;

    let second = world.webhooks().await;
    let until = Instant::now() + Duration::from_secs(60);
    let shown = async |id: &str| {
        second.ask("GET", &format!("/subscriptions/US1/{id}"), "read", Value::Null).await.body
    };
    while shown("silent").await["active"] != false {
        assert!(Instant::now() < until, "{:?}", shown("silent").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let silent = shown("silent").await;
    assert_eq!(silent["disabled"], "it took no message for 75 hours", "{silent}");
    for id in ["mended", "partly", "changed"] {
        let subscription = shown(id).await;
        assert_eq!(subscription["active"], true, "{subscription}");
    }
}
