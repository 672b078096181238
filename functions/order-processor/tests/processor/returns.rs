//! Returns that name their sale, on a real nats-server.

use crate::skip::{batch, placed};
use crate::support::{FILTER, World, build, send};
use axum::Router;
use chrono::DateTime;
use domain::order::{Cancels, Order, Terms};
use domain::{PartnerId, WarehouseId, raw};
use messaging::inventory::SaleReturned;
use messaging::publish::{self, Outgoing};
use messaging::{Event, streams, tail};
use serde_json::json;
use state::journal::{Place, position};

/// A sale, or a return of `sale`.
fn order(id: &str, quantity: i64, sale: Option<&str>) -> Order {
    let json = json!({"order_id": id, "product": "P001", "quantity": quantity, "price": 1, "returns": sale});
    raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()
}

fn back(id: &str, quantity: i64) -> Order {
    order(id, -quantity, Some("S"))
}

impl<S> World<S> {
    /// Places an order and gives its sequence.
    async fn sent(&self, order: &Order) -> u64 {
        self.publish(&placed(order)).await
    }

    /// Places the cancellation of the attempt at `sequence`.
    async fn cancel(&self, order: &Order, sequence: u64) -> u64 {
        let cancels = Cancels { attempt: order.attempt, placed: sequence, decision: "d".into() };
        self.sent(&order.cancelling(cancels)).await
    }

    /// What the facts about sales say: subject, pieces that came back, whether all did, and by which order.
    async fn returned(&self) -> Vec<String> {
        let mut said = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event: Event<SaleReturned> = serde_json::from_slice(&message.payload).unwrap();
            let SaleReturned { sale, by, .. } = event.data.unwrap();
            let how_much = message.headers.as_ref().unwrap().get("Orderflow-Returned").unwrap();
            let pieces: i64 = sale.returned.values().sum();
            said.push(format!("{} {pieces} {how_much} {}", message.subject, by.order_id));
        };
        tail::read(&self.nats, streams::ORDERS, "orders.returned.>", 1, false, each).await.unwrap();
        said
    }

    async fn verified(&self) {
        let main = WarehouseId::main();
        let found = ::stock::verify(&self.nats, &main, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(found.problems_total, 0, "{:?}", found.problems);
    }
}

#[tokio::test]
async fn no_more_comes_back_than_was_sold_in_one_batch_or_in_many() {
    let world = World::start().await;
    world.sent(&order("S", 5, None)).await;
    // One batch: the sale, two returns that together are too many, and one that fits.
    let first = world.sent(&back("R1", 3)).await;
    world.sent(&back("R2", 3)).await;
    world.sent(&back("R3", 2)).await;
    world.decide_all().await;
    assert_eq!(world.available("P001").await, 50);
    let refused = ["orders.refused.main.DIRECT.R2 refused.v1 exceeds_sale"];
    assert_eq!(world.said(streams::ORDERS, "orders.refused.>").await, refused);
    let sale = "orders.returned.main.DIRECT.S";
    let expected = [format!("{sale} 3 part R1"), format!("{sale} 5 all R3")];
    assert_eq!(world.returned().await, expected);
    // A return that is cancelled leaves as much for another one.
    world.cancel(&back("R1", 3), first).await;
    world.sent(&back("R2", 3).again()).await;
    world.decide_all().await;
    assert_eq!(
        world.returned().await[2..],
        [format!("{sale} 2 part R1"), format!("{sale} 5 all R2")]
    );
    assert_eq!(world.available("P001").await, 50);
    // What came again is decided no second time.
    world.decide_all().await;
    assert_eq!(world.returned().await.len(), 4);
    let summary = world.history().await.summary;
    assert_eq!((summary.confirmed, summary.refused, summary.cancelled), (4, 1, 1));
    world.verified().await;
}

#[tokio::test]
async fn only_a_confirmed_sale_of_the_same_partner_is_returned() {
    let world = World::start().await;
    let other = Order { partner: PartnerId::parse("US1").unwrap(), ..order("S", 5, None) };
    world.sent(&other).await;
    world.sent(&order("short", 500, None)).await;
    let gone = world.sent(&order("gone", 5, None)).await;
    world.decide_all().await;
    world.cancel(&order("gone", 5, None), gone).await;
    for (id, sale) in [("1", "S"), ("2", "short"), ("3", "gone"), ("4", "never")] {
        world.sent(&order(id, -1, Some(sale))).await;
    }
    // Without a sale nothing is compared.
    world.sent(&order("5", -9, None)).await;
    world.decide_all().await;
    let refused = world.said(streams::ORDERS, "orders.refused.>").await;
    let exceeds: Vec<_> = refused.iter().filter(|said| said.ends_with("exceeds_sale")).collect();
    assert_eq!(exceeds.len(), 4, "{refused:?}");
    assert!(world.returned().await.is_empty());
    assert_eq!(world.available("P001").await, 50 - 5 + 9);
    // Refused before its sale was there; tried again behind it.
    world.sent(&order("never", 1, None)).await;
    world.sent(&order("4", -1, Some("never")).again()).await;
    world.decide_all().await;
    assert_eq!(world.returned().await, ["orders.returned.main.DIRECT.never 1 all 4"]);
    world.history().await;
}

