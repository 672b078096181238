//! Messages whose header block cannot be read: nats-server takes and delivers any bytes.

use crate::{connect, messages, start, start_each};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use messaging::kv::Bucket;
use messaging::publish::{self, Outgoing};
use messaging::{Nats, header, stored, streams, tail};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use testkit::raw::{Raw, STATUSES, UNREADABLE};

/// How often the client has connected.
fn connects(nats: &Nats) -> u64 {
    nats.client.statistics().connects.load(Ordering::Relaxed)
}

/// The raw header blocks and payloads under `filter`; nothing for a block that was read.
async fn read(nats: &Nats, filter: &str) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
    let mut found = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let block = message.headers.as_ref().and_then(|headers| headers.get(header::UNREADABLE));
        let block = block.map(|block| STANDARD.decode(block.as_str()).unwrap());
        found.push((block, message.payload.to_vec()));
    };
    tail::read(nats, streams::ANALYTICS, filter, 1, false, each).await.unwrap();
    found
}

#[tokio::test]
async fn every_message_is_read_and_no_connection_is_lost() {
    for (server, nats) in start_each().await {
        let mut raw = Raw::connect(&server.url()).await.unwrap();
        let mut expected = Vec::new();
        let long = [b"NATS/1.0\r\n".as_slice(), &[b'x'; 60_000], b"\r\n\r\n"].concat();
        for (what, block) in UNREADABLE.iter().chain([&("a long line", long.as_slice())]) {
            raw.publish(b"analytics.raw", block, what.as_bytes()).await.expect(what);
            let good = Outgoing::new("analytics.raw".into(), "good".into()).header("Good", "yes");
            publish::one(&nats, &good, None).await.unwrap();
            expected.push((Some(block.to_vec()), what.as_bytes().to_vec()));
            expected.push((None, b"good".to_vec()));
        }
        let found = read(&nats, "analytics.raw").await;
        for (found, expected) in found.iter().zip(&expected) {
            let (what, shown) = (String::from_utf8_lossy(&expected.1), found.0.as_deref());
            let shown = shown.map(String::from_utf8_lossy);
            assert!(found == expected, "{what}: {shown:?}");
        }
        assert_eq!(found.len(), expected.len());
        for (sequence, (block, payload)) in (1..).zip(&expected) {
            let found = stored::at(&nats, streams::ANALYTICS, sequence).await.unwrap().unwrap();
            let shown =
                found.header(header::UNREADABLE).map(|block| STANDARD.decode(block).unwrap());
            assert_eq!((&shown, found.payload.as_ref()), (block, payload.as_slice()));
            assert_eq!(found.headers.len(), 1, "{:?}", found.headers);
        }
        assert_eq!(connects(&nats), 1);
    }
}

/// Taken for the server's words, they would end a read, or be waited for.
#[tokio::test]
async fn a_stored_status_is_no_word_of_the_server() {
    for (server, nats) in start_each().await {
        let mut raw = Raw::connect(&server.url()).await.unwrap();
        for (what, block) in STATUSES {
            raw.publish(b"analytics.raw", block, what.as_bytes()).await.expect(what);
        }
        let found = read(&nats, "analytics.raw").await;
        let payloads = found.iter().map(|(_, payload)| payload.as_slice());
        assert!(payloads.eq(STATUSES.iter().map(|(what, _)| what.as_bytes())), "{found:?}");
        for ((block, _), (what, sent)) in found.iter().zip(STATUSES) {
            assert!(block.as_deref().is_none_or(|block| block == *sent), "{what}");
        }
        assert_eq!(connects(&nats), 1);
    }
}

#[tokio::test]
async fn a_read_without_bodies_is_no_different() {
    for (server, nats) in start_each().await {
        let mut raw = Raw::connect(&server.url()).await.unwrap();
        for (what, block) in UNREADABLE {
            raw.publish(b"analytics.raw", block, what.as_bytes()).await.expect(what);
        }
        let mut seen = 0;
        let each = |message: &async_nats::jetstream::Message| {
            let headers = message.headers.as_ref().unwrap();
            assert!(headers.get(header::UNREADABLE).is_some() && message.payload.is_empty());
            seen += 1;
        };
        tail::read(&nats, streams::ANALYTICS, "analytics.>", 1, true, each).await.unwrap();
        assert_eq!((seen, connects(&nats)), (UNREADABLE.len(), 1));
    }
}

#[tokio::test]
async fn a_subject_that_is_no_text_costs_no_connection() {
    for (server, nats) in start_each().await {
        let mut raw = Raw::connect(&server.url()).await.unwrap();
        for subject in [b"analytics.\xff\xfe".as_slice(), "analytics.a\u{a0}b\u{2028}".as_bytes()] {
            raw.publish(subject, b"NATS/1.0\r\nA: b\r\n\r\n", b"").await.unwrap();
            raw.publish(subject, b"none", b"").await.unwrap();
        }
        let mut found = Vec::new();
        let each =
            |message: &async_nats::jetstream::Message| found.push(message.subject.to_string());
        tail::read(&nats, streams::ANALYTICS, "analytics.>", 1, false, each).await.unwrap();
        // White space that the client would take for the end of the subject.
        let expected = ["analytics.\u{fffd}\u{fffd}", "analytics.a\u{fffd}b\u{fffd}"];
        assert_eq!(found, [expected[0], expected[0], expected[1], expected[1]]);
        assert_eq!(connects(&nats), 1);
    }
}

