//! What becomes of a message.

use crate::{Do, Replica, World, done, effects, event, start, taken, told};
use state::effect::{Answer, State};
use std::time::Duration;
use tokio::time::Instant;

fn again(after: Option<Duration>) -> Do {
    Do::Answer(Answer::Again { why: "421 not now".into(), after })
}

#[tokio::test]
async fn each_answer_has_its_state_and_its_event() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, attempt| match lane {
        "never" => Do::Answer(Answer::Never { why: "550 unknown".into() }),
        "dead" => again(None),
        "closed" if attempt.number < 9 => {
            let (why, after) = ("connection refused".into(), Some(Duration::from_millis(1)));
            Do::Answer(Answer::Away { why, after })
        }
        "third" if attempt.number < 3 => again(None),
        "lost" if attempt.number == 1 => Do::Answer(Answer::Unknown { why: "cut".into() }),
        "silent" if attempt.number == 1 => Do::Hang,
        _ => taken(),
    });
    let effects = effects(&nats, &world);
    let _replica = Replica::of(&effects);
    effects
        .accept(&event("e", &["never", "dead", "closed", "third", "lost", "silent", "ok"]))
        .await
        .unwrap();
    let found = done(&effects, "e", 7).await;
    let sent = State::Sent { answer: "250 taken".into() };
    for (lane, state, attempts, unknown) in [
        ("never", State::Failed { why: "550 unknown".into() }, 1, 0),
        ("dead", State::Dead { why: "421 not now".into() }, 4, 0),
        // More often than a message is tried: none of these counts.
        ("closed", sent.clone(), 9, 0),
        ("third", sent.clone(), 3, 0),
        ("lost", sent.clone(), 2, 1),
        ("silent", sent.clone(), 2, 1),
        ("ok", sent, 1, 0),
    ] {
        let delivery = found.iter().find(|delivery| delivery.lane == lane).unwrap();
        assert_eq!(
            (&delivery.state, delivery.attempts, delivery.unknown),
            (&state, attempts, unknown),
            "{lane}"
        );
        let seen = world.seen.borrow()[&format!("e>{lane}")].clone();
        let numbers: Vec<u32> = seen.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=attempts).collect::<Vec<_>>(), "{lane}");
        assert!(seen.iter().all(|attempt| attempt.key == delivery.key), "{lane}");
        assert_eq!(seen.last().unwrap().unknown, 0 < unknown, "{lane}");
    }
    world.until("all were tried", |seen| seen.len() == 7).await;
    let states: Vec<String> = told(&nats).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "\"sent\"").count(), 5, "{states:?}");
}

#[tokio::test]
async fn a_wait_outlives_the_process_and_a_target_may_ask_for_more() {
    const AFTER: Duration = Duration::from_millis(1_500);
    let (_server, nats) = start().await;
    let world =
        World::new(|_, attempt| if attempt.number == 1 { again(Some(AFTER)) } else { taken() });
    let first = effects(&nats, &world);
    let replica = Replica::of(&first);
    let begun = Instant::now();
    first.accept(&event("e", &["shop"])).await.unwrap();
    world.until("the first attempt", |seen| seen.len() == 1).await;
    let waits = async || first.deliveries("e").await.unwrap().pop().map(|delivery| delivery.state);
    let deadline = begun + Duration::from_secs(60);
    // On a slow machine the next attempt may be over already.
    while !matches!(waits().await, Some(State::Waiting { .. } | State::Sent { .. })) {
        assert!(Instant::now() < deadline, "the answer is not recorded");
        tokio::task::yield_now().await;
    }
    replica.stop().await;
    let second = effects(&nats, &world);
    let _replica = Replica::of(&second);
    done(&second, "e", 1).await;
    assert!(AFTER <= begun.elapsed(), "{:?}", begun.elapsed());
    assert_eq!(world.seen.borrow()["e>shop"].len(), 2);
}
