//! A new leader that has not read all that it has.

use crate::{Replica, World, done, effects, event, start};
use messaging::streams::OUTBOX;
use messaging::{Nats, streams};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::faults::{Fault, Faults, Step};

#[tokio::test]
async fn a_message_that_a_leader_does_not_know_yet_is_sent_later() {
    let (_server, nats) = start().await;
    let world = World::kind();
    // First it has neither the message nor its place, then another one has only the latter.
    let (asked, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_first = move || ended.fetch_add(1, Ordering::SeqCst) == 0;
    let faults = Faults::new(&nats, move |step| match step {
        Step::At if asked.fetch_add(1, Ordering::SeqCst) < 2 => Fault::Behind,
        Step::End if asked.load(Ordering::SeqCst) == 1 && is_first() => Fault::Behind,
        _ => Fault::None,
    });
    let effects = effects(&faults, &world);
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    done(&effects, "e", 1).await;
}

/// How often the outbox is read from its beginning on, on a server whose leader is behind for so many looks at its
/// end as `behind` says.
fn counting(nats: &Nats, behind: &Arc<AtomicUsize>) -> (Faults, Arc<AtomicUsize>) {
    let (behind, begun) = (Arc::clone(behind), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&begun);
    let faults = Faults::new(nats, move |step| match step {
        Step::End => {
            let take = |left: usize| left.checked_sub(1);
            match behind.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
                Ok(_) => Fault::Behind,
                Err(_) => Fault::None,
            }
        }
        Step::Read { filter: "outbox.test.>", from: 1 } => {
            counted.fetch_add(1, Ordering::SeqCst);
            Fault::None
        }
        _ => Fault::None,
    });
    (faults, begun)
}

#[tokio::test]
async fn an_end_before_what_is_known_is_looked_at_again() {
    let (_server, nats) = start().await;
    let behind = Arc::new(AtomicUsize::new(0));
    let (faults, begun) = counting(&nats, &behind);
    let effects = effects(&faults, &World::kind());
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    done(&effects, "e", 1).await;
    behind.store(2, Ordering::SeqCst);
    effects.accept(&event("f", &["shop"])).await.unwrap();
    done(&effects, "f", 1).await;
    assert_eq!(behind.load(Ordering::SeqCst), 0, "it was behind meanwhile");
    assert_eq!(begun.load(Ordering::SeqCst), 1, "the outbox was read from its beginning again");
}

#[tokio::test]
async fn a_stream_that_is_changed_between_restarts_is_the_same() {
    let (server, nats) = start().await;
    let (faults, begun) = counting(&nats, &Arc::default());
    let effects = effects(&faults, &World::kind());
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    done(&effects, "e", 1).await;
    let outbox = async || loop {
        if let Ok(found) = nats.js.get_stream(OUTBOX).await {
            break found.cached_info().clone();
        }
    };
    let before = outbox().await;
    server.restart();
    let mut config = outbox().await.config;
    config.max_age += Duration::from_secs(1);
    nats.js.update_stream(config).await.unwrap();
    server.restart();
    assert_ne!(outbox().await.created, before.created, "the server keeps the time of creation");
    while effects.accept(&event("f", &["shop"])).await.is_err() {}
    done(&effects, "f", 1).await;
    assert_eq!(begun.load(Ordering::SeqCst), 1, "the outbox was read from its beginning again");
}

#[tokio::test]
async fn another_stream_is_read_from_its_beginning() {
    let (_server, nats) = start().await;
    let effects = effects(&nats, &World::kind());
    let _replica = Replica::of(&effects);
    for id in ["e", "f"] {
        effects.accept(&event(id, &["shop"])).await.unwrap();
        done(&effects, id, 1).await;
    }
    nats.js.delete_stream(OUTBOX).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    effects.accept(&event("g", &["shop"])).await.unwrap();
    done(&effects, "g", 1).await;
}
