//! What others place or write, and what `verify` finds of it.

use crate::decisions::{chain, one};
use crate::support::{World, build};
use chrono::DateTime;
use domain::{OrderId, PartnerId, WarehouseId};
use messaging::publish::{self, Outgoing};
use messaging::views::{self, Status};
use messaging::{inventory, streams};
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
    assert_eq!(world.placed(&chain(1, [order.clone()])[0]).await, 1);
    let cancelling = |attempt: u32, placed: u64, quantity: i64| {
        let mut order = order.clone();
        order["attempt"] = attempt.into();
        order["lines"][0]["quantity"] = quantity.into();
        order["total"] = quantity.to_string().into();
        order["cancels"] = json!({"attempt": 1, "placed": placed, "decision": "d"});
        order
    };
    // More than was sold, another message, and the true one three times.
    let orders = [(2, 1, 500), (3, 2, 5), (4, 1, 5), (5, 1, 5)];
    let events = chain(3, orders.map(|(attempt, placed, n)| cancelling(attempt, placed, n)));
    for event in &events {
        world.send_to(event["subject"].as_str().unwrap(), &event.to_string()).await;
        // Sequences of the lane are every second one.
        world.send_to("orders", "{}").await;
    }
    assert_eq!(world.decide(1, &events).await, 9);
    assert_eq!(world.available("P001").await, 50);
    let mut again = chain(15, [cancelling(6, 1, 5)]).remove(0);
    again["previous"] = "9".into();
    assert_eq!(world.placed(&again).await, 15);
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
        world.send_to(event["subject"].as_str().unwrap(), &event.to_string()).await;
        // Sequences of the lane are every second one.
        world.send_to("orders", "{}").await;
    }
    assert_eq!(world.decide(0, &events).await, 3);
    let (main, now) = (domain::WarehouseId::main(), DateTime::UNIX_EPOCH);
    let found = ::stock::verify(&world.nats, &main, now).await.unwrap();
    let texts: Vec<_> = found.problems.iter().map(|problem| problem.text.as_str()).collect();
    let twice = "attempt 1 of order 1 of DIRECT is carried out again; entry 2 did it before";
    assert!(texts.contains(&twice), "{texts:?}");
}

impl World {
    async fn send_to(&self, subject: &str, payload: &str) {
        let message = Outgoing::new(subject.to_owned(), payload.to_owned().into());
        publish::one(&self.nats, &message, None).await.unwrap();
    }

    /// Publishes `event` where it belongs, and decides it alone.
    async fn placed(&self, event: &Value) -> u64 {
        self.send_to(event["subject"].as_str().unwrap(), &event.to_string()).await;
        let previous = event["previous"].as_str().unwrap().parse().unwrap();
        self.decide(previous, std::slice::from_ref(event)).await
    }
}

/// The order `1`, as everybody sees it.
struct Seen {
    found: views::Messages,
    confirmed: Option<(u32, u64)>,
    listed: Vec<(Status, u32, Option<Box<str>>)>,
}

impl World {
    async fn seen(&self) -> Seen {
        let (main, direct, id) =
            (WarehouseId::main(), PartnerId::direct(), OrderId::parse("1").unwrap());
        let found = views::lookup(&self.nats, &main, &direct, &id).await.unwrap();
        let confirmed = inventory::confirmed(&self.nats, &main, &direct, &id).await.unwrap();
        let mut orders = views::Orders::default();
        orders.refresh(&self.nats).await.unwrap();
        let listed = orders.after(0).map(|one| (one.status, one.attempt, one.reason.clone()));
        Seen {
            found,
            confirmed: confirmed.map(|found| (found.attempt, found.placed)),
            listed: listed.collect(),
        }
    }

    /// The order `1` is confirmed as it was placed in message 1.
    async fn is_confirmed(&self, what: &str) {
        self.is_confirmed_at(1, what).await;
    }

    pub(crate) async fn is_confirmed_at(&self, sequence: u64, what: &str) {
        let Seen { found, confirmed, listed } = self.seen().await;
        assert_eq!(found.status(), Some(Status::Confirmed), "{what}");
        assert_eq!(found.attempt(), Some(1), "{what}");
        assert_eq!(found.placed.map(|placed| placed.sequence), Some(sequence), "{what}");
        assert_eq!(confirmed, Some((1, sequence)), "{what}");
        assert_eq!(listed, [(Status::Confirmed, 1, None)], "{what}");
    }
}

