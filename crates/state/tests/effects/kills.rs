//! A replica that is killed between any two of its steps.

use crate::{Do, Replica, World, done, effects, event, settings, start, taken, told, with};
use state::effect::{Answer, Settings, State};
use std::time::Duration;
use testkit::ends::Ends;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_any_two_steps_nothing_is_lost_and_nothing_confirmed_is_sent_again() {
    let (_server, nats) = start().await;
    // The first attempt fails, so that a wait is among the steps.
    let world = World::new(|_, attempt| match attempt.number {
        1 => Do::Answer(Answer::Again { why: "no".into(), after: None }),
        _ => taken(),
    });
    let whole = effects(&nats, &world);
    for steps in 0..32 {
        let id = format!("e{steps}");
        whole.accept(&event(&id, &["shop"])).await.unwrap();
        let ends = Ends::after(&nats, steps);
        let killed = Replica::of(&effects(ends.wire(), &world));
        while !ends.is_over() {
            tokio::task::yield_now().await;
        }
        drop(killed);
        let before = whole.deliveries(&id).await.unwrap().pop();
        let sent = |seen: &std::collections::BTreeMap<_, Vec<_>>| {
            seen.get(&format!("{id}>shop")).map_or(0, Vec::len)
        };
        let seen_before = sent(&world.seen.borrow());
        let replica = Replica::of(&whole);
        let delivery = done(&whole, &id, 1).await.pop().unwrap();
        let mine = |(subject, _): &(String, String)| subject.ends_with(&delivery.key);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !told(&nats).await.iter().any(mine) {
            assert!(Instant::now() < deadline, "its event, after {steps} steps");
        }
        replica.stop().await;
        let attempts = world.seen.borrow()[&format!("{id}>shop")].clone();
        assert!(matches!(delivery.state, State::Sent { .. }), "{delivery:?}");
        assert!(attempts.iter().all(|attempt| attempt.key == delivery.key));
        // Each attempt was recorded before; one that the world has not seen is unknown as well.
        assert!(attempts.len() <= usize::try_from(delivery.attempts).unwrap());
        assert!(delivery.attempts <= 2 + delivery.unknown, "{delivery:?}");
        if before.is_some_and(|before| before.state.is_final()) {
            assert_eq!(attempts.len(), seen_before, "sent again after it was recorded as sent");
        }
        let told = told(&nats).await.into_iter().filter(mine).count();
        assert_eq!(told, 1, "its event, after {steps} steps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_may_be_under_way_is_not_doubled() {
    let (_server, nats) = start().await;
    let world = World::new(|_, attempt| if attempt.number == 1 { Do::Hang } else { taken() });
    // Longer than it takes until another replica follows.
    let send_max = Duration::from_secs(3);
    let settings = Settings { send_max, ..settings() };
    let first = with(&nats, &world, settings);
    let killed = Replica::of(&first);
    first.accept(&event("e", &["shop"])).await.unwrap();
    world.until("the first attempt", |seen| seen.len() == 1).await;
    drop(killed);
    let at = Instant::now();
    let second = with(&nats, &world, settings);
    let _replica = Replica::of(&second);
    let delivery = done(&second, "e", 1).await.pop().unwrap();
    assert!(send_max <= at.elapsed(), "{:?}", at.elapsed());
    assert_eq!((delivery.attempts, delivery.unknown), (2, 1));
    assert!(world.seen.borrow()["e>shop"][1].unknown);
}
