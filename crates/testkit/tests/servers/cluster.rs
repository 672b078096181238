//! The effect of a partition on three nats-servers, seen by clients on both sides.

use async_nats::jetstream::stream;
use messaging::Nats;
use messaging::publish::{Outgoing, Published, one};
use std::time::Duration;
use testkit::cluster::Cluster;
use tokio::time::timeout;

const STREAM: &str = "S";

/// A client that stays connected to one member.
async fn at(cluster: &Cluster, member: usize) -> Nats {
    let url = cluster.members().members()[member].url();
    Nats::connect(&url, "test", false).await.unwrap()
}

async fn publish(nats: &Nats) -> Result<Published, messaging::publish::Unclear> {
    one(nats, &Outgoing::new("s.a".into(), "x".into()), None).await
}

#[tokio::test]
async fn a_leader_that_is_cut_off_confirms_nothing_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let binary = testkit::nats_server_bin();
    let cluster = Cluster::with_proxies(dir.path(), binary.as_deref(), false).await.unwrap();
    let config = stream::Config {
        name: STREAM.into(),
        subjects: vec!["s.>".into()],
        num_replicas: 3,
        ..stream::Config::default()
    };
    let any = at(&cluster, 0).await;
    any.js.create_stream(config).await.unwrap();
    assert_eq!(publish(&any).await.unwrap(), Published::Stored(1));
    let leader = cluster.members().stream_leader(STREAM).unwrap();
    let (cut_off, other) = (at(&cluster, leader).await, at(&cluster, (leader + 1) % 3).await);

    cluster.isolate(Some(leader));
    publish(&cut_off).await.unwrap_err();
    let went_on = async { while publish(&other).await.is_err() {} };
    timeout(Duration::from_secs(60), went_on).await.expect("two of three go on");
    publish(&cut_off).await.unwrap_err();
    assert_eq!(
        cut_off.client.connection_state(),
        async_nats::connection::State::Connected,
        "clients stay with the one that is cut off"
    );

    cluster.isolate(None);
    let back = async { while publish(&cut_off).await.is_err() {} };
    timeout(Duration::from_secs(60), back).await.expect("it is one of three again");
}