#[tokio::test]
async fn what_is_put_behind_a_confirmed_order_changes_nothing_of_it() {
    let world = World::start().await;
    let order = one("1", "P001", 5);
    let with = |changes: Value| {
        let mut order = order.clone();
        order.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        order
    };
    let mut many = order["lines"][0].clone();
    many["quantity"] = 500.into();
    let short = json!({"lines": [many], "total": "500"});
    let second = |mut changes: Value, attempt: u32| {
        changes["attempt"] = attempt.into();
        with(changes)
    };
    let larger = with(json!({"attempt": 3, "lines": short["lines"], "total": "500",
        "cancels": {"attempt": 1, "placed": 1, "decision": "d"}}));
    let junk = [
        json!({"order_id": "1", "warehouse": "main"}),
        with(json!({"attempt": 0})),
        with(json!({"attempt": 7, "total": "1"})),
        with(json!({"lines": []})),
        // The stock does not have them: a further attempt, and a copy of the first.
        second(short.clone(), 2),
        second(short.clone(), 1),
        // A cancellation of more than was sold, again and again.
        larger.clone(),
        larger,
    ];
    // Each fact takes the sequence behind its order.
    let events = chain(1, std::iter::once(order.clone()).chain(junk));
    for (number, event) in (1_u64..).zip(&events) {
        assert_eq!(world.placed(event).await, 2 * number - 1);
        world.is_confirmed(&event.to_string()).await;
        assert_eq!(world.seen().await.found.placed_last, 2 * number - 1);
    }
    assert_eq!(world.available("P001").await, 45);
    assert!(world.subjects(streams::ORDERS, "orders.refused.>").await.is_empty());
    let facts = world.messages(streams::ORDERS, "orders.confirmed.>").await;
    let kept: Vec<_> = facts.iter().skip(1).map(|fact| &fact.json["data"]).collect();
    let reasons: Vec<_> = kept.iter().map(|data| data["refusal"]["reason"].as_str()).collect();
    let (unreadable, short) = (Some("unreadable"), Some("insufficient_stock"));
    assert_eq!(&reasons[..4], [unreadable; 4]);
    assert_eq!(&reasons[4..], [short, short, unreadable, unreadable]);
    assert!(kept.iter().all(|data| data["in_force"] == 1), "{kept:?}");
    assert!(facts.iter().skip(1).all(|fact| fact.json["type"] == "orderflow.order.kept.v1"));
    let now = DateTime::UNIX_EPOCH;
    let verified = ::stock::verify(&world.nats, &WarehouseId::main(), now).await.unwrap();
    assert_eq!(verified.problems_total, 0, "{verified:?}");
    // It can still be cancelled, once.
    let cancels = json!({"attempt": 1, "placed": 1, "decision": "d"});
    let mut back = chain(19, [with(json!({"attempt": 2, "cancels": cancels}))]).remove(0);
    back["previous"] = "17".into();
    assert_eq!(world.placed(&back).await, 19);
    assert_eq!(world.available("P001").await, 50);
    assert_eq!(world.seen().await.found.status(), Some(Status::Refused));
}

/// Without permissions others may write where facts belong, behind the true ones.
#[tokio::test]
async fn what_stands_behind_a_fact_and_is_none_changes_nothing() {
    let world = World::start().await;
    let order = one("1", "P001", 5);
    assert_eq!(world.placed(&chain(1, [order.clone()])[0]).await, 1);
    let forged = json!({"type": "orderflow.order.refused.v1", "data": {"partner": "DIRECT",
        "order_id": "1", "kind": "sale", "attempt": 1, "placed": 1}});
    for stage in ["refused", "confirmed"] {
        for payload in ["junk", "", &forged.to_string()] {
            world.send_to(&format!("orders.{stage}.main.DIRECT.1"), payload).await;
            world.is_confirmed(stage).await;
        }
    }
    let mut back = order;
    back["attempt"] = 2.into();
    back["cancels"] = json!({"attempt": 1, "placed": 1, "decision": "d"});
    let mut back = chain(9, [back]).remove(0);
    back["previous"] = "1".into();
    assert_eq!(world.placed(&back).await, 9);
    assert_eq!(world.available("P001").await, 50);
}

/// The order and what a stranger puts behind it come in one batch.
#[tokio::test]
async fn what_comes_with_its_order_hides_it_neither() {
    let world = World::start().await;
    let junk = |id: &str| json!({"order_id": id, "warehouse": "main"});
    let events = chain(1, [one("1", "P001", 1), junk("1"), junk("1"), junk("2")]);
    for event in &events {
        world.send_to(event["subject"].as_str().unwrap(), &event.to_string()).await;
        // Sequences of the lane are every second one.
        world.send_to("orders", "{}").await;
    }
    assert_eq!(world.decide(0, &events).await, 7);
    let refused = world.subjects(streams::ORDERS, "orders.refused.>").await;
    assert_eq!(refused, ["orders.refused.main.DIRECT.2"]);
    assert_eq!(world.subjects(streams::ORDERS, "orders.confirmed.>").await.len(), 3);
}
