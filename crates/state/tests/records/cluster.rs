//! Three servers, whose leader is killed while records are written.

use crate::{author, key, people, person};
use messaging::{Nats, streams};
use state::record::{When, WriteError};
use std::time::{Duration, Instant};
use testkit::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_costs_no_change_and_no_event() {
    let cluster = Cluster::start();
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    let settings = streams::Settings { replicas: Some(3), ..Default::default() };
    testkit::streams::make(&nats, settings).await;
    let records = people(&nats);
    let mut at = records.create(&key("a"), person("0", "e0", "-"), &author("a")).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(90);
    let (mut unclear, mut killed) = (0, None);
    for n in 1..=60 {
        if n == 20 || n == 40 {
            let stream = if n == 20 { "KV_FILES_LEDGER" } else { "ANALYTICS" };
            let leader = loop {
                if let Some(leader) = cluster.members().stream_leader(stream) {
                    break leader;
                }
            };
            cluster.members().members_mut()[leader].kill();
            killed = Some(leader);
        }
        if n == 35 {
            let mut members = cluster.members();
            members.members_mut()[killed.unwrap()].restart().unwrap();
            members.wait_for_leader().unwrap();
        }
        let value = person(&n.to_string(), &format!("e{n}"), "-");
        loop {
            assert!(Instant::now() < deadline, "not within 90 s: {n}");
            match records.replace(&key("a"), value.clone(), When::Is(at), &author("b")).await {
                Ok(revision) => at = revision,
                Err(WriteError::Store(_)) => {
                    unclear += 1;
                    continue;
                }
                // An unclear one was stored.
                Err(WriteError::Stale(_)) => {
                    let found = records.get(&key("a")).await.unwrap().unwrap();
                    assert_eq!(found.value, value, "after {unclear} unclear answers");
                    at = found.revision;
                }
                Err(error) => panic!("{error}"),
            }
            break;
        }
    }
    let mut sweep = records.sweep();
    while !sweep.step().await.is_ok_and(|open| open == 0) {
        assert!(Instant::now() < deadline, "it is not settled");
    }
    let told = crate::nats::told(&nats, "a").await;
    assert_eq!(told.len(), 61, "{told:?}");
    assert_eq!(told.last(), Some(&format!("FILES_LEDGER:{at}")));
}
