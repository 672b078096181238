//! Checkpoints of a fold: they save time, and change no result.

use crate::support::{BUCKET, NEVER, Numbers, OFTEN, Replica, eventually, number, start, store};
use messaging::publish::{self, Outgoing};
use messaging::{Nats, stored, tail};
use state::fold::Every;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything in the bucket, by subject.
async fn bucket(nats: &Nats) -> BTreeMap<String, bytes::Bytes> {
    let mut all = BTreeMap::new();
    tail::read(nats, BUCKET, "$KV.FOLD_CHECKPOINTS.>", 1, false, |message| {
        all.insert(message.subject.to_string(), message.payload.clone());
    })
    .await
    .unwrap();
    all
}

async fn put(nats: &Nats, subject: &str, value: bytes::Bytes) {
    publish::one(nats, &Outgoing::new(subject.into(), value), None).await.unwrap();
}

fn is_head(subject: &str) -> bool {
    subject.ends_with(".head")
}

/// A store with numbers, and checkpoints of the first half of them.
async fn half() -> (testkit::nats::Server, Nats, Numbers, BTreeMap<String, bytes::Bytes>) {
    let (server, nats) = start().await;
    let mut numbers = Numbers::default();
    numbers.store(&nats, 100).await;
    let replica = Replica::start(&nats, OFTEN);
    replica.sums().await;
    replica.saved().await;
    let older = bucket(&nats).await;
    assert!((1..=4).contains(&older.keys().filter(|key| is_head(key)).count()), "{older:?}");
    numbers.store(&nats, 100).await;
    replica.sums().await;
    replica.saved().await;
    (server, nats, numbers, older)
}

