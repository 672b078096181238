//! What is read is another stream.

use crate::support::{NEVER, Numbers, OFTEN, Replica, eventually, setup, start, store};
use futures_util::TryStreamExt as _;
use messaging::publish::Outgoing;
use messaging::streams::identity::Identity;
use messaging::{Nats, streams};

/// Deletes a stream and makes it again; with `identity` it says that it is still the one that it was.
async fn again(nats: &Nats, stream: &str, identity: bool) {
    let config = nats.js.get_stream(stream).await.unwrap().cached_info().config.clone();
    nats.js.delete_stream(stream).await.unwrap();
    if identity {
        assert!(Identity::read(config.description.as_deref().unwrap()).is_some());
        nats.js.create_stream(&config).await.unwrap();
    } else {
        setup(nats, None).await;
    }
}

async fn remade(is_running: bool, keeps_identity: bool, more: usize) {
    let (_server, nats) = start().await;
    Numbers::default().store(&nats, 100).await;
    let replica = Replica::start(&nats, OFTEN);
    replica.sums().await;
    replica.saved().await;
    let running = is_running.then_some(replica);
    for stream in [streams::ANALYTICS, streams::WEBHOOKS] {
        again(&nats, stream, keeps_identity).await;
    }
    // Others than before: the first number is another one.
    let mut numbers = Numbers::default();
    numbers.take(1);
    numbers.sums.clear();
    numbers.store(&nats, more).await;
    let replica = running.unwrap_or_else(|| Replica::start(&nats, OFTEN));
    eventually("only what is there counts", async || replica.sums().await == numbers.sums).await;
    // And so it does after a start from the checkpoints that follow.
    numbers.store(&nats, 20).await;
    replica.sums().await;
    replica.saved().await;
    drop(replica);
    let replica = Replica::start(&nats, NEVER);
    assert_eq!(replica.sums().await, numbers.sums);
    assert_eq!(replica.metric("fold_events_total"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_made_again_is_counted_from_its_beginning() {
    // Longer than before: no sequence tells that it is another one.
    remade(false, false, 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_while_the_fold_reads_it() {
    remade(true, false, 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_where_the_message_at_the_position_is_gone() {
    let (_server, nats) = start().await;
    Numbers::default().store(&nats, 100).await;
    let replica = Replica::start(&nats, OFTEN);
    replica.sums().await;
    replica.saved().await;
    drop(replica);
    for stream in [streams::ANALYTICS, streams::WEBHOOKS] {
        again(&nats, stream, false).await;
    }
    Numbers::default().store(&nats, 300).await;
    for (stream, first) in [(streams::ANALYTICS, 100), (streams::WEBHOOKS, 50)] {
        let stream = nats.js.get_stream(stream).await.unwrap();
        stream.purge().sequence(first).await.unwrap();
    }
    let replica = Replica::start(&nats, NEVER);
    assert_eq!(replica.sums().await, crate::cluster::stored(&nats).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_that_is_shorter_is_counted_from_its_beginning() {
    remade(false, true, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_that_went_on_is_counted_from_its_beginning() {
    remade(false, true, 150).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_streams_that_are_not_there_yet_and_for_a_server_that_is_away() {
    let server = testkit::nats::Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    let replica = Replica::start(&nats, OFTEN);
    let error = replica.folded.current(std::time::Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().starts_with("NATS does not answer: stream ANALYTICS"), "{error}");
    setup(&nats, None).await;
    let mut numbers = Numbers::default();
    numbers.store(&nats, 10).await;
    assert_eq!(replica.sums().await, numbers.sums);
    server.kill();
    let ask = replica.folded.current(std::time::Duration::ZERO);
    let answer = tokio::time::timeout(std::time::Duration::from_secs(3), ask).await;
    let silent = answer.expect("it waits for no more than a second").unwrap_err();
    assert!(matches!(silent, state::fold::NotRead::Silent(_)), "{silent}");
    server.restart();
    eventually("it can be stored", async || {
        let ready = Outgoing::new("analytics.other".into(), "".into());
        messaging::publish::one(&nats, &ready, None).await.is_ok()
    })
    .await;
    numbers.store(&nats, 10).await;
    assert_eq!(replica.sums().await, numbers.sums);
    assert_eq!(replica.metric("fold_events_total"), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_many_subjects_is_read_as_a_whole_and_only_what_is_asked_for_counts() {
    for binary in testkit::nats_servers() {
        let server = testkit::nats::Server::of(binary);
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        setup(&nats, None).await;
        many_subjects(&nats).await;
    }
}

async fn many_subjects(nats: &Nats) {
    let mut numbers = Numbers::default();
    let other = |n: u32| Outgoing::new(format!("analytics.other.{n}"), "no number".into());
    let others: Vec<Outgoing> = (0..12_000).map(other).collect();
    numbers.store(nats, 100).await;
    store(nats, &others).await;
    let replica = Replica::start(nats, OFTEN);
    assert_eq!(replica.sums().await, numbers.sums);
    // Only nats-server 2.9 sends the others as well.
    let filter = if nats.client.is_server_compatible(2, 10, 0) { "analytics.t.>" } else { "" };
    let stream = nats.js.get_stream(streams::ANALYTICS).await.unwrap();
    let consumers: Vec<_> = stream.consumers().try_collect().await.unwrap();
    assert_eq!(consumers.len(), 1);
    assert_eq!(consumers[0].config.filter_subject, filter);
    numbers.store(nats, 100).await;
    store(nats, &others).await;
    assert_eq!(replica.sums().await, numbers.sums);
    assert_eq!(replica.metric("fold_refused_total"), 0);
    eventually("nothing is behind", async || replica.metric("fold_behind_messages") == 0).await;
    replica.saved().await;
    drop(replica);
    let replica = Replica::start(nats, NEVER);
    assert_eq!(replica.sums().await, numbers.sums);
    assert_eq!(replica.metric("fold_events_total"), 0);
}
