//! Messages given out in stream order without gaps, on a real nats-server.

use crate::gateway::Call;
use crate::support::{World, until};
use messaging::streams::identity::Identity;
use serde_json::json;
use state::journal::Position;
use state::journal::input::{Claim, Link, Plan, plan};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const ORDERED: &[(&str, &str)] = &[
    ("topic", "orders.placed.>"),
    ("orderflow.ordered", "true"),
    ("orderflow.lanes", "main"),
    ("orderflow.batch", "10"),
    ("orderflow.max-deliver", "3"),
];

/// A function with a journal: it decides input that follows and refuses other input.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    position: Option<Position>,
    decided: Vec<u64>,
    /// Most decisions of one call.
    prefix: Option<usize>,
    conflicts: usize,
    idle: usize,
}

impl Ledger {
    pub(crate) fn decided(&self) -> Vec<u64> {
        self.0.lock().unwrap().decided.clone()
    }

    /// Its position.
    pub(crate) fn at(&self) -> u64 {
        self.with(|book| book.position.as_ref().map_or(0, |position| position.sequence))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub(crate) fn answer(&self, call: &Call) -> (u16, String) {
        let mut book = self.0.lock().unwrap();
        let claim = Claim {
            after: call.header("orderflow-after").parse().unwrap(),
            stream: call.header("orderflow-stream").to_owned(),
            identity: Identity {
                name: call.header("orderflow-stream-identity").to_owned(),
                also: Vec::new(),
            },
            filter: call.header("orderflow-filter").to_owned(),
            quiet_to: call.header("orderflow-quiet-to").parse().ok(),
        };
        let number = |event: &serde_json::Value, name: &str| -> u64 {
            event[name].as_str().unwrap().parse().unwrap()
        };
        let link = |event| Link {
            sequence: number(event, "sequence"),
            previous: number(event, "previous"),
        };
        let links: Vec<Link> = call.events.iter().map(link).collect();
        book.idle += usize::from(links.is_empty());
        let position = book.position.clone();
        let at = position.as_ref().map(|position| position.sequence);
        match plan(position.as_ref(), &claim, &links) {
            Plan::Done if claim.quiet_to > at && Some(claim.after) == at => {
                let to = claim.quiet_to.unwrap();
                book.position = Some(claim.decided_to(to));
                (200, json!({"decided_to": to}).to_string())
            }
            Plan::Done => (200, json!({"decided_to": at.unwrap_or(0)}).to_string()),
            Plan::Gap => {
                book.conflicts += 1;
                (409, json!({"decided_to": at}).to_string())
            }
            Plan::Foreign => (409, json!({"decided_to": at, "fault": true}).to_string()),
            Plan::From(index) => {
                let count = book.prefix.unwrap_or(usize::MAX);
                let now: Vec<u64> =
                    links[index..].iter().take(count).map(|link| link.sequence).collect();
                let last = *now.last().unwrap();
                book.decided.extend(now);
                book.position = Some(claim.decided_to(last));
                (200, json!({"decided_to": last}).to_string())
            }
        }
    }

    pub(crate) fn deploy<S>(&self, world: &World<S>) {
        let ledger = self.clone();
        world.gateway.deploy("p", move |call| ledger.answer(call));
    }
}

/// Publishes orders of two warehouses; returns the sequences of those of `main`.
pub(crate) async fn publish(world: &World, count: u64) -> Vec<u64> {
    let mut main = Vec::new();
    for n in 0..count {
        world.publish("orders", "{}").await;
        let subject =
            if n % 3 == 0 { "orders.placed.eu.US1.x" } else { "orders.placed.main.US1.x" };
        let sequence = world.publish(subject, &json!({"n": n}).to_string()).await;
        if subject.contains("main") {
            main.push(sequence);
        }
    }
    main
}

pub(crate) async fn decided(ledger: &Ledger, expected: &[u64]) {
    until("all are decided", async || ledger.decided().len() >= expected.len()).await;
    assert_eq!(ledger.decided(), expected);
}

#[tokio::test]
async fn a_lane_is_given_out_in_order_and_as_a_chain() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 100).await;
    world.start().await;
    expected.extend(publish(&world, 100).await);
    decided(&ledger, &expected).await;
    assert_eq!(ledger.with(|book| book.conflicts), 0);
    let calls = world.gateway.calls("p");
    assert!(calls.iter().all(|call| call.events.len() <= 10));
    assert!(calls.iter().all(|call| call.header("orderflow-filter") == "orders.placed.main.>"));
    assert!(calls.iter().all(|call| call.header("orderflow-stream-created").ends_with('Z')));
    let first = calls.first().unwrap();
    assert_eq!((first.header("orderflow-after"), first.events.len()), ("0", 0));
    world.stop().await;
}