#[tokio::test]
async fn a_sale_is_cancelled_as_a_whole_or_returned_in_parts() {
    let world = World::start().await;
    let sale = order("S", 5, None);
    let sold = world.sent(&sale).await;
    world.decide_all().await;
    // Two at once: the first to be stored is confirmed, the other one is refused.
    let returned = world.sent(&back("R1", 1)).await;
    world.cancel(&sale, sold).await;
    world.decide_all().await;
    let kept = "orders.confirmed.main.DIRECT.S kept.v1 exceeds_sale";
    assert_eq!(world.said(streams::ORDERS, "orders.confirmed.>").await.last().unwrap(), kept);
    assert_eq!(world.available("P001").await, 46);
    // It stays a sale, of which the rest can come back and no more.
    world.sent(&back("R2", 5)).await;
    let second = world.sent(&back("R3", 4)).await;
    world.decide_all().await;
    assert_eq!(world.returned().await.last().unwrap(), "orders.returned.main.DIRECT.S 5 all R3");
    // Without its returns it can be cancelled.
    world.cancel(&back("R1", 1), returned).await;
    world.cancel(&back("R3", 4), second).await;
    let again = Order { attempt: 2, ..sale.clone() };
    let cancels = Cancels { attempt: 1, placed: sold, decision: "d".into() };
    world.sent(&again.cancelling(cancels)).await;
    world.sent(&back("R4", 1)).await;
    world.decide_all().await;
    let refused = world.said(streams::ORDERS, "orders.refused.>").await;
    assert_eq!(
        refused[refused.len() - 2..],
        [
            "orders.refused.main.DIRECT.S refused.v1 cancelled",
            "orders.refused.main.DIRECT.R4 refused.v1 exceeds_sale",
        ]
    );
    assert_eq!(world.available("P001").await, 50);
    // Sold again: what came back of the attempt before does not count.
    world.sent(&Order { attempt: 4, ..sale }).await;
    world.sent(&back("R4", 5).again()).await;
    world.decide_all().await;
    assert_eq!(world.available("P001").await, 50);
    world.verified().await;
}

#[tokio::test]
async fn what_is_skipped_or_refused_leaves_the_sale_as_it_was() {
    let world = World::start().await;
    world.sent(&order("S", 5, None)).await;
    world.sent(&back("R1", 2)).await;
    world.decide_all().await;
    let skipped = world.sent(&back("R2", 3)).await;
    assert_eq!(world.skip_at(skipped).await.0, 200);
    // Whatever else comes under the sale's name, and what is passed over there.
    let total = domain::Money::ZERO;
    world.sent(&Order { attempt: 7, total, ..order("S", 5, None) }).await;
    world.decide_all().await;
    let other = world.sent(&order("S", 500, None)).await;
    assert_eq!(world.skip_at(other).await.0, 200);
    world.sent(&back("R3", 4)).await;
    world.sent(&back("R4", 3)).await;
    world.decide_all().await;
    let sale = "orders.returned.main.DIRECT.S";
    assert_eq!(world.returned().await, [format!("{sale} 2 part R1"), format!("{sale} 5 all R4")]);
    assert_eq!(world.available("P001").await, 50);
    world.verified().await;
}

#[tokio::test]
async fn who_takes_over_tells_what_was_returned_before_it_decides_the_next_return() {
    let world = World::start().await;
    world.sent(&order("S", 5, None)).await;
    world.decide_all().await;
    world.sent(&back("R1", 3)).await;
    world.decide_all().await;
    let journal = world.messages(streams::JOURNAL, "journal.>").await;
    let expected = world.returned().await;
    // The same orders and entries elsewhere, where the writer was killed after the last append.
    let other = World::start().await;
    other.sent(&order("S", 5, None)).await;
    other.decide_all().await;
    // Sequences of the stream are the same: the sale and its fact stand before it.
    other.sent(&back("R1", 3)).await;
    let last = other.messages(streams::JOURNAL, "journal.>").await.len() as u64;
    let mut entry = journal.last().unwrap().json.clone();
    let place = position(&other.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
    entry["decided_to"] = serde_json::to_value(place).unwrap();
    let subject = "journal.inventory.main".to_owned();
    let message = Outgoing::new(subject, entry.to_string().into()).header("Orderflow-Journal", "1");
    publish::one(&other.nats, &message, Some(last)).await.unwrap();
    assert!(other.returned().await.is_empty());
    let other = World { router: build(&other.server).await, ..other };
    other.sent(&back("R2", 3)).await;
    other.decide_all().await;
    assert_eq!(other.returned().await, expected);
    assert_eq!(other.available("P001").await, 48);
    other.verified().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_at_once_return_each_piece_once() {
    let world = World::start().await;
    let other = build(&world.server).await;
    world.sent(&order("S", 30, None)).await;
    for n in 0..40 {
        world.sent(&back(&format!("R{n}"), 1)).await;
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
                let (status, body) =
                    send(&router, batch(&identity, messages[..end].iter().cloned())).await;
                assert!(status == 200 || status == 409, "{body}");
            }
        })
    };
    let (one, two) = (run(world.router.clone()), run(other));
    one.await.unwrap();
    two.await.unwrap();
    assert_eq!(world.returned().await.len(), 30);
    assert_eq!(world.available("P001").await, 50);
    let summary = world.history().await.summary;
    assert_eq!((summary.confirmed, summary.refused), (31, 10));
}
