//! Amendments, on a real nats-server.

use crate::skip::{batch, order, placed};
use crate::support::{FILTER, World, build, send};
use axum::Router;
use domain::Order;
use domain::order::Amends;
use messaging::header;
use messaging::{Nats, stored, streams, tail};
use serde_json::{Value, json};
use state::journal::{Place, position};

/// `id` with so many pieces, in the place of `before`, which is attempt 1 at `sequence`.
fn amended(id: &str, quantity: i64, before: &Order, sequence: u64) -> Order {
    let decision = "d".to_owned();
    let Order { attempt, total, .. } = *before;
    let amends = Amends { attempt, placed: sequence, decision, total, order: None };
    order(id, quantity).amending(attempt + 1, amends)
}

impl World {
    async fn amend(&self, id: &str, quantity: i64, before: &Order, sequence: u64) -> u64 {
        let next = amended(id, quantity, before, sequence);
        self.publish(&placed(&next).header(header::AMENDS, "1")).await
    }

    async fn confirmed(&self, id: &str) -> Vec<String> {
        self.said(streams::ORDERS, &format!("orders.confirmed.main.DIRECT.{id}")).await
    }
}

/// The order in the last fact about it, and that fact's headers of attempt and total.
async fn last_fact(nats: &Nats, id: &str) -> (Value, String, Option<String>) {
    let subject = format!("orders.confirmed.main.DIRECT.{id}");
    let fact = stored::last(nats, streams::ORDERS, &subject).await.unwrap().unwrap();
    let event: Value = serde_json::from_slice(&fact.payload).unwrap();
    let header = |name| fact.header(name).map(str::to_owned);
    (event["data"].clone(), header(header::ATTEMPT).unwrap(), header(header::TOTAL))
}

#[tokio::test]
async fn the_stock_of_the_new_content_takes_the_place_of_the_old_ones() {
    let world = World::start().await;
    let sale = order("S", 30);
    let sold = world.publish(&placed(&sale)).await;
    // In one batch with the order that it amends, and with another one that wants what is left.
    let amending = world.amend("S", 45, &sale, sold).await;
    world.publish(&placed(&order("T", 10))).await;
    world.decide_all().await;
    assert_eq!(world.available("P001").await, 5);
    let (data, attempt, total) = last_fact(&world.nats, "S").await;
    assert_eq!((attempt.as_str(), total.as_deref()), ("2", Some("45.00")));
    let said = (&data["order"]["lines"][0]["quantity"], &data["order"]["amends"]["placed"]);
    assert_eq!(said, (&45.into(), &sold.into()));
    let refused = world.said(streams::ORDERS, "orders.refused.>").await;
    assert_eq!(refused, ["orders.refused.main.DIRECT.T refused.v1 insufficient_stock"]);
    // What is decided of it again follows what is in force now.
    world.amend("S", 1, &sale, sold).await;
    world.decide_all().await;
    let (data, attempt, total) = last_fact(&world.nats, "S").await;
    assert_eq!((attempt.as_str(), total), ("2", None), "{data}");
    let detail = format!(
        "it amends attempt 1 (message {sold}), but attempt 2 (message {amending}) is the confirmed one"
    );
    assert_eq!(data["refusal"], json!({"reason": "unreadable", "detail": detail}), "{data}");
    assert_eq!(world.available("P001").await, 5);
}

#[tokio::test]
async fn without_the_stock_the_old_content_stays_in_force_and_can_be_amended_again() {
    let world = World::start().await;
    let sale = order("S", 30);
    let sold = world.publish(&placed(&sale)).await;
    world.decide_all().await;
    let refused = world.amend("S", 51, &sale, sold).await;
    world.decide_all().await;
    let (data, attempt, total) = last_fact(&world.nats, "S").await;
    assert_eq!((attempt.as_str(), total, &data["in_force"]), ("1", None, &sold.into()), "{data}");
    // Of 50 pieces it has 30 itself: what it may have is said, not what is left without them.
    let refusal = json!({"reason": "insufficient_stock", "product": "P001", "requested": 51, "available": 50});
    assert_eq!(data["refusal"], refusal, "{data}");
    assert_eq!(data["placed"], refused);
    world.amend("S", 50, &sale, sold).await;
    world.decide_all().await;
    assert_eq!(world.available("P001").await, 0);
    let kinds = ["confirmed.v1", "kept.v1", "confirmed.v1"];
    let expected = kinds.map(|kind| format!("orders.confirmed.main.DIRECT.S {kind}"));
    assert_eq!(world.confirmed("S").await, expected);
    let summary = world.history().await.summary;
    assert_eq!((summary.amended, summary.kept), (1, 1));
}

#[tokio::test]
async fn one_that_is_skipped_leaves_the_order_as_it_was() {
    let world = World::start().await;
    let sale = order("S", 30);
    let sold = world.publish(&placed(&sale)).await;
    world.decide_all().await;
    let amending = world.amend("S", 1, &sale, sold).await;
    assert_eq!(world.skip_at(amending).await.0, 200);
    let (data, attempt, _) = last_fact(&world.nats, "S").await;
    assert_eq!((attempt.as_str(), &data["in_force"]), ("1", &sold.into()), "{data}");
    assert_eq!(world.available("P001").await, 20);
    world.history().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_amend_each_order_once() {
    let world = World::start().await;
    let other = build(&world.server).await;
    let mut sales = Vec::new();
    for number in 0..20 {
        let sale = order(&format!("S{number}"), 1 + number % 2);
        let sold = world.publish(&placed(&sale)).await;
        sales.push((sale, sold));
    }
    world.decide_all().await;
    for (sale, sold) in &sales {
        let quantity = 3 - sale.lines[0].quantity;
        world.amend(sale.order_id.as_str(), quantity, sale, *sold).await;
    }
    let place = position(&world.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
    let mut messages = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let sequence = message.info().unwrap().stream_sequence;
        messages.push((sequence, message.subject.to_string(), message.payload.clone()));
    };
    tail::read(&world.nats, streams::ORDERS, FILTER, 1, false, each).await.unwrap();
    let run = |router: Router| {
        let (identity, messages) = (place.identity.clone(), messages.clone());
        tokio::spawn(async move {
            for end in (1..=messages.len()).step_by(3).chain([messages.len()]) {
                let sent = messages[..end].iter().cloned();
                let (status, body) = send(&router, batch(&identity, sent)).await;
                assert!(status == 200 || status == 409, "{body}");
            }
        })
    };
    let (one, two) = (run(world.router.clone()), run(other));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(world.available("P001").await, 20);
    assert_eq!(world.confirmed("*").await.len(), 40);
    assert_eq!(world.history().await.summary.amended, 20);
}
