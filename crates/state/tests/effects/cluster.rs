//! Three servers, whose leaders are killed while messages are sent.

use crate::{Replica, World, done, effects, event};
use messaging::{Nats, streams};
use testkit::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_costs_no_message_and_doubles_none_that_is_confirmed() {
    let cluster = Cluster::start();
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    let settings = streams::Settings { replicas: Some(3), ..Default::default() };
    testkit::streams::make(&nats, settings).await;
    let world = World::kind();
    let replicas: Vec<_> = (0..2).map(|_| effects(&nats, &world)).collect();
    let _running: Vec<Replica> = replicas.iter().map(Replica::of).collect();
    for n in 0..40 {
        if n == 10 {
            let leader = cluster.members().stream_leader("KV_EFFECTS").unwrap();
            cluster.members().members_mut()[leader].kill();
        }
        let event = event(&n.to_string(), &["a", "b"]);
        // As an event comes again until it is acknowledged.
        while replicas[0].accept(&event).await.is_err() {}
    }
    for n in 0..40 {
        for delivery in done(&replicas[0], &n.to_string(), 2).await {
            let attempts = world.seen.borrow()[&format!("{n}>{}", delivery.lane)].len();
            assert!(attempts <= 1 + usize::try_from(delivery.unknown).unwrap(), "{delivery:?}");
        }
    }
}
