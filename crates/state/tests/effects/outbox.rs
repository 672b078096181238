//! From events to the outbox.

use crate::{Replica, World, done, effects, event, start, told};
use messaging::streams::OUTBOX;
use messaging::{Nats, stored};
use state::wire::{Message, Wire as _};
use testkit::ends::Ends;

async fn outbox(nats: &Nats) -> Vec<String> {
    let mut subjects = Vec::new();
    let mut each = |message: Message| subjects.push(message.subject);
    nats.read(OUTBOX, "outbox.>", 1, false, &mut each).await.unwrap();
    subjects
}

#[tokio::test]
async fn an_event_that_comes_again_puts_nothing_in_again() {
    let (_server, nats) = start().await;
    let effects = effects(&nats, &World::kind());
    let order = event("US1:a.1", &["shop", "mail/ann@example.com", "mail/bob@example.com"]);
    assert_eq!(effects.accept(&order).await.unwrap(), 3);
    assert_eq!(effects.accept(&order).await.unwrap(), 0);
    // Others with the same id.
    let mut other = order.clone();
    other.source = "/partners/other".into();
    assert_eq!(effects.accept(&other).await.unwrap(), 3);
    other.kind = "orderflow.other.v1".into();
    assert_eq!(effects.accept(&other).await.unwrap(), 3);
    let subjects = outbox(&nats).await;
    assert_eq!(subjects.len(), 9);
    assert!(subjects.iter().all(|subject| !subject.contains("example")), "{subjects:?}");
}

#[tokio::test]
async fn a_function_that_is_killed_while_it_fans_out_loses_nobody() {
    let (_server, nats) = start().await;
    let world = World::kind();
    let targets = ["a", "b", "c", "d"];
    let whole = effects(&nats, &world);
    for steps in 0..=targets.len() {
        let event = event(&format!("e{steps}"), &targets);
        let ends = Ends::after(&nats, steps);
        let accepted = effects(ends.wire(), &world).accept(&event).await;
        assert_eq!(accepted.is_ok(), steps == targets.len());
        whole.accept(&event).await.unwrap();
    }
    assert_eq!(outbox(&nats).await.len(), 5 * targets.len());
}

#[tokio::test]
async fn events_that_come_in_any_order_and_again_are_sent_once() {
    let (_server, nats) = start().await;
    let world = World::kind();
    let effects = effects(&nats, &world);
    let _replica = Replica::of(&effects);
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (round, order) in orders.into_iter().enumerate() {
        let name = |n: usize| format!("{round}-{n}");
        for n in order {
            effects.accept(&event(&name(n), &["shop", "mail/x"])).await.unwrap();
            effects.accept(&event(&name(order[0]), &["shop", "mail/x"])).await.unwrap();
        }
        for n in order {
            done(&effects, &name(n), 2).await;
            effects.accept(&event(&name(n), &["shop", "mail/x"])).await.unwrap();
        }
    }
    let seen = world.seen.borrow().clone();
    assert_eq!(seen.len(), 2 * 3 * orders.len());
    assert!(seen.values().all(|attempts| attempts.len() == 1), "{seen:?}");
    assert_eq!(told(&nats).await.len(), seen.len());
}

#[tokio::test]
async fn an_event_that_the_outbox_has_forgotten_is_not_sent_again() {
    let (_server, nats) = start().await;
    let world = World::kind();
    let effects = effects(&nats, &world);
    let _replica = Replica::of(&effects);
    effects.accept(&event("e", &["shop"])).await.unwrap();
    done(&effects, "e", 1).await;
    nats.js.get_stream(OUTBOX).await.unwrap().purge().await.unwrap();
    assert_eq!(effects.accept(&event("e", &["shop"])).await.unwrap(), 1);
    // What comes after it is sent.
    effects.accept(&event("f", &["shop"])).await.unwrap();
    done(&effects, "f", 1).await;
    assert_eq!(world.seen.borrow()["e>shop"].len(), 1);
}

#[tokio::test]
async fn a_message_that_was_erased_is_not_sent() {
    let (_server, nats) = start().await;
    let world = World::kind();
    let effects = effects(&nats, &world);
    effects.accept(&event("e", &["mail/ann@example.com"])).await.unwrap();
    effects.accept(&event("f", &["mail/bob@example.com"])).await.unwrap();
    let stream = nats.js.get_stream(OUTBOX).await.unwrap();
    assert!(stream.delete_message(1).await.unwrap());
    assert!(stored::at(&nats, OUTBOX, 1).await.unwrap().is_none());
    let _replica = Replica::of(&effects);
    done(&effects, "f", 1).await;
    assert_eq!(world.seen.borrow().len(), 1);
}

#[tokio::test]
async fn what_can_never_be_put_in_is_permanent() {
    let (_server, nats) = start().await;
    let effects = effects(&nats, &World::kind());
    let long = effects.accept(&event(&"é".repeat(200), &["shop"])).await.unwrap_err();
    assert!(long.is_permanent(), "{long}");
    let large = format!("mail/{}", "x".repeat(nats.message_bytes_max()));
    let large = effects.accept(&event("e", &[&large])).await.unwrap_err();
    assert!(large.is_permanent(), "{large}");
    nats.js.delete_stream(OUTBOX).await.unwrap();
    let away = effects.accept(&event("e", &["shop"])).await.unwrap_err();
    assert!(!away.is_permanent(), "{away}");
}
