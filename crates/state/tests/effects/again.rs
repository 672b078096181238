//! Messages that are sent again by hand, lists of deliveries, and metrics.

use crate::{Do, Replica, World, done, effects, event, settings, start, taken, told, with};
use chrono::{DateTime, TimeDelta};
use messaging::streams::OUTBOX;
use prometheus_client::registry::Registry;
use state::effect::{AgainError, Answer, Asked, Metrics, Settings, State, Wanted};
use std::time::Duration;
use testkit::ends::Ends;
use testkit::faults::{Fault, Faults};
use tokio::time::Instant;

/// Refuses the first attempt at each message for ever.
fn first_refused() -> std::sync::Arc<World> {
    World::new(|_, attempt| match attempt.number {
        1 => Do::Answer(Answer::Never { why: "410 gone".into() }),
        _ => taken(),
    })
}

fn of(states: &[&str]) -> Wanted {
    Wanted { states: states.iter().map(ToString::to_string).collect(), ..Wanted::default() }
}

/// Waits until an event's one delivery was taken, after so many attempts.
async fn taken_after(
    effects: &state::effect::Effects<crate::Sender>,
    id: &str,
    attempts: u32,
) -> state::effect::Delivery {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = effects.deliveries(id).await.unwrap().pop();
        if let Some(found) = found.filter(|found| found.attempts == attempts)
            && matches!(found.state, State::Sent { .. })
        {
            return found;
        }
        assert!(Instant::now() < deadline, "{id} not within 60 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_sent_again_once_under_the_same_key_wherever_the_asker_is_killed() {
    let (_server, nats) = start().await;
    let world = first_refused();
    let whole = effects(&nats, &world);
    let replica = Replica::of(&whole);
    let mut completed = 0;
    for steps in 0..10 {
        let id = format!("e{steps}");
        whole.accept(&event(&id, &["shop"])).await.unwrap();
        let failed = done(&whole, &id, 1).await.pop().unwrap();
        assert!(matches!(failed.state, State::Failed { .. }));
        let listed = whole.list(&of(&["failed"]), 0, 100).await.unwrap();
        let place = listed.iter().find(|it| it.delivery.key == failed.key).unwrap().id.clone();
        // Wait until its event is published: until then an attempt counts as in progress.
        let ends = Ends::after(&nats, steps);
        let killed = effects(ends.wire(), &world).again(&place).await;
        completed += usize::from(killed.is_ok());
        // It may be sent already; asking again is about that one then, and is another wish.
        let begun = world.seen.borrow()[&format!("{id}>shop")].len();
        if killed.is_err() && begun == 1 {
            let asked = whole.again(&place).await;
            assert!(matches!(asked, Ok(()) | Err(AgainError::UnderWay(_))), "{asked:?}");
        }
        let sent = taken_after(&whole, &id, 2).await;
        assert_eq!((&sent.key, sent.before), (&failed.key, 1), "after {steps} steps");
        assert_eq!(world.seen.borrow()[&format!("{id}>shop")].len(), 2);
    }
    assert!(5 <= completed, "it takes more steps than ten");
    replica.stop().await;
    assert_eq!(told(&nats).await.len(), 10, "told once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_twice_before_it_begins_is_sent_once() {
    let (_server, nats) = start().await;
    let world = first_refused();
    let effects = effects(&nats, &world);
    let replica = Replica::of(&effects);
    for id in ["a", "b", "c"] {
        effects.accept(&event(id, &["shop"])).await.unwrap();
        done(&effects, id, 1).await;
    }
    replica.stop().await;
    let none = of(&["dead"]);
    assert_eq!(effects.again_all(&none).await.unwrap(), Asked::default());
    let all = Asked { again: 3, ..Asked::default() };
    assert_eq!(effects.again_all(&of(&["failed"])).await.unwrap(), all);
    assert_eq!(effects.again_all(&of(&["failed", "dead"])).await.unwrap(), all);
    let _replica = Replica::of(&effects);
    for id in ["a", "b", "c"] {
        taken_after(&effects, id, 2).await;
    }
    let seen = world.seen.borrow().clone();
    assert!(seen.values().all(|attempts| attempts.len() == 2), "{seen:?}");
    // One that was taken may be sent again as well.
    let sent = effects.list(&of(&["sent"]), 0, 1).await.unwrap().pop().unwrap();
    effects.again(&sent.id).await.unwrap();
    taken_after(&effects, &sent.delivery.cause.id, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_long_is_sent_now_and_has_all_its_attempts_again() {
    let (_server, nats) = start().await;
    let world = World::new(|_, attempt| match attempt.number {
        1 => {
            Do::Answer(Answer::Again { why: "503".into(), after: Some(Duration::from_secs(3_600)) })
        }
        2..=4 => Do::Answer(Answer::Again { why: "503".into(), after: None }),
        _ => taken(),
    });
    let effects = effects(&nats, &world);
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    world.until("the first attempt", |seen| seen.len() == 1).await;
    let waiting = loop {
        if let Some(found) = effects.list(&of(&["waiting"]), 0, 1).await.unwrap().pop() {
            break found;
        }
    };
    effects.again(&waiting.id).await.unwrap();
    // Three waits are allowed: of the attempts 2 to 5 the last one is taken.
    let sent = taken_after(&effects, "e", 5).await;
    assert_eq!((sent.before, sent.unknown), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_by_state_lane_and_time_page_by_page() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, _| match lane {
        "dead" => Do::Answer(Answer::Never { why: "550".into() }),
        _ => taken(),
    });
    let effects = effects(&nats, &world);
    let _replica = Replica::of(&effects);
    for n in 0..5 {
        effects.accept(&event(&format!("e{n}"), &["dead", "shop"])).await.unwrap();
        done(&effects, &format!("e{n}"), 2).await;
    }
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = effects.list(&of(&["failed"]), after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = last.revision;
        seen.extend(page.iter().map(|it| (it.delivery.cause.id.clone(), it.delivery.lane.clone())));
    }
    assert_eq!(seen, (0..5).map(|n| (format!("e{n}"), "dead".to_owned())).collect::<Vec<_>>());
    let count = async |wanted: Wanted| effects.list(&wanted, 0, 100).await.unwrap().len();
    assert_eq!(count(Wanted::default()).await, 10, "and not the lease");
    assert_eq!(count(Wanted { lane: Some("shop".into()), ..Wanted::default() }).await, 5);
    let third = effects.list(&of(&["failed"]), 0, 3).await.unwrap().pop().unwrap().delivery.at;
    assert_eq!(count(Wanted { since: Some(third), ..of(&["failed"]) }).await, 3);
    assert_eq!(count(Wanted { until: Some(third), ..of(&["failed"]) }).await, 2);
    assert_eq!(
        count(Wanted { until: Some(DateTime::UNIX_EPOCH + TimeDelta::days(1)), ..of(&[]) }).await,
        0
    );

    let id = effects.list(&of(&["failed"]), 0, 1).await.unwrap().pop().unwrap().id;
    for missing in ["", "x", "test.shop.e.d.t", &id.replace("test", "other"), "*.*.*.*.*", ">"] {
        let error = effects.again(missing).await.unwrap_err();
        assert!(matches!(error, AgainError::Missing(_)), "{missing}: {error}");
    }
    nats.js.get_stream(OUTBOX).await.unwrap().purge().await.unwrap();
    let gone = effects.again(&id).await.unwrap_err();
    assert!(gone.to_string().contains("30 days"), "{gone}");
    let gone = Asked { gone: 5, ..Asked::default() };
    assert_eq!(effects.again_all(&of(&["failed"])).await.unwrap(), gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_what_it_lists_and_sending_all_again_reads_once() {
    let (_server, nats) = start().await;
    let faults = Faults::new(&nats, |_| Fault::None);
    let effects = effects(&faults, &first_refused());
    let replica = Replica::of(&effects);
    for n in 0..30 {
        effects.accept(&event(&n.to_string(), &["shop"])).await.unwrap();
    }
    for n in 0..30 {
        done(&effects, &n.to_string(), 1).await;
    }
    replica.stop().await;
    assert!(30 <= faults.read());
    let page = effects.list(&of(&["failed"]), 0, 10).await.unwrap();
    assert_eq!((page.len(), faults.read()), (10, 10));
    let page = effects.list(&of(&["failed"]), page[9].revision, 10).await.unwrap();
    assert_eq!((page.len(), faults.read()), (10, 10));
    assert_eq!(effects.list(&of(&[]), 0, 0).await.unwrap(), []);
    assert_eq!(effects.list(&of(&[]), u64::MAX, 10).await.unwrap(), []);
    assert_eq!(effects.again_all(&of(&["failed"])).await.unwrap().again, 30);
    assert_eq!(faults.read(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_begin_at_zero_and_count_what_came_of_attempts() {
    let (_server, nats) = start().await;
    let world = World::new(|lane, _| match lane {
        "refuses" => Do::Answer(Answer::Never { why: "550".into() }),
        "busy" => Do::Answer(Answer::Again { why: "450".into(), after: None }),
        "hangs" => Do::Hang,
        "later" => {
            Do::Answer(Answer::Again { why: "429".into(), after: Some(Duration::from_secs(3_600)) })
        }
        _ => taken(),
    });
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let text = || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    };
    for outcome in ["sent", "failed", "again", "unknown", "dead"] {
        let line = format!("effect_attempts_total{{outcome=\"{outcome}\"}} 0");
        assert!(text().contains(&line), "{}", text());
    }
    let settings = Settings { lane_max: 1, ..settings() };
    let effects = with(&nats, &world, settings).metrics(metrics);
    let replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop", "refuses", "busy", "hangs", "later"])).await.unwrap();
    done(&effects, "e", 4).await;
    // Three waits are allowed, so that four attempts are made of what is not taken.
    let expected = [("sent", 1), ("failed", 1), ("again", 4 + 1), ("unknown", 4), ("dead", 2)];
    for (outcome, count) in expected {
        let line = format!("effect_attempts_total{{outcome=\"{outcome}\"}} {count}");
        assert!(text().contains(&line), "{line} is not in\n{}", text());
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_shown = |text: &str| {
        text.contains("effect_waiting_messages 1\n") && !text.contains("effect_oldest_seconds 0\n")
    };
    while !is_shown(&text()) {
        assert!(Instant::now() < deadline, "{}", text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    replica.stop().await;
}
