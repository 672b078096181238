//! Two processes that append at once, on three servers.

use bytes::Bytes;
use messaging::{Nats, stored, streams};
use state::journal::{Appended, Log as _, NatsLog};
use testkit::cluster::Cluster;

const SUBJECT: &str = "journal.inventory.race";
const ROUNDS: usize = 200;

/// A process that has read the journal.
async fn process(cluster: &Cluster) -> NatsLog {
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    let log = NatsLog::new(nats, SUBJECT.to_owned());
    log.read(None, 1, &mut |_| {}).await.unwrap();
    log
}

/// Servers before 2.9.21 acknowledge both of two appends that expect the same message.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_appends_at_once_at_most_one_is_taken_for_stored() {
    let cluster = Cluster::start();
    let nats = Nats::connect(&cluster.url(), "test", false).await.unwrap();
    let settings = streams::Settings { replicas: Some(3), ..Default::default() };
    testkit::streams::make(&nats, settings).await;
    let (one, two) = (process(&cluster).await, process(&cluster).await);
    let mut stored = 0;
    for round in 0..ROUNDS {
        let last = stored::last(&nats, streams::JOURNAL, SUBJECT).await.unwrap();
        let expected = last.map_or(0, |last| last.sequence);
        let entry = Bytes::from_static(b"{}");
        let (a, b) = tokio::join!(one.append(expected, entry.clone()), two.append(expected, entry));
        let both = [a, b].map(|appended| matches!(appended, Appended::Stored(_)));
        assert_ne!(both, [true, true], "round {round}, behind {expected}");
        stored += both.iter().filter(|stored| **stored).count();
    }
    assert!(ROUNDS / 2 < stored, "{stored} of {ROUNDS} are stored");
}