/// Any bytes, most of them near to a header block.
fn block(random: &mut fastrand::Rng) -> Vec<u8> {
    const PARTS: &[&[u8]] = &[
        b"NATS/1.0",
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b" ",
        b"\t",
        b"503",
        b"A",
        b"Nats-Sequence: x",
        b"Nats-Stream: y",
        b"\xff",
        b"\xc3",
        "é\u{2028}".as_bytes(),
        b"\0",
        b"Nats-Msg-Size:1",
    ];
    let parts = (0..random.usize(1..12)).map(|_| PARTS[random.usize(..PARTS.len())]);
    parts.collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn whatever_the_bytes_are_the_message_comes() {
    const COUNT: usize = 5_000;
    let (server, nats) = start().await;
    let mut random = fastrand::Rng::with_seed(7);
    let blocks: Vec<Vec<u8>> = (0..COUNT).map(|_| block(&mut random)).collect();
    let payloads: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
    let sent: Vec<(&[u8], &[u8])> =
        blocks.iter().zip(&payloads).map(|(block, n)| (block.as_slice(), n.as_bytes())).collect();
    let mut raw = Raw::connect(&server.url()).await.unwrap();
    raw.publish_all(b"analytics.raw", &sent).await.unwrap();
    let found = read(&nats, "analytics.raw").await;
    assert!(found.iter().map(|(_, payload)| payload.as_slice()).eq(sent.iter().map(|sent| sent.1)));
    let unread = found.iter().filter(|(block, _)| block.is_some()).count();
    assert!(COUNT / 2 < unread && unread < COUNT, "{unread}");
    assert_eq!(connects(&nats), 1);
}

/// Each of them once cost a connection, and what was on the way on it.
#[tokio::test]
async fn ten_thousand_unreadable_messages_are_read_in_seconds() {
    const COUNT: usize = 10_000;
    let (server, nats) = start().await;
    let mut raw = Raw::connect(&server.url()).await.unwrap();
    for (n, block) in [b"NATS/1.0\r\nA: b\r\n\r\n".as_slice(), UNREADABLE[0].1].iter().enumerate() {
        let subject = format!("analytics.raw.{n}");
        let sent = vec![(*block, b"x".as_slice()); COUNT];
        raw.publish_all(subject.as_bytes(), &sent).await.unwrap();
        let began = Instant::now();
        assert_eq!(read(&nats, &subject).await.len(), COUNT);
        let took = began.elapsed();
        println!("{COUNT} messages of kind {n}: {took:?}");
        assert!(took < Duration::from_secs(20), "{took:?}");
    }
    assert_eq!(connects(&nats), 1);
}

/// A key whose value has such headers is as good as its value: nothing else reads them.
#[tokio::test]
async fn a_value_in_a_bucket_is_read_whatever_its_headers_are() {
    for (server, nats) in start_each().await {
        let bucket: Bucket<u64> = Bucket::open(&nats, streams::FILES_LEDGER).await.unwrap();
        let mut raw = Raw::connect(&server.url()).await.unwrap();
        for (n, (what, block)) in (0_u64..).zip(UNREADABLE.iter().chain(STATUSES)) {
            let (key, value) = (format!("US1.{n}"), n.to_string());
            let subject = format!("$KV.{}.{key}", streams::FILES_LEDGER);
            let revision = raw.publish(subject.as_bytes(), block, value.as_bytes()).await.unwrap();
            assert_eq!(bucket.get(&key).await.expect(what), Some((n, revision)), "{what}");
            assert!(bucket.update(&key, &(n + 1), revision).await.unwrap().is_some(), "{what}");
        }
        let all = bucket.all(&nats).await.unwrap();
        assert_eq!(all.len(), UNREADABLE.len() + STATUSES.len());
        assert_eq!(connects(&nats), 1);
    }
}

#[tokio::test]
async fn others_on_the_connection_notice_nothing() {
    let (server, nats) = start().await;
    let mut raw = Raw::connect(&server.url()).await.unwrap();
    let sent = vec![(UNREADABLE[0].1, b"x".as_slice()); 1_000];
    raw.publish_all(b"analytics.raw", &sent).await.unwrap();
    let good = messages("good", 1_000);
    let (read, answers) =
        tokio::join!(read(&nats, "analytics.raw"), publish::all(&nats, &good, None));
    assert_eq!(read.len(), sent.len());
    assert!(answers.into_iter().all(|answer| answer.is_ok()));
    assert_eq!((connects(&nats), connects(&connect(&server).await)), (1, 1));
}
