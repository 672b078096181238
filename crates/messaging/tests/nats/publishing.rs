//! Publishing with an expected sequence.

use crate::{connect, messages, read, start};
use messaging::publish::{self, Outgoing, Published};
use messaging::{stored, streams};
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_first_message_of_a_subject_is_stored_and_no_other() {
    let (_server, nats) = start().await;
    let message = |subject: &str, text: &'static str| Outgoing::new(subject.into(), text.into());
    let batch = [
        message("orders.placed.main.US1.1", "one"),
        message("orders.placed.main.US1.2", "two"),
        message("orders.placed.main.US1.1", "three"),
    ];
    let answers: Vec<_> =
        publish::all(&nats, &batch, Some(0)).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [Published::Stored(1), Published::Stored(2), Published::Occupied]);
    let standing = stored::last(&nats, streams::ORDERS, &batch[2].subject).await.unwrap().unwrap();
    assert_eq!((standing.sequence, &*standing.payload), (1, &b"one"[..]));
    assert_eq!(publish::one(&nats, &batch[2], Some(1)).await.unwrap(), Published::Stored(3));
    let nothing = stored::last(&nats, streams::ORDERS, "orders.placed.main.US1.3").await.unwrap();
    assert!(nothing.is_none());

    let at = async |sequence| stored::at(&nats, streams::ORDERS, sequence).await.unwrap();
    let second = at(2).await.unwrap();
    assert_eq!((second.sequence, &*second.payload), (2, &b"two"[..]));
    assert!(at(4).await.is_none());
}

#[tokio::test]
async fn what_is_too_large_is_permanent_and_what_no_stream_takes_now_is_not() {
    let (_server, nats) = start().await;
    let large = vec![b'x'; nats.message_bytes_max() + 1];
    let orders = || Outgoing::new("orders".into(), "x".into());
    for (message, why) in [
        (Outgoing::new("nobody.listens".into(), "x".into()), "no stream takes it now"),
        (Outgoing::new("orders".into(), large.into()), "the server takes at most 1048576 bytes"),
        (orders().header("A", &"x".repeat(65_600)), "its headers have 65685 bytes, the limit is"),
        (
            Outgoing::new(format!("errors.{}", "x".repeat(4_000)), "x".into()),
            "the subject has 4007 bytes, the limit is 3584",
        ),
    ] {
        let alone = publish::one(&nats, &message, None).await.unwrap_err();
        // The good one beside it goes its way.
        let [bad, good] = &publish::all(&nats, &[message, orders()], None).await[..] else {
            panic!("two answers");
        };
        for unclear in [&alone, bad.as_ref().unwrap_err()] {
            assert!(unclear.is_certain(), "{unclear:?}");
            assert_eq!(unclear.is_permanent(), !why.starts_with("no stream"), "{unclear:?}");
            assert!(unclear.to_string().contains(why), "{unclear}");
            assert_eq!(unclear.is_too_large(), why.starts_with("the server takes at most"));
        }
        assert!(good.is_ok(), "{good:?}");
    }
}

#[tokio::test]
async fn a_stream_that_is_full_or_sealed_certainly_does_not_take_it_and_the_message_is_not_to_blame()
 {
    use async_nats::jetstream::stream::DiscardPolicy;
    let (_server, nats) = start().await;
    let message = Outgoing::new("orders".into(), "x".into());
    let stream = nats.js.get_stream(streams::INTAKE).await.unwrap();
    let mut config = stream.cached_info().config.clone();
    config.max_messages = 1;
    config.discard = DiscardPolicy::New;
    nats.js.update_stream(&config).await.unwrap();
    publish::one(&nats, &message, None).await.unwrap();
    let refused = async |why: &str| {
        let alone = publish::one(&nats, &message, None).await.unwrap_err();
        let [Err(beside)] = &publish::all(&nats, &[&message], None).await[..] else {
            panic!("{why}");
        };
        for refused in [&alone, beside] {
            assert!(refused.is_certain() && !refused.is_permanent(), "{refused:?}");
            let text = refused.to_string();
            assert!(text.starts_with("orders does not take the message: "), "{text}");
            assert!(text.contains(why), "{text}");
        }
    };
    refused("maximum messages exceeded (code 503, error code 10077); make room").await;
    config.sealed = true;
    nats.js.update_stream(&config).await.unwrap();
    refused("a sealed stream accepts no messages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_batches_at_once_do_not_wait_for_each_other_for_ever() {
    let (_server, nats) = start().await;
    let batches = ["a", "b", "c"].map(|name| {
        let nats = nats.clone();
        tokio::spawn(async move { publish::all(&nats, &messages(name, 6_000), Some(0)).await })
    });
    for batch in batches {
        let answers = tokio::time::timeout(Duration::from_secs(60), batch).await.unwrap().unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Published::Stored(_)))));
    }
    assert_eq!(read(&nats, streams::ANALYTICS, "analytics.>").await.len(), 18_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_costs_one_time_out_and_sending_again_is_safe() {
    let (server, nats) = start().await;
    server.kill();
    let batch = messages("a", 300);
    let begun = Instant::now();
    let answers = publish::all(&nats, &batch, Some(0)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|e| !e.is_permanent())));
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|e| !e.is_certain())));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    server.restart();
    let deadline = Instant::now() + Duration::from_secs(30);
    while publish::all(&nats, &batch, Some(0)).await.iter().any(Result::is_err) {
        assert!(Instant::now() < deadline);
    }
    let nats = connect(&server).await;
    assert_eq!(read(&nats, streams::ANALYTICS, "analytics.>").await.len(), 300);
}

#[tokio::test]
async fn an_acknowledgement_that_nobody_takes_is_not_confirmed() {
    use async_nats::jetstream::AckKind;
    use async_nats::jetstream::consumer::pull;
    use futures_util::StreamExt as _;
    let (_server, nats) = start().await;
    let message = Outgoing::new("orders".into(), "x".into());
    for _ in 0..2 {
        publish::one(&nats, &message, None).await.unwrap();
    }
    let stream = nats.js.get_stream(streams::INTAKE).await.unwrap();
    let config = pull::Config { durable_name: Some("c".into()), ..Default::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let messages = consumer.fetch().max_messages(2).messages().await.unwrap();
    let replies: Vec<_> =
        messages.map(|message| message.unwrap().reply.clone().unwrap()).collect().await;
    messaging::ack::confirmed(&nats, &replies[0], AckKind::Ack).await.unwrap();
    stream.delete_consumer("c").await.unwrap();
    let error = messaging::ack::confirmed(&nats, &replies[1], AckKind::Ack).await.unwrap_err();
    assert!(error.to_string().contains("no responders"), "{error}");
}