#[tokio::test]
async fn the_rest_of_a_batch_follows_a_decided_prefix() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.with(|book| book.prefix = Some(3));
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 60).await;
    world.start().await;
    decided(&ledger, &expected).await;
    assert_eq!(ledger.with(|book| book.conflicts), 0);
    world.stop().await;
}

#[tokio::test]
async fn a_function_that_went_back_gets_everything_from_there() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 30).await;
    world.start().await;
    decided(&ledger, &expected).await;
    // Its journal is restored from an older copy.
    ledger.with(|book| {
        book.decided.truncate(7);
        book.position.as_mut().unwrap().sequence = expected[6];
    });
    expected.extend(publish(&world, 30).await);
    decided(&ledger, &expected).await;
    // And then to an empty one.
    ledger.with(|book| (book.position, book.decided) = (None, Vec::new()));
    expected.extend(publish(&world, 3).await);
    decided(&ledger, &expected).await;
    world.stop().await;
}

#[tokio::test]
async fn a_function_that_is_away_for_a_while_misses_nothing() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 30).await;
    world.start().await;
    ledger.deploy(&world);
    until("some are decided", async || !ledger.decided().is_empty()).await;
    for _ in 0..3 {
        world.gateway.remove("p");
        expected.extend(publish(&world, 10).await);
        ledger.deploy(&world);
        expected.extend(publish(&world, 10).await);
    }
    decided(&ledger, &expected).await;
    world.stop().await;
}

#[tokio::test]
async fn an_unclear_answer_is_asked_again() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    let (answering, calls) = (ledger.clone(), Mutex::new(0_u32));
    world.gateway.deploy("p", move |call| {
        let answer = answering.answer(call);
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        // The batch is decided, but the answer is empty, or the process dies before it answers.
        match *calls % 4 {
            1 => (200, String::new()),
            3 => (503, "journal".into()),
            _ => answer,
        }
    });
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 45).await;
    world.start().await;
    decided(&ledger, &expected).await;
    world.stop().await;
}

#[tokio::test]
async fn an_idle_function_is_called_with_nothing() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 3).await;
    world.start().await;
    decided(&ledger, &expected).await;
    until("it is called when idle", async || ledger.with(|book| book.idle) >= 2).await;
    let last = world.gateway.calls("p").pop().unwrap();
    assert_eq!(last.header("orderflow-after"), expected.last().unwrap().to_string());
    world.stop().await;
}

#[tokio::test]
async fn a_message_that_fails_alone_holds_its_lane_and_is_never_given_up() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    let answering = ledger.clone();
    world.gateway.deploy("p", move |call| {
        if call.has("\"n\":22}") { (500, "oh".into()) } else { answering.answer(call) }
    });
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 60).await;
    world.start().await;
    // Of the 22 numbers before it, 0, 3, … 21 belong to another lane.
    let before = 14;
    decided(&ledger, &expected[..before]).await;
    until("it failed alone", async || {
        let calls = world.gateway.calls("p");
        calls.iter().filter(|call| call.events.len() == 1 && call.has("\"n\":22}")).count() >= 3
    })
    .await;
    assert_eq!(ledger.decided(), expected[..before]);
    assert_eq!(world.dead_letters().await, 0);
    world.stop().await;
}

