//! Answers that cannot be recorded at once.

use crate::{Do, Replica, World, done, effects, event, settings, start, taken, with};
use state::effect::{Answer, Settings, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use testkit::faults::{Fault, Faults, Step};

#[tokio::test]
async fn an_answer_whose_record_is_lost_once_is_recorded_then() {
    const AFTER: Duration = Duration::from_millis(3_500);
    let (_server, nats) = start().await;
    let again = || Answer::Again { why: "429".into(), after: Some(AFTER) };
    let world = World::new(move |_, it| if it.number == 1 { Do::Answer(again()) } else { taken() });
    let lost = AtomicBool::new(false);
    let faults = Faults::new(&nats, move |step| match step {
        Step::Put(message)
            if message.subject.starts_with("$KV.EFFECTS.test.shop.")
                && message.payload.windows(7).any(|it| it == b"waiting")
                && !lost.swap(true, Ordering::SeqCst) =>
        {
            Fault::Cut
        }
        _ => Fault::None,
    });
    let effects = effects(&faults, &world);
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    world.until("the first attempt", |seen| seen.len() == 1).await;
    let begun = Instant::now();
    let found = done(&effects, "e", 1).await.pop().unwrap();
    assert_eq!((found.attempts, found.unknown), (2, 0), "the answer was there");
    assert!(AFTER - Duration::from_millis(200) <= begun.elapsed(), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_sent_also_where_another_replica_has_given_it_up_meanwhile() {
    let (_server, nats) = start().await;
    let is_cut = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&is_cut);
    let world = World::new(move |_, attempt| match attempt.number {
        1 => {
            // From here on the first replica reaches nobody.
            cut.store(true, Ordering::SeqCst);
            taken()
        }
        _ => Do::Answer(Answer::Never { why: "410 gone".into() }),
    });
    let cut = Arc::clone(&is_cut);
    let fault =
        move |_: &Step<'_>| if cut.load(Ordering::SeqCst) { Fault::Cut } else { Fault::None };
    let first = with(&Faults::new(&nats, fault), &world, Settings::default());
    let _first = Replica::of(&first);
    first.accept(&event("e", &["shop"])).await.unwrap();
    world.until("the first attempt", |seen| seen.len() == 1).await;
    let second = with(&nats, &world, settings());
    let _second = Replica::of(&second);
    let failed = done(&second, "e", 1).await.pop().unwrap();
    assert!(matches!(failed.state, State::Failed { .. }), "{failed:?}");
    is_cut.store(false, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = second.deliveries("e").await.unwrap().pop().unwrap();
        if found.state == (State::Sent { answer: "250 taken".into() }) {
            assert_eq!((found.attempts, found.unknown), (2, 1));
            return;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
