//! Every event once, in order, whoever reads and whatever is delivered again.

use crate::support::{NEVER, Numbers, OFTEN, Replica, eventually, number, start, store};
use messaging::Nats;
use messaging::header;
use messaging::publish::Outgoing;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use testkit::proxy::{Fault, Proxy};

#[tokio::test(flavor = "multi_thread")]
async fn replicas_count_the_same_while_several_publish_at_once() {
    let (_server, nats) = start().await;
    let replicas = [Replica::start(&nats, OFTEN), Replica::start(&nats, OFTEN)];
    let mut numbers = Numbers::default();
    for _ in 0..5 {
        let parts = [numbers.take(200), numbers.take(200), numbers.take(200)];
        tokio::join!(store(&nats, &parts[0]), store(&nats, &parts[1]), store(&nats, &parts[2]));
    }
    for replica in &replicas {
        assert_eq!(replica.sums().await, numbers.sums);
        assert_eq!(replica.metric("fold_events_total"), 3_000);
    }
    eventually("nothing is behind, and all keys are held", async || {
        replicas[0].metric("fold_behind_messages") == 0 && replicas[0].metric("fold_held") == 10
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_killed_anywhere_counts_nothing_twice_and_forgets_nothing() {
    let (_server, nats) = start().await;
    let mut numbers = Numbers::default();
    for round in 0..25 {
        let replica = Replica::start(&nats, OFTEN);
        numbers.store(&nats, 40).await;
        tokio::time::sleep(Duration::from_millis(round * 7)).await;
        // On a slow machine nothing else may have been kept.
        if round == 20 {
            replica.saved().await;
        }
        drop(replica);
    }
    let replica = Replica::start(&nats, OFTEN);
    assert_eq!(replica.sums().await, numbers.sums);
    assert!(replica.metric("fold_events_total") < 1_000, "nothing was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_while_it_reads_cost_no_event_and_double_none() {
    let (server, nats) = start().await;
    let mut numbers = Numbers::default();
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let proxy = Proxy::to(upstream).await.unwrap();
    let url = format!("nats://{}", proxy.address());
    let far = Nats::connect(&url, "far", false).await.unwrap();
    let replica = Replica::start(&far, OFTEN);
    let mut reset = 0;
    for round in 0..8 {
        numbers.store(&nats, 500).await;
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        reset += usize::from(proxy.inject(Fault::Reset, 0));
    }
    assert_eq!(replica.sums().await, numbers.sums);
    assert_eq!(replica.metric("fold_events_total"), 4_000);
    assert!(0 < reset, "no connection was there to break");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_is_stored_twice_counts_once_also_after_a_start() {
    let (_server, nats) = start().await;
    let fact = |key: &str, decision: &str| number(key, 5).header(header::DECISION, decision);
    store(&nats, &[fact("a", "1"), fact("b", "1"), fact("a", "2"), fact("a", "1")]).await;
    let replica = Replica::start(&nats, OFTEN);
    assert_eq!(replica.sums().await["a"], 10);
    assert_eq!(replica.metric("fold_again_total"), 1);
    replica.saved().await;
    drop(replica);
    store(&nats, &[fact("a", "2"), fact("b", "1"), number("a", 1)]).await;
    let replica = Replica::start(&nats, NEVER);
    assert_eq!(replica.sums().await, [("a".to_owned(), 11), ("b".to_owned(), 5)].into());
    assert_eq!(replica.metric("fold_again_total"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_counted_is_recorded_and_passed_over() {
    let (_server, nats) = start().await;
    let bad =
        |key: &str, text: &'static str| Outgoing::new(format!("analytics.t.{key}.x"), text.into());
    store(&nats, &[number("a", 1)]).await;
    store(&nats, &[bad("a", "one"), bad("nokey", "1"), bad("nothing", "1"), bad("a", "panic")])
        .await;
    store(&nats, &[number("a", 2)]).await;
    let replica = Replica::start(&nats, OFTEN);
    assert_eq!(replica.sums().await["a"], 3);
    let check = |replica: &Replica| {
        let (count, newest) = replica.folded.refused();
        let mut found: Vec<_> = newest.iter().map(|it| (it.sequence, it.reason.clone())).collect();
        found.sort_unstable();
        let reasons: Vec<&str> = found.iter().map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(count, 3, "{newest:?}");
        assert!(reasons[0].starts_with("\"one\": invalid digit"), "{reasons:?}");
        assert_eq!(&reasons[1..], ["no key", "the function panicked; see its log"]);
        assert_eq!(newest[0].stream, "ANALYTICS");
    };
    check(&replica);
    assert_eq!(replica.metric("fold_refused_total"), 3);
    replica.saved().await;
    drop(replica);
    // It is still known after a restart, which reads nothing again.
    let replica = Replica::start(&nats, NEVER);
    assert_eq!(replica.sums().await["a"], 3);
    check(&replica);
    assert_eq!(replica.metric("fold_refused_total"), 0);
}
