//! What others place or write, and what `verify` finds of it.

use crate::decisions::{chain, one};
use crate::support::{World, build};
use chrono::DateTime;
use messaging::publish::{self, Outgoing};
use messaging::streams;
use serde_json::{Value, json};

#[tokio::test]
async fn what_a_stranger_places_is_refused_and_moves_nothing() {
    let world = World::start().await;
    let forged = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut order = one(id, "P001", 5);
        change(&mut order);
        order
    };
    let cancels = json!({"attempt": 1, "placed": 2, "decision": "d"});
    let orders = [
        forged("none", &|order| order["lines"] = json!([])),
        forged("zero", &|order| order["lines"][0]["quantity"] = 0.into()),
        forged("total", &|order| order["total"] = "1".into()),
        forged("attempt", &|order| order["attempt"] = 0.into()),
        forged("west", &|order| order["warehouse"] = "west".into()),
        forged("back", &|order| {
            order["attempt"] = 2.into();
            order["cancels"] = cancels.clone();
        }),
        one("good", "P001", 1),
    ];
    let mut events = chain(2, orders);
    events[4]["subject"] = "orders.placed.main.DIRECT.west".into();
    assert_eq!(world.decide(0, &events).await, 14);
    assert_eq!(world.available("P001").await, 49);
    let refused = world.messages(streams::ORDERS, "orders.refused.>").await;
    let details: Vec<_> = refused
        .iter()
        .map(|fact| fact.json["data"]["refusal"]["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        details,
        [
            "its lines cannot be used: has no lines",
            "lines[0].quantity is 0: 1 to 1000000000 are allowed, below zero in a return",
            "its total is 1.00, but its lines add up to 5.00",
            "its attempt is 0: 1 to 1000000 are allowed",
            "it is an order of warehouse west",
            "no attempt of it is confirmed, so there is nothing to cancel",
        ]
    );
    // The subject of another warehouse names no order of this one.
    let mut events = chain(16, [one("1", "P001", 1)]);
    events[0]["subject"] = "orders.placed.west.DIRECT.1".into();
    assert_eq!(world.decide(14, &events).await, 16);
    assert_eq!(world.available("P001").await, 49);
    assert_eq!(world.subjects(streams::ERRORS, "errors.undecidable.main.>").await.len(), 1);
}

#[tokio::test]
async fn a_cancellation_is_compared_with_the_fact_that_it_names() {
    let world = World::start().await;
    let order = one("1", "P001", 5);
    assert_eq!(world.decide(0, &chain(2, [order.clone()])).await, 2);
    let cancelling = |attempt: u32, placed: u64, quantity: i64| {
        let mut order = order.clone();
        order["attempt"] = attempt.into();
        order["lines"][0]["quantity"] = quantity.into();
        order["total"] = quantity.to_string().into();
        order["cancels"] = json!({"attempt": 1, "placed": placed, "decision": "d"});
        order
    };
    // More than was sold, another message, and the true one three times.
    let orders = [(2, 2, 500), (3, 1, 5), (4, 2, 5), (5, 2, 5)];
    let events = chain(4, orders.map(|(attempt, placed, n)| cancelling(attempt, placed, n)));
    assert_eq!(world.decide(2, &events).await, 10);
    assert_eq!(world.available("P001").await, 50);
    assert_eq!(world.decide(10, &chain(12, [cancelling(6, 2, 5)])).await, 12);
    assert_eq!(world.available("P001").await, 50, "it was cancelled before");
}

#[tokio::test]
async fn a_warehouse_goes_on_whatever_strangers_write_into_its_journal() {
    let world = World::start().await;
    let stranger = async |payload: &'static str| {
        let message = Outgoing::new("journal.inventory.main".into(), payload.into());
        publish::one(&world.nats, &message, None).await.unwrap();
    };
    stranger("hello").await;
    assert_eq!(world.decide(0, &chain(2, [one("1", "P001", 1)])).await, 2);
    stranger("hello").await;
    assert_eq!(world.decide(2, &chain(4, [one("2", "P001", 1)])).await, 4);
    let world = World { router: build(&world.server).await, ..world };
    assert_eq!(world.decide(4, &chain(6, [one("3", "P001", 1)])).await, 6);
    assert_eq!(world.available("P001").await, 47);
    let (main, now) = (domain::WarehouseId::main(), DateTime::UNIX_EPOCH);
    let found = ::stock::verify(&world.nats, &main, now).await.unwrap();
    // No order was placed: the batches are made up, and that is found as well.
    assert_eq!((found.entries, found.foreign, found.problems_total), (4, 2, 5), "{found:?}");
    let texts: Vec<_> = found.problems.iter().map(|problem| problem.text.as_str()).collect();
    let made_up = "it decides message 2, which is not under orders.placed.main.>";
    assert!(texts.contains(&made_up), "{texts:?}");
}

#[tokio::test]
async fn a_product_that_one_partner_has_checked_is_never_sold_below_zero_by_another() {
    let world = World::start().await;
    let order = |id: &str, quantity: i64, policy: &str| {
        let mut order = one(id, "P002", quantity);
        order["stock"] = policy.into();
        order
    };
    let events =
        chain(2, [order("1", 1, "enforce"), order("2", 20, "ignore"), order("3", 19, "backorder")]);
    assert_eq!(world.decide(0, &events).await, 6);
    assert_eq!(world.available("P002").await, 0);
    // A process that starts later knows it too.
    let world = World { router: build(&world.server).await, ..world };
    assert_eq!(world.decide(6, &chain(8, [order("4", 1, "ignore")])).await, 8);
    assert_eq!(world.available("P002").await, 0);
    let refused = world.messages(streams::ORDERS, "orders.refused.>").await;
    let refusals: Vec<_> = refused.iter().map(|fact| &fact.json["data"]["refusal"]).collect();
    let expected = |requested: i64, available: i64| {
        json!({"reason": "insufficient_stock", "product": "P002", "requested": requested,
            "available": available, "checked_for_others": true})
    };
    assert_eq!(refusals, [&expected(20, 19), &expected(1, 0)]);
}

#[tokio::test]
async fn an_order_that_was_placed_twice_is_found_by_verify() {
    let world = World::start().await;
    let order = one("1", "P001", 1);
    let events = chain(1, [order.clone(), order]);
    for event in &events {
        let subject = event["subject"].as_str().unwrap().to_owned();
        let message = Outgoing::new(subject, event.to_string().into());
        publish::one(&world.nats, &message, None).await.unwrap();
        // Sequences of the lane are every second one.
        let between = Outgoing::new("orders".into(), "{}".into());
        publish::one(&world.nats, &between, None).await.unwrap();
    }
    assert_eq!(world.decide(0, &events).await, 3);
    let (main, now) = (domain::WarehouseId::main(), DateTime::UNIX_EPOCH);
    let found = ::stock::verify(&world.nats, &main, now).await.unwrap();
    let texts: Vec<_> = found.problems.iter().map(|problem| problem.text.as_str()).collect();
    let twice = "attempt 1 of order 1 of DIRECT is carried out again; entry 2 did it before";
    assert!(texts.contains(&twice), "{texts:?}");
}
