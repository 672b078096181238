//! Three servers, of which the leader of the stream dies.

use crate::support::{Numbers, OFTEN, Replica, eventually, setup};
use messaging::{Nats, streams};
use std::time::Duration;
use testkit::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn the_leaders_of_its_streams_may_die_one_after_the_other() {
    let cluster = Cluster::start();
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    setup(&nats, Some(3)).await;
    let replicas = [Replica::start(&nats, OFTEN), Replica::start(&nats, OFTEN)];
    let mut numbers = Numbers::default();
    for stream in [streams::ANALYTICS, streams::WEBHOOKS, "KV_FOLD_CHECKPOINTS"] {
        numbers.store(&nats, 300).await;
        let leader = cluster.members().stream_leader(stream).unwrap();
        cluster.members().members_mut()[leader].kill();
        // Messages that are not confirmed may be stored or not; what is there is asked of the streams.
        drop(messaging::publish::all(&nats, &numbers.take(50), None).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
        cluster.members().members_mut()[leader].restart().unwrap();
        eventually("all members are there", async || {
            let healthy = cluster.monitors().iter().all(|monitor| monitor.is_healthy());
            healthy && cluster.members().stream_leader(stream).is_some()
        })
        .await;
    }
    let expected = stored(&nats).await;
    for replica in &replicas {
        assert_eq!(replica.sums().await, expected);
    }
    assert_eq!(Replica::start(&nats, OFTEN).sums().await, expected);
}

/// What the messages in both streams add up to.
pub(crate) async fn stored(nats: &Nats) -> std::collections::BTreeMap<String, u64> {
    let mut sums = std::collections::BTreeMap::<String, u64>::new();
    let both =
        [(streams::ANALYTICS, "analytics.t.>"), (streams::WEBHOOKS, "webhooks.received.t.>")];
    for (stream, filter) in both {
        let read = messaging::tail::read(nats, stream, filter, 1, false, |message| {
            let key = message.subject.split('.').rev().nth(1).unwrap();
            let number: u64 = std::str::from_utf8(&message.payload).unwrap().parse().unwrap();
            *sums.entry(key.into()).or_default() += number;
        });
        read.await.unwrap();
    }
    sums
}
