//! Reading a stream up to its end.

use crate::{messages, start};
use messaging::publish::{self, Outgoing};
use messaging::{Nats, streams, tail};
use std::sync::Arc;
use std::time::Duration;

async fn check(nats: &Nats, filter: &str, from: u64, count: usize, end: u64) {
    let mut seen = 0;
    let each = |_: &async_nats::jetstream::Message| seen += 1;
    let read = tail::read(nats, streams::ANALYTICS, filter, from, true, each).await.unwrap();
    assert_eq!((seen, read), (count, end), "{filter} from {from}");
}

#[tokio::test]
async fn reading_ends_where_the_stream_ends() {
    let (_server, nats) = start().await;
    check(&nats, "analytics.>", 0, 0, 0).await;
    check(&nats, "analytics.>", 8, 0, 7).await;
    let batch = [messages("a", 2), messages("b", 3), messages("c", 1)].concat();
    for answer in publish::all(&nats, &batch, None).await {
        answer.unwrap();
    }
    check(&nats, "analytics.>", 0, 6, 6).await;
    check(&nats, "analytics.>", 6, 1, 6).await;
    check(&nats, "analytics.>", 7, 0, 6).await;
    check(&nats, "analytics.b.*", 1, 3, 6).await;
    check(&nats, "analytics.a.*", 3, 0, 6).await;
    check(&nats, "analytics.nothing.>", 1, 0, 6).await;
}

/// 2.9.10 now and then says with a message that none is behind it, and there are.
#[tokio::test]
async fn what_the_server_says_of_the_messages_that_follow_is_not_taken_for_the_end() {
    let (_server, nats) = start().await;
    let message = |stage: &str, order: u32| {
        let subject = format!("orders.{stage}.main.DIRECT.A{order}");
        Outgoing::new(subject, vec![b'x'; 500].into())
    };
    for n in 0..6 {
        for stage in ["placed", "confirmed"] {
            publish::one(&nats, &message(stage, n / 3), None).await.unwrap();
        }
    }
    for _ in 0..300 {
        let mut seen = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            seen.push(message.info().unwrap().stream_sequence);
        };
        let read = tail::read(&nats, streams::ORDERS, "orders.*.main.>", 2, true, each).await;
        assert_eq!(read.unwrap(), 12);
        assert_eq!(seen, (2..=12).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_stream_that_is_not_there_is_an_error() {
    let (_server, nats) = start().await;
    let error = tail::read(&nats, "NOWHERE", ">", 1, false, |_| ()).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot read > of stream NOWHERE: "), "{error}");
}

const MANY: usize = 100_000;

async fn publish_many(nats: &Nats) {
    for start in (0..MANY).step_by(10_000) {
        let message = |n: usize| {
            Outgoing::new(format!("analytics.many.{}", n % 100), vec![b'x'; 100].into())
                .header("Number", &n.to_string())
        };
        let batch: Vec<_> = (start..start + 10_000).map(message).collect();
        for answer in publish::all(nats, &batch, None).await {
            answer.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_are_read_without_their_bodies() {
    let (_server, nats) = start().await;
    publish_many(&nats).await;
    let (mut numbers, mut before) = (vec![false; MANY], 0);
    let each = |message: &async_nats::jetstream::Message| {
        assert!(message.payload.is_empty());
        let sequence = message.info().unwrap().stream_sequence;
        assert_eq!(sequence, before + 1);
        before = sequence;
        let number = message.headers.as_ref().unwrap().get("Number").unwrap();
        numbers[number.as_str().parse::<usize>().unwrap()] = true;
    };
    let end = tail::read(&nats, streams::ANALYTICS, "analytics.>", 1, true, each).await.unwrap();
    assert_eq!(end, u64::try_from(MANY).unwrap());
    assert!(numbers.into_iter().all(|seen| seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_in_the_middle_costs_no_message_and_gives_none_twice() {
    let (server, nats) = start().await;
    publish_many(&nats).await;
    let server = Arc::new(server);
    let mut sequences = Vec::with_capacity(MANY);
    let each = |message: &async_nats::jetstream::Message| {
        sequences.push(message.info().unwrap().stream_sequence);
        if sequences.len() == 1_000 {
            server.kill();
            let server = server.clone();
            std::thread::spawn(move || server.restart());
        }
    };
    let reading = tail::read(&nats, streams::ANALYTICS, "analytics.>", 1, true, each);
    let read = tokio::time::timeout(Duration::from_secs(90), reading).await.unwrap();
    assert!(sequences.iter().zip(1..).all(|(sequence, expected)| *sequence == expected));
    match read {
        Ok(end) => assert_eq!((sequences.len(), end), (MANY, u64::try_from(MANY).unwrap())),
        // Saying that it did not end is as good: the caller begins anew.
        Err(error) => assert!(sequences.len() < MANY, "{error}"),
    }
}

#[tokio::test]
async fn a_read_leaves_no_consumer_behind() {
    let (_server, nats) = start().await;
    for answer in publish::all(&nats, &messages("a", 2), None).await {
        answer.unwrap();
    }
    check(&nats, "analytics.>", 1, 2, 2).await;
    check(&nats, "analytics.nothing.>", 1, 0, 2).await;
    let mut stream = nats.js.get_stream(streams::ANALYTICS).await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.consumer_count, 0);
}

/// More than nats-server keeps for a client (64 MiB), for a reader that keeps its thread busy.
#[tokio::test]
async fn large_messages_do_not_cost_a_slow_reader_its_connection() {
    const COUNT: usize = 150;
    let (_server, nats) = start().await;
    for n in 0..COUNT {
        let message = Outgoing::new(format!("analytics.large.{n}"), vec![b'x'; 1_000_000].into());
        publish::one(&nats, &message, None).await.unwrap();
    }
    let mut seen = 0;
    let each = |message: &async_nats::jetstream::Message| {
        seen += message.payload.len();
        std::thread::sleep(Duration::from_millis(10));
    };
    tail::read(&nats, streams::ANALYTICS, "analytics.large.>", 1, false, each).await.unwrap();
    assert_eq!(seen, COUNT * 1_000_000);
}
