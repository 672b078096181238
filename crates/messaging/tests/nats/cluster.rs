//! Three servers, one of which is behind.

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use messaging::kv::Bucket;
use messaging::publish::{self, Outgoing, Published};
use messaging::{Nats, streams, tail};
use serde_json::Value;
use testkit::cluster::Cluster;
use tokio::time::{Duration, Instant, sleep, timeout};

async fn start() -> (Cluster, Nats) {
    let cluster = Cluster::start();
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    let settings = streams::Settings { replicas: Some(3), ..Default::default() };
    testkit::streams::make(&nats, settings).await;
    (cluster, nats)
}

/// A member that leads neither `stream` nor the cluster.
fn follower(cluster: &Cluster, stream: &str) -> usize {
    let members = cluster.members();
    let leads = [members.stream_leader(stream), members.meta_leader()];
    (0..3).find(|member| !leads.contains(&Some(*member))).unwrap()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_the_leaders_also_in_a_bucket_that_any_server_may_answer_for() {
    let (cluster, nats) = start().await;
    let name = format!("KV_{}", streams::FILES_LEDGER);
    let mut config = nats.js.get_stream(&name).await.unwrap().cached_info().config.clone();
    config.allow_direct = true;
    nats.js.update_stream(&config).await.unwrap();
    let bucket: Bucket<u64> = Bucket::open(&nats, streams::FILES_LEDGER).await.unwrap();
    let first = bucket.create("US1.a", &1).await.unwrap().unwrap();

    let follower = follower(&cluster, &name);
    let url = cluster.members().members()[follower].url();
    let near = Nats::connect(&url, "near", false).await.unwrap();
    let behind: Bucket<u64> = Bucket::open(&near, streams::FILES_LEDGER).await.unwrap();
    until("it is copied", async || behind.get("US1.a").await.unwrap() == Some((1, first))).await;

    cluster.members().members()[follower].pause();
    let url = cluster.members().members()[(follower + 1) % 3].url();
    let elsewhere = Nats::connect(&url, "elsewhere", false).await.unwrap();
    let bucket: Bucket<u64> = Bucket::open(&elsewhere, streams::FILES_LEDGER).await.unwrap();
    let second = bucket.update("US1.a", &2, first).await.unwrap().unwrap();
    // What it is asked now it reads before it knows what came meanwhile.
    let sent = near.client.statistics().out_messages.load(std::sync::atomic::Ordering::Relaxed);
    let asked = tokio::spawn(async move { behind.get("US1.a").await });
    until("it is asked", async || {
        let now = near.client.statistics().out_messages.load(std::sync::atomic::Ordering::Relaxed);
        sent < now
    })
    .await;
    cluster.members().members()[follower].resume();
    assert_eq!(asked.await.unwrap().unwrap(), Some((2, second)));
}

/// Messages that are read; a reader that got no answer begins again.
async fn count(nats: &Nats) -> usize {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut found = 0;
        let each = |_: &async_nats::jetstream::Message| found += 1;
        match tail::read(nats, streams::ANALYTICS, "analytics.>", 1, true, each).await {
            Ok(_) => return found,
            Err(error) => assert!(Instant::now() < deadline, "not within 60 s: {error}"),
        }
    }
}

/// Where every server says which request it answered.
const ANSWERED: &str = "$JS.EVENT.ADVISORY.API";

/// What is published there; `from` knows already that `to` wants it.
async fn answered(to: &Nats, from: &Nats) -> Subscriber {
    let mut answered = to.client.subscribe(ANSWERED).await.unwrap();
    until("it is heard", async || {
        from.client.publish(ANSWERED, "".into()).await.unwrap();
        let heard = timeout(Duration::from_millis(50), answered.next()).await;
        heard.is_ok_and(|message| message.unwrap().payload.is_empty())
    })
    .await;
    answered
}

/// Waits until `server` is found to have made a consumer.
async fn has_made_a_consumer(server: &str, answered: &mut Subscriber) {
    let made = async {
        loop {
            let message = answered.next().await.unwrap();
            // Some are what was published to try whether it is heard.
            let Ok(said) = serde_json::from_slice::<Value>(&message.payload) else { continue };
            let subject = said["subject"].as_str().unwrap();
            if said["server"] == server && subject.starts_with("$JS.API.CONSUMER.CREATE.") {
                return;
            }
        }
    };
    let made = timeout(Duration::from_secs(10), made).await;
    made.expect("no reader was put on the server that was paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_stream_is_the_leaders_end() {
    const BEFORE: usize = 100;
    const MEANWHILE: usize = 5_000;
    // Each is put on any of three servers.
    const READERS: usize = 24;
    let (cluster, nats) = start().await;
    let message = |n: usize| Outgoing::new(format!("analytics.x.{n}"), vec![b'x'; 2_000].into());
    let store = async |nats: &Nats, numbers: std::ops::Range<usize>| {
        let messages: Vec<Outgoing> = numbers.map(message).collect();
        for stored in publish::all(nats, &messages, Some(0)).await {
            assert!(matches!(stored, Ok(Published::Stored(_))), "{stored:?}");
        }
    };
    store(&nats, 0..BEFORE).await;
    let follower = follower(&cluster, streams::ANALYTICS);
    let url = cluster.members().members()[(follower + 1) % 3].url();
    let elsewhere = Nats::connect(&url, "elsewhere", false).await.unwrap();
    let url = cluster.members().members()[follower].url();
    let near = Nats::connect(&url, "near", false).await.unwrap();
    let mut answered = answered(&elsewhere, &near).await;
    let paused = near.client.server_info().server_name;
    cluster.members().members()[follower].pause();
    store(&elsewhere, BEFORE..MEANWHILE).await;
    // A reader that is put on the one that is paused begins when that one goes on.
    let reads: Vec<_> = (0..READERS)
        .map(|_| {
            let nats = elsewhere.clone();
            tokio::spawn(async move { count(&nats).await })
        })
        .collect();
    until("one has read", async || reads.iter().any(|read| read.is_finished())).await;
    cluster.members().members()[follower].resume();
    for read in reads {
        assert_eq!(read.await.unwrap(), MEANWHILE, "ends where its server ends");
    }
    has_made_a_consumer(&paused, &mut answered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_later_has_as_many_copies_as_orders() {
    let (_cluster, nats) = start().await;
    let bucket = format!("KV_{}", streams::PRODUCTS);
    for stream in [streams::INTAKE, &bucket] {
        nats.js.delete_stream(stream).await.unwrap();
    }
    testkit::streams::make(&nats, streams::Settings::default()).await;
    for stream in [streams::INTAKE, &bucket] {
        let made = nats.js.get_stream(stream).await.unwrap().cached_info().config.clone();
        assert_eq!((made.num_replicas, made.allow_direct), (3, false), "{stream}");
    }
}
