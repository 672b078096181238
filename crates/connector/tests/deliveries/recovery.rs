//! Deliveries while the server, a stream or a consumer is gone for a while.

use crate::gateway::done;
use crate::ordered::{self, Ledger, ORDERED, decided};
use crate::support::{World, numbers, until};
use async_nats::jetstream::consumer::{Consumer, pull};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

async fn publish(world: &World, numbers: std::ops::Range<u64>) {
    for n in numbers {
        world.publish("orders", &json!({"n": n}).to_string()).await;
    }
}

async fn given(world: &World, expected: std::ops::Range<u64>) {
    let expected: BTreeSet<u64> = expected.collect();
    until("all are given out", async || {
        let given: BTreeSet<u64> = numbers(&world.gateway.events("f")).into_iter().collect();
        given.is_superset(&expected)
    })
    .await;
}

#[tokio::test]
async fn a_consumer_that_is_deleted_during_a_call_is_created_again_at_its_position() {
    let mut world = World::new().await;
    publish(&world, 0..10).await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.deliver", "new")]);
    world.gateway.deploy("f", done);
    world.start().await;
    world.settled("f", "orders").await;
    publish(&world, 10..13).await;
    given(&world, 10..13).await;
    world.settled("f", "orders").await;

    world.gateway.deploy_slow("f", Duration::from_millis(800), done);
    publish(&world, 13..14).await;
    given(&world, 13..14).await;
    let name = connector::durable_name("f", "orders");
    world.stream("INTAKE").await.delete_consumer(&name).await.unwrap();
    // Newer than the subscription, older than its new consumer.
    publish(&world, 14..20).await;
    given(&world, 10..20).await;
    world.settled("f", "orders").await;
    let numbers = numbers(&world.gateway.events("f"));
    assert!(!numbers.contains(&0), "what was there before the subscription does not come now");
    assert!(numbers.iter().filter(|n| **n == 13).count() > 1, "its delivery was forgotten");
    assert!(world.metric("connector_rebuilds_total").await >= Some(1.0));
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_created_again_is_given_out_from_its_beginning() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.deliver", "new")]);
    world.gateway.deploy("f", done);
    world.start().await;
    world.settled("f", "orders").await;
    publish(&world, 0..5).await;
    given(&world, 0..5).await;
    world.nats.js.delete_stream("INTAKE").await.unwrap();
    messaging::streams::setup(&world.nats, messaging::streams::Settings::default()).await;
    publish(&world, 5..10).await;
    given(&world, 0..10).await;
    world.settled("f", "orders").await;
    assert_eq!(numbers(&world.gateway.events("f")).len(), 10, "each once");
    world.stop().await;
}

#[tokio::test]
async fn a_purged_stream_goes_on() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "5")]);
    world.gateway.deploy("f", done);
    world.start().await;
    publish(&world, 0..5).await;
    given(&world, 0..5).await;
    world.stream("INTAKE").await.purge().await.unwrap();
    publish(&world, 5..10).await;
    given(&world, 0..10).await;
    world.settled("f", "orders").await;
    world.stop().await;
}

/// Changes the consumer of `f` without the connector.
async fn change(world: &World, change: impl FnOnce(&mut pull::Config)) -> Consumer<pull::Config> {
    let stream = world.stream("INTAKE").await;
    let name = connector::durable_name("f", "orders");
    let known: Consumer<pull::Config> = stream.get_consumer(&name).await.unwrap();
    let known = known.cached_info().config.clone();
    let mut config = pull::Config {
        durable_name: Some(name),
        description: known.description,
        ack_wait: known.ack_wait,
        max_ack_pending: known.max_ack_pending,
        filter_subject: known.filter_subject,
        ..Default::default()
    };
    change(&mut config);
    stream.create_consumer(config).await.unwrap()
}