#[tokio::test]
async fn another_stream_than_the_one_decided_so_far_stops_the_lane() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 9).await;
    world.start().await;
    decided(&ledger, &expected).await;
    world.stop().await;
    world.nats.js.delete_stream("ORDERS").await.unwrap();
    messaging::streams::setup(&world.nats, messaging::streams::Settings::default()).await;
    publish(&world, 30).await;
    let calls = world.gateway.calls("p").len();
    world.start().await;
    until("it is asked", async || world.gateway.calls("p").len() > calls).await;
    world.stop().await;
    assert_eq!(world.gateway.calls("p").len(), calls + 1, "one question, no message");
    assert_eq!(ledger.decided(), expected);
}

#[tokio::test]
async fn a_stream_that_ends_before_the_position_stops_the_lane() {
    let mut world = World::new().await;
    world.gateway.deploy("p", |_| (200, json!({"decided_to": 1_000}).to_string()));
    world.gateway.annotate("p", ORDERED);
    publish(&world, 9).await;
    world.start().await;
    until("it is asked", async || !world.gateway.calls("p").is_empty()).await;
    world.stop().await;
    let calls = world.gateway.calls("p");
    assert!(calls.iter().all(|call| call.events.is_empty()), "no message is given out");
}

#[tokio::test]
async fn a_stream_that_lost_what_comes_next_stops_the_lane() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 9).await;
    world.start().await;
    decided(&ledger, &expected).await;
    world.stop().await;
    let lost = publish(&world, 9).await;
    world.stream("ORDERS").await.purge().sequence(lost[3]).await.unwrap();
    let calls = world.gateway.calls("p").len();
    world.start().await;
    until("it is asked", async || world.gateway.calls("p").len() > calls).await;
    world.stop().await;
    assert_eq!(world.gateway.calls("p").len(), calls + 1, "one question, no message");
    assert_eq!(ledger.decided(), expected);
}

#[tokio::test]
async fn a_killed_nats_server_leaves_no_hole() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    let answering = ledger.clone();
    world.gateway.deploy_slow("p", Duration::from_millis(20), move |call| answering.answer(call));
    world.gateway.annotate("p", ORDERED);
    let mut expected = publish(&world, 600).await;
    world.start().await;
    until("it is under way", async || ledger.decided().len() > 50).await;
    world.server.kill();
    assert!(ledger.decided().len() < expected.len());
    world.server.restart();
    world.reconnect().await;
    expected.extend(publish(&world, 30).await);
    decided(&ledger, &expected).await;
    world.stop().await;
}

#[tokio::test]
async fn two_lanes_are_read_each_for_itself() {
    let mut world = World::new().await;
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let ledgers = [Ledger::default(), Ledger::default()];
    let (answering, noting) = (ledgers.clone(), Arc::clone(&seen));
    world.gateway.deploy("p", move |call| {
        let filter = call.header("orderflow-filter").to_owned();
        let lane = usize::from(filter == "orders.placed.eu.>");
        noting.lock().unwrap().insert(filter);
        answering[lane].answer(call)
    });
    let lanes = ("orderflow.lanes", "main eu");
    let annotations: Vec<_> =
        ORDERED.iter().map(|pair| if pair.0 == lanes.0 { lanes } else { *pair }).collect();
    world.gateway.annotate("p", &annotations);
    let expected = publish(&world, 60).await;
    world.start().await;
    decided(&ledgers[0], &expected).await;
    until("the other lane, too", async || ledgers[1].decided().len() == 20).await;
    assert_eq!(seen.lock().unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_lane_can_be_given_out_past_the_gateway() {
    let mut world = World::new().await;
    let ledger = Ledger::default();
    ledger.deploy(&world);
    world.gateway.annotate("p", ORDERED);
    let expected = publish(&world, 30).await;
    let direct = world.direct();
    world.start_with(|settings| settings.invoke = direct).await;
    decided(&ledger, &expected).await;
    assert_eq!(world.gateway.direct_calls(), world.gateway.calls("p").len());
    world.stop().await;
}