/// What is counted after a start, and how many events were read for it.
async fn count(nats: &Nats) -> (BTreeMap<String, u64>, u64) {
    let replica = Replica::start(nats, NEVER);
    (replica.sums().await, replica.metric("fold_events_total"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_reads_only_what_follows_the_checkpoints() {
    let (_server, nats, mut numbers, _) = half().await;
    assert_eq!(count(&nats).await, (numbers.sums.clone(), 0));
    numbers.store(&nats, 7).await;
    assert_eq!(count(&nats).await, (numbers.sums, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn older_checkpoints_cost_time_only() {
    let (_server, nats, numbers, older) = half().await;
    // Someone who wrote a head without looking at the one that is there; its parts are gone or not.
    for (subject, value) in older {
        put(&nats, &subject, value).await;
    }
    assert_eq!(count(&nats).await, (numbers.sums, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_of_some_shards_may_be_gone() {
    let (_server, nats, numbers, _) = half().await;
    let all = bucket(&nats).await;
    let shards: Vec<&String> = all.keys().filter(|key| is_head(key)).collect();
    let stream = nats.js.get_stream(BUCKET).await.unwrap();
    let gone = shards[0].strip_suffix("head").unwrap();
    stream.purge().filter(format!("{gone}>")).await.unwrap();
    let (sums, read) = count(&nats).await;
    assert_eq!(sums, numbers.sums);
    assert!((1..200).contains(&read), "{read}");
    stream.purge().await.unwrap();
    assert_eq!(count(&nats).await, (numbers.sums.clone(), 200));
    // Also without the bucket.
    nats.js.delete_stream(BUCKET).await.unwrap();
    assert_eq!(count(&nats).await, (numbers.sums, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_checkpoint_is_noticed_and_the_one_before_is_used() {
    let (_server, nats, numbers, _) = half().await;
    let all = bucket(&nats).await;
    let named = |head: &bytes::Bytes, which: &str| {
        let head: serde_json::Value = serde_json::from_slice(head).unwrap();
        head[which]["id"].as_str().map(ToOwned::to_owned)
    };
    let damage = async |which: &str| {
        for (subject, head) in all.iter().filter(|(subject, _)| is_head(subject)) {
            let prefix = subject.strip_suffix("head").unwrap();
            let Some(id) = named(head, which) else { continue };
            let part = format!("{prefix}{id}.0");
            // It can be read, and is not what was written.
            let changed = [&all[&part][..], b" "].concat();
            put(&nats, &part, changed.into()).await;
        }
    };
    damage("current").await;
    let (sums, read) = count(&nats).await;
    assert_eq!(sums, numbers.sums);
    assert!((1..200).contains(&read), "{read}");
    damage("previous").await;
    assert_eq!(count(&nats).await, (numbers.sums.clone(), 200));
    for subject in all.keys().filter(|subject| is_head(subject)) {
        put(&nats, subject, "{}".into()).await;
    }
    assert_eq!(count(&nats).await, (numbers.sums.clone(), 200));
    // It is written again, over what was damaged.
    let replica = Replica::start(&nats, OFTEN);
    replica.sums().await;
    replica.saved().await;
    drop(replica);
    assert_eq!(count(&nats).await, (numbers.sums, 0));
}

/// After every so many events, and at no other time.
fn after(events: u64) -> Every {
    Every { events, ..NEVER }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_alone_writes_in_every_round() {
    let (_server, nats) = start().await;
    let mut numbers = Numbers::default();
    let replica = Replica::start(&nats, after(40));
    // A round that does not write is followed by none.
    for _ in 0..3 {
        numbers.store(&nats, 40).await;
        replica.sums().await;
        replica.saved().await;
    }
    assert_eq!(count(&nats).await, (numbers.sums, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_writing() {
    let (_server, nats) = start().await;
    let mut numbers = Numbers::default();
    let (one, other) = (Replica::start(&nats, OFTEN), Replica::start(&nats, after(100)));
    let written = |replica: &Replica| replica.metric("fold_checkpoints_total");
    numbers.store(&nats, 100).await;
    other.sums().await;
    other.saved().await;
    one.sums().await;
    one.saved().await;
    let (before, all) = (written(&other), heads(&nats).await.len() as u64);
    // What is written since its last round is enough for the next one, though more came behind that.
    numbers.store(&nats, 40).await;
    one.sums().await;
    one.saved().await;
    drop(one);
    numbers.store(&nats, 59).await;
    store(&nats, &[number("new", 1)]).await;
    eventually("it is in its second round", async || other.metric("fold_held") == 11).await;
    // No other replica has written since: the third round writes.
    numbers.store(&nats, 100).await;
    other.sums().await;
    other.saved().await;
    assert_eq!(written(&other), before + all);
    // Of each shard at most two are kept, and nothing of those that were overtaken.
    let parts = bucket(&nats).await.keys().filter(|subject| !is_head(subject)).count();
    assert!(parts <= 8, "{parts}");
}

/// Heads by their subjects, and when they were stored.
async fn heads(nats: &Nats) -> BTreeMap<String, (serde_json::Value, i64)> {
    let mut heads = BTreeMap::new();
    for (subject, head) in bucket(nats).await.into_iter().filter(|(key, _)| is_head(key)) {
        let stored = stored::last(nats, BUCKET, &subject).await.unwrap().unwrap();
        heads.insert(subject, (serde_json::from_slice(&head).unwrap(), stored.time_ms));
    }
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_to_which_nothing_comes_are_written_again_when_they_are_old() {
    let (_server, nats, numbers, _) = half().await;
    let (before, all) = (heads(&nats).await, count(&nats).await);
    // Also after a start, and by one of two.
    let often = Every { age: Duration::from_millis(300), ..OFTEN };
    let replicas = [Replica::start(&nats, often), Replica::start(&nats, often)];
    eventually("all are written again", async || {
        let now = heads(&nats).await;
        now.iter().all(|(key, (_, time))| before[key].1 + 300 <= *time)
    })
    .await;
    assert!(
        heads(&nats)
            .await
            .iter()
            .all(|(key, (now, _))| now["current"]["at"] == before[key].0["current"]["at"])
    );
    drop(replicas);
    assert_eq!(all, (numbers.sums.clone(), 0));
    assert_eq!(count(&nats).await, all);
    // Young ones are left alone.
    let before = heads(&nats).await;
    let replica = Replica::start(&nats, OFTEN);
    store(&nats, &[number("k1", 3)]).await;
    replica.sums().await;
    replica.saved().await;
    let now = heads(&nats).await;
    let same = now.iter().filter(|(key, head)| before[*key] == **head).count();
    assert_eq!(same, before.len() - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_seems_to_lack_messages_is_asked_again() {
    let (_server, nats) = start().await;
    let mut numbers = Numbers::default();
    numbers.store(&nats, 30).await;
    let replica = Replica::start(&nats, OFTEN);
    replica.sums().await;
    replica.saved().await;
    // Another replica has read more than the stream seems to have.
    for (subject, (mut head, _)) in heads(&nats).await {
        for at in head["current"]["at"].as_array_mut().unwrap() {
            at["sequence"] = (at["sequence"].as_u64().unwrap() + 20).into();
        }
        put(&nats, &subject, head.to_string().into()).await;
    }
    let before = replica.metric("fold_checkpoints_total");
    store(&nats, &[number("new", 1)]).await;
    eventually("it is in a round", async || replica.metric("fold_held") == 11).await;
    let rest = |stream: &str| {
        (0..20).map(|_| Outgoing::new(format!("{stream}.nothing.x"), "".into())).collect::<Vec<_>>()
    };
    store(&nats, &[rest("analytics.t"), rest("webhooks.received.t")].concat()).await;
    replica.saved().await;
    assert_eq!(replica.metric("fold_checkpoints_total"), before);
}
