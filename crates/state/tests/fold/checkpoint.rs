//! The machinery under checkpoints.

use crate::support::{BUCKET, start};
use futures_util::TryStreamExt as _;
use messaging::Nats;
use messaging::publish::{self, Outgoing};
use state::checkpoint::{Checkpoints, Written};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

const NAME: &str = "FOLD_CHECKPOINTS";

/// Goes on for so many steps, and ends there like a process that is killed: what was sent stays sent.
async fn killed_after<T>(steps: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = steps;
    poll_fn(|context| {
        let Some(rest) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = rest;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Three parts, each of which differs.
fn state(number: u64) -> Vec<u8> {
    (0..250_000).flat_map(|line: u64| format!("{number}{}", line % 97).into_bytes()).collect()
}

async fn save(checkpoints: &Checkpoints, key: &str, number: u64) {
    let newer = |old: &u64| *old < number;
    // What a killed writer had sent may still come in between.
    while checkpoints.save(key, &number, state(number), newer).await.unwrap() != Written::Stored {}
}

async fn loaded(nats: &Nats, key: &str) -> Option<u64> {
    let found = Checkpoints::new(nats, NAME).load::<u64>(key).await.unwrap();
    found.map(|(at, bytes)| {
        assert!(bytes == state(at), "what is loaded as {at} is not what was written");
        at
    })
}

async fn parts(nats: &Nats, key: &str) -> usize {
    let stream = nats.js.get_stream(BUCKET).await.unwrap();
    let subjects = stream.info_with_subjects(format!("$KV.{NAME}.{key}.*.*.*")).await.unwrap();
    subjects.try_collect::<Vec<_>>().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_is_killed_between_any_two_steps_leaves_what_is_whole() {
    let (_server, nats) = start().await;
    let of_one = state(1).len().div_ceil(256 * 1024);
    assert!(2 < of_one);
    let mut killed = 0;
    for steps in 1.. {
        let key = format!("k.{steps}");
        save(&Checkpoints::new(&nats, NAME), &key, 1).await;
        save(&Checkpoints::new(&nats, NAME), &key, 2).await;
        let checkpoints = Checkpoints::new(&nats, NAME);
        let third = checkpoints.save(&key, &3, state(3), |old: &u64| *old < 3);
        let ended = killed_after(steps, third).await;
        let found = loaded(&nats, &key).await;
        match &ended {
            Some(written) => {
                assert_eq!((written.as_ref().unwrap(), found), (&Written::Stored, Some(3)))
            }
            None => assert!(matches!(found, Some(2 | 3)), "after {steps} steps: {found:?}"),
        }
        // The next writers go on, and nothing of it stays for ever.
        let next = Checkpoints::new(&nats, NAME);
        for number in [4, 5] {
            save(&next, &key, number).await;
            assert_eq!(loaded(&nats, &key).await, Some(number));
        }
        let last = Checkpoints::new(&nats, NAME);
        save(&last, &key, 6).await;
        assert_eq!(parts(&nats, &key).await, 2 * of_one, "after {steps} steps");
        killed = steps;
        if ended.is_some() {
            break;
        }
    }
    // At least the head, the parts, their reading and the new head each wait for an answer.
    assert!(4 <= killed, "there are more steps than {killed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_left_behind_goes_also_without_its_first_part() {
    let (_server, nats) = start().await;
    save(&Checkpoints::new(&nats, NAME), "k", 1).await;
    // Of one that expected no head: the first part was lost on the way, or removed.
    for part in 1..3 {
        let left = Outgoing::new(format!("$KV.{NAME}.k.0.late.{part}"), "left".into());
        publish::one(&nats, &left, None).await.unwrap();
    }
    let next = Checkpoints::new(&nats, NAME);
    save(&next, "k", 2).await;
    assert_eq!(parts(&nats, "k").await, 2 * state(1).len().div_ceil(256 * 1024));
    assert_eq!(loaded(&nats, "k").await, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_state_never_takes_the_place_of_a_newer_one() {
    let (_server, nats) = start().await;
    let checkpoints = Checkpoints::new(&nats, NAME);
    save(&checkpoints, "k", 5).await;
    for older in [4, 5] {
        let newer = |old: &u64| *old < older;
        let written = checkpoints.save("k", &older, state(older), newer).await.unwrap();
        assert_eq!(written, Written::Newer(5));
    }
    assert_eq!(loaded(&nats, "k").await, Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_writers_at_once_one_wins_and_the_newest_stays() {
    let (_server, nats) = start().await;
    let writers = (1..=6).map(|number: u64| {
        let nats = nats.clone();
        tokio::spawn(async move {
            let checkpoints = Checkpoints::new(&nats, NAME);
            let newer = |old: &u64| *old < number;
            loop {
                match checkpoints.save("k", &number, state(number), newer).await.unwrap() {
                    Written::Stored | Written::Newer(_) => return,
                    Written::Overtaken => {}
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
        assert!(loaded(&nats, "k").await.is_some());
    }
    assert_eq!(loaded(&nats, "k").await, Some(6));
    save(&Checkpoints::new(&nats, NAME), "k", 7).await;
    assert_eq!(parts(&nats, "k").await, 2 * state(1).len().div_ceil(256 * 1024));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_state_is_a_state() {
    let (_server, nats) = start().await;
    let checkpoints = Checkpoints::new(&nats, NAME);
    assert_eq!(checkpoints.load::<u64>("k").await.unwrap(), None);
    checkpoints.save("k", &1_u64, Vec::new(), |_| true).await.unwrap();
    assert_eq!(checkpoints.load::<u64>("k").await.unwrap(), Some((1, Vec::new())));
}