#[tokio::test]
async fn a_consumer_that_stands_still_is_brought_back() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "10")]);
    world.gateway.deploy("f", done);
    world.start().await;
    world.settled("f", "orders").await;
    // Another client takes one message and keeps it; until then no other message is delivered.
    let consumer = change(&world, |config| {
        config.max_ack_pending = 1;
        config.ack_wait = Duration::from_secs(60 * 60);
    })
    .await;
    let taking = consumer.batch().max_messages(1).expires(Duration::from_secs(30));
    let mut taking = taking.messages().await.unwrap();
    let taken = tokio::spawn(async move { taking.next().await.unwrap().unwrap() });
    let mut count = 0;
    until("it is taken", async || {
        publish(&world, count..count + 1).await;
        count += 1;
        taken.is_finished()
    })
    .await;
    publish(&world, count..count + 10).await;
    given(&world, 0..count + 10).await;
    world.settled("f", "orders").await;
    assert!(world.metric("connector_rebuilds_total").await >= Some(1.0));
    world.stop().await;
}

#[tokio::test]
async fn a_consumer_that_was_changed_is_brought_back() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "10")]);
    world.gateway.deploy("f", done);
    world.start().await;
    world.settled("f", "orders").await;
    let name = connector::durable_name("f", "orders");
    let stream = world.stream("INTAKE").await;
    // From now on requests for more than one message are refused.
    change(&world, |config| config.max_batch = 1).await;
    publish(&world, 0..30).await;
    given(&world, 0..30).await;
    world.settled("f", "orders").await;
    until("its settings are back", async || {
        stream.consumer_info(&name).await.unwrap().config.max_batch == 0
    })
    .await;
    assert!(world.metric("connector_rebuilds_total").await >= Some(1.0));
    world.stop().await;
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while_is_found_again() {
    let mut world = World::new().await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "5")]);
    world.gateway.deploy("f", done);
    world.start().await;
    publish(&world, 0..5).await;
    given(&world, 0..5).await;
    world.server.kill();
    let lost = "nats_events_total{event=\"disconnected\"}";
    until("it is noticed", async || world.metric(lost).await >= Some(1.0)).await;
    assert!(!world.is_ready().await);
    // Longer than the connector waits for any answer: two requests in a row time out.
    for _ in 0..2 {
        world.nats.js.get_stream("INTAKE").await.unwrap_err();
    }
    world.server.restart();
    world.reconnect().await;
    publish(&world, 5..10).await;
    given(&world, 0..10).await;
    world.settled("f", "orders").await;
    assert!(world.is_ready().await);
    world.stop().await;
}

