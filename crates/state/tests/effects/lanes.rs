//! Targets that are slow or dead, and replicas beside each other.

use crate::{Do, Replica, World, done, event, settings, start, taken, told, with};
use state::effect::{Answer, Settings};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::faults::{Fault, Faults, Step};

#[tokio::test]
async fn a_target_that_hangs_slows_nobody() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, _| if lane == "slow" { Do::Hang } else { taken() });
    let long = Settings { send_max: Duration::from_secs(600), ..settings() };
    let effects = with(&nats, &world, long);
    let _replica = Replica::of(&effects);
    for n in 0..100 {
        effects.accept(&event(&n.to_string(), &["slow", "fast"])).await.unwrap();
    }
    // Those that hang will never end here.
    world
        .until("the fast one has all", |seen| {
            seen.keys().filter(|message| message.ends_with(">fast")).count() == 100
        })
        .await;
    let slow = world.seen.borrow().keys().filter(|it| it.ends_with(">slow")).count();
    assert_eq!(slow, settings().lane_max, "attempts at once at one target");
}

#[tokio::test]
async fn all_lanes_together_have_a_limit() {
    let (_server, nats) = start().await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (Arc::clone(&now), Arc::clone(&most));
    let world = World::new(move |_, _| {
        peak.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Do::Hang
    });
    let few =
        Settings { send_max: Duration::from_secs(600), all_max: 6, lane_max: 4, ..settings() };
    let effects = with(&nats, &world, few);
    let _replica = Replica::of(&effects);
    let lanes: Vec<String> = (0..5).map(|n| format!("l{n}")).collect();
    let lanes: Vec<&str> = lanes.iter().map(String::as_str).collect();
    for n in 0..4 {
        effects.accept(&event(&n.to_string(), &lanes)).await.unwrap();
    }
    world.until("six are under way", |seen| seen.len() == 6).await;
    // Messages of others that are put in meanwhile are read, and not begun.
    effects.accept(&event("later", &["l0"])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(most.load(Ordering::SeqCst), 6);
    // Every lane had a turn.
    let seen = world.seen.borrow().clone();
    let lanes_seen: std::collections::BTreeSet<_> =
        seen.keys().map(|it| it.split('>').nth(1)).collect();
    assert_eq!(lanes_seen.len(), 5, "{seen:?}");
}

#[tokio::test]
async fn more_messages_than_a_lane_may_have_open_are_all_sent() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, attempt| match (lane, attempt.number) {
        ("dead", ..2) => Do::Answer(Answer::Again { why: "no".into(), after: None }),
        _ => taken(),
    });
    let small = Settings { lane_open_max: 4, ..settings() };
    let effects = with(&nats, &world, small);
    for n in 0..30 {
        effects.accept(&event(&format!("e{n}"), &["dead", "fine"])).await.unwrap();
    }
    let _replica = Replica::of(&effects);
    for n in 0..30 {
        done(&effects, &format!("e{n}"), 2).await;
    }
    let seen = world.seen.borrow().clone();
    assert_eq!(seen.len(), 60);
    for (message, attempts) in seen {
        let expected = if message.ends_with(">dead") { 2 } else { 1 };
        assert_eq!(attempts.len(), expected, "{message}");
    }
}

#[tokio::test]
async fn a_lane_that_cannot_be_read_again_takes_nothing_from_others_and_loses_nothing() {
    let (_server, nats) = start().await;
    let world = World::kind();
    let lost = AtomicUsize::new(0);
    let faults = Faults::new(&nats, move |step| match step {
        Step::Read { filter: "outbox.test.a.>", .. } if lost.fetch_add(1, Ordering::SeqCst) < 4 => {
            Fault::Cut
        }
        _ => Fault::None,
    });
    let effects = with(&faults, &world, Settings { lane_open_max: 4, ..settings() });
    for n in 0..20 {
        effects.accept(&event(&format!("e{n}"), &["a", "b"])).await.unwrap();
    }
    let _replica = Replica::of(&effects);
    for n in 0..20 {
        done(&effects, &format!("e{n}"), 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_send_each_message_once_and_one_follows_another() {
    let (_server, nats) = start().await;
    let world = World::kind();
    // A lease that is given back is free at once; no other one may end, however slow this machine is.
    let long = Duration::from_secs(20);
    let slow = || Settings { lease: long, send_max: long, ..settings() };
    let replicas: Vec<_> = (0..3).map(|_| with(&nats, &world, slow())).collect();
    let mut running: Vec<Replica> = replicas.iter().map(Replica::of).collect();
    for n in 0..60 {
        let event = event(&n.to_string(), &["a", "b", "mail/x", "mail/y"]);
        replicas[n % 3].accept(&event).await.unwrap();
        if n == 20 || n == 40 {
            running.remove(0).stop().await;
        }
    }
    for n in 0..60 {
        done(&replicas[2], &n.to_string(), 4).await;
    }
    let seen: BTreeMap<_, _> = world.seen.borrow().clone();
    assert_eq!(seen.len(), 240);
    assert!(seen.values().all(|attempts| attempts.len() == 1), "sent twice");
    let deadline = Instant::now() + Duration::from_secs(60);
    while told(&nats).await.len() < 240 {
        assert!(Instant::now() < deadline, "not all were told");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_stopped_keeps_the_lease_until_its_attempts_have_ended() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, _| if lane == "slow" { Do::Hang } else { taken() });
    // Longer than a lease that is not renewed.
    let send_max = Duration::from_secs(3);
    let two = || with(&nats, &world, Settings { send_max, ..settings() });
    let (first, second) = (two(), two());
    let stopped = Replica::of(&first);
    first.accept(&event("e", &["slow"])).await.unwrap();
    world.until("it is under way", |seen| seen.len() == 1).await;
    let begun = Instant::now();
    let _second = Replica::of(&second);
    let stop = tokio::spawn(stopped.stop());
    // The first one begins nothing more.
    tokio::time::sleep(Duration::from_millis(100)).await;
    second.accept(&event("f", &["fast"])).await.unwrap();
    world.until("the second one sends", |seen| seen.contains_key("f>fast")).await;
    let after = begun.elapsed();
    assert!(send_max - Duration::from_millis(500) <= after, "sent after {after:?}");
    stop.await.unwrap();
}

#[tokio::test]
async fn many_lanes_that_hang_leave_half_of_all_attempts_to_others() {
    let (_server, nats) = start().await;
    let refusal = || Answer::Again { why: "503".into(), after: None };
    let world = World::new(move |lane, attempt| match attempt.number {
        _ if lane == "fine" => taken(),
        1 => Do::Answer(refusal()),
        _ => Do::Hang,
    });
    let many = Settings { all_max: 8, send_max: Duration::from_secs(600), ..settings() };
    let effects = with(&nats, &world, many);
    let _replica = Replica::of(&effects);
    let dead: Vec<String> = (0..40).map(|n| format!("dead{n}")).collect();
    let dead: Vec<&str> = dead.iter().map(String::as_str).collect();
    effects.accept(&event("e", &dead)).await.unwrap();
    let hanging = |seen: &BTreeMap<String, Vec<_>>| seen.values().filter(|it| 1 < it.len()).count();
    world.until("half of all attempts hang", |seen| 4 <= hanging(seen)).await;
    world.until("each has failed once", |seen| 40 <= seen.len()).await;
    for n in 0..10 {
        effects.accept(&event(&n.to_string(), &["fine"])).await.unwrap();
        done(&effects, &n.to_string(), 1).await;
    }
    assert_eq!(hanging(&world.seen.borrow()), 4);
}
