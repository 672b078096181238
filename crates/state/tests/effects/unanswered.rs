//! Attempts without a recorded answer.

use crate::{Do, Replica, World, done, effects, event, settings, start, taken, with};
use state::effect::{Settings, State};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_every_process_is_given_up_after_all_its_attempts() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, _| if lane == "bad" { Do::Hang } else { taken() });
    let settings = Settings { send_max: Duration::from_secs(2), ..settings() };
    let function = with(&nats, &world, settings);
    function.accept(&event("e", &["bad"])).await.unwrap();
    // Three waits are allowed, so that four attempts are made.
    for number in 1..=4 {
        let killed = Replica::of(&function);
        let what = format!("attempt {number}");
        world.until(&what, |seen| seen.values().any(|attempts| attempts.len() == number)).await;
        drop(killed);
    }
    let _replica = Replica::of(&function);
    let found = done(&function, "e", 1).await.pop().unwrap();
    assert!(matches!(found.state, State::Dead { .. }), "{found:?}");
    assert_eq!((found.attempts, found.unknown), (4, 4));
    assert_eq!(world.seen.borrow()["e>bad"].len(), 4);
}

#[tokio::test]
async fn a_send_that_always_panics_is_given_up_after_all_its_attempts_and_costs_nobody_anything() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, _| match lane {
        "bad" => panic!("a bug in the function"),
        _ => taken(),
    });
    // Longer than this test lasts: an attempt that panicked is not waited for.
    let effects =
        with(&nats, &world, Settings { send_max: Duration::from_secs(600), ..settings() });
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["bad", "good"])).await.unwrap();
    let found = done(&effects, "e", 2).await;
    let of = |lane| found.iter().find(|delivery| delivery.lane == lane).unwrap();
    assert!(matches!(of("good").state, State::Sent { .. }), "{found:?}");
    assert!(matches!(&of("bad").state, State::Dead { why } if why.contains("panic")), "{found:?}");
    assert_eq!((of("bad").attempts, of("bad").unknown), (4, 4));
}

#[tokio::test]
async fn a_send_that_panics_once_is_tried_again() {
    let (_server, nats) = start().await;
    let world = World::new(|_, attempt| match attempt.number {
        1 => panic!("a bug in the function"),
        _ => taken(),
    });
    let effects = effects(&nats, &world);
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    let found = done(&effects, "e", 1).await.pop().unwrap();
    assert!(matches!(found.state, State::Sent { .. }), "{found:?}");
    assert_eq!((found.attempts, found.unknown), (2, 1));
}