#[tokio::test]
async fn a_missing_right_is_reported_and_stops_no_other_function() {
    let mut world = World::new().await;
    world.restrict("publish: { deny: [\"$JS.API.CONSUMER.MSG.NEXT.INTAKE.>\"] }").await;
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.annotate("g", &[("topic", "files.failed.>")]);
    world.gateway.deploy("f", done);
    world.gateway.deploy("g", done);
    let url = world.url_of("connector");
    world.start_with(|settings| settings.nats_url = url).await;
    publish(&world, 0..3).await;
    world.publish("files.failed.US1.x", r#"{"n": 99}"#).await;
    let denied = "nats_events_total{event=\"denied\"}";
    until("it is refused", async || world.metric(denied).await >= Some(2.0)).await;
    until("the other one goes on", async || !world.gateway.events("g").is_empty()).await;
    assert!(world.gateway.events("f").is_empty());
    world.restrict("publish: { allow: [\">\"] }").await;
    given(&world, 0..3).await;
    world.settled("f", "orders").await;
    world.stop().await;
}

#[tokio::test]
async fn a_message_is_not_ended_before_its_dead_letter_is_kept() {
    let mut world = World::new().await;
    world.nats.js.delete_stream("ERRORS").await.unwrap();
    world.gateway.annotate("f", &[("topic", "orders")]);
    world.gateway.deploy("f", |_| (422, "never".to_owned()));
    world.start().await;
    publish(&world, 0..1).await;
    until("it is not confirmed", async || {
        world.metric("connector_unconfirmed_total").await >= Some(1.0)
    })
    .await;
    assert_eq!(world.open("f", "orders").await, (0, 1), "it is not ended");
    messaging::streams::setup(&world.nats, messaging::streams::Settings::default()).await;
    until("its letter is there", async || world.dead_letters().await == 1).await;
    world.settled("f", "orders").await;
    world.stop().await;
}

#[tokio::test]
async fn a_lane_goes_on_when_its_consumer_is_gone() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = ordered::publish(&world, 30).await;
    world.start().await;
    decided(&ledger, &expected).await;
    for _ in 0..3 {
        let stream = world.stream("INTAKE").await;
        let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
        for name in names {
            // The server may have removed it.
            drop(stream.delete_consumer(&name).await);
        }
        expected.extend(ordered::publish(&world, 30).await);
        decided(&ledger, &expected).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_lane_whose_consumer_gives_nothing_gets_another() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = ordered::publish(&world, 10).await;
    world.start().await;
    decided(&ledger, &expected).await;
    let stream = world.stream("INTAKE").await;
    let names: Vec<String> = stream.consumer_names().try_collect().await.unwrap();
    for name in &names {
        let known = stream.consumer_info(name).await.unwrap();
        // From now on requests for more than one message are refused.
        let config = pull::Config {
            name: Some(name.clone()),
            description: known.config.description,
            deliver_policy: known.config.deliver_policy,
            ack_policy: known.config.ack_policy,
            filter_subject: known.config.filter_subject,
            inactive_threshold: known.config.inactive_threshold,
            memory_storage: true,
            num_replicas: 1,
            max_batch: 1,
            ..Default::default()
        };
        stream.create_consumer(config).await.unwrap();
    }
    expected.extend(ordered::publish(&world, 30).await);
    decided(&ledger, &expected).await;
    world.stop().await;
}

#[tokio::test]
async fn a_message_whose_end_is_not_confirmed_comes_again() {
    let mut world = World::new().await;
    world.restrict("publish: { deny: [\"$JS.ACK.INTAKE.>\"] }").await;
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.max-deliver", "1")]);
    world.gateway.deploy("f", done);
    let url = world.url_of("connector");
    world.start_with(|settings| settings.nats_url = url).await;
    publish(&world, 0..2).await;
    until("they are not confirmed", async || {
        world.metric("connector_unconfirmed_total").await >= Some(2.0)
    })
    .await;
    assert_eq!(world.open("f", "orders").await, (0, 2));
    world.restrict("publish: { allow: [\">\"] }").await;
    world.settled("f", "orders").await;
    assert!(numbers(&world.gateway.events("f")).len() > 2, "they came again");
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn the_rights_that_the_docs_name_are_enough() {
    let docs = include_str!("../../../../docs/CONNECTOR.md");
    let rights = docs.split("```").find(|block| block.contains("$JS.ACK.>")).unwrap();
    let rights: Vec<String> = rights.split_whitespace().map(|r| format!("\"{r}\"")).collect();
    let mut world = World::new().await;
    let allow = rights.join(", ");
    let rights = format!("publish: {{ allow: [{allow}] }}, subscribe: {{ allow: [\"_INBOX.>\"] }}");
    world.restrict(&rights).await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    world.gateway.annotate("f", &[("topic", "orders"), ("orderflow.batch", "10")]);
    let refuse = json!({"failed": [{"id": "INTAKE:1", "reason": "bad", "retry": false}]});
    world.gateway.deploy("f", move |call| {
        (200, if call.has("INTAKE:1\"") { refuse.to_string() } else { String::new() })
    });
    publish(&world, 0..3).await;
    let expected = ordered::publish(&world, 30).await;
    let url = world.url_of("connector");
    world.start_with(|settings| settings.nats_url = url).await;
    decided(&ledger, &expected).await;
    world.settled("f", "orders").await;
    assert_eq!(world.dead_letters().await, 1);
    let leases = world.stream("KV_CONNECTOR_LEASES").await.cached_info().state.messages;
    assert_eq!(leases, 1);
    let denied = "nats_events_total{event=\"denied\"}";
    assert_eq!(world.metric(denied).await, Some(0.0));
    world.stop().await;
}
