//! What is shipped of confirmed sales, beside the lane that cancels and returns them.

use crate::cluster::settled;
use crate::lane::{Lane, order};
use crate::support::{Of, Process, World, command};
use crate::writers::until_answered;
use axum::http::StatusCode;
use chrono::DateTime;
use domain::WarehouseId;
use messaging::{Event, inventory::Shipped, stored, streams, tail};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::{Duration, sleep};

const PATH: &str = "/shipments";

impl<S> World<S> {
    /// Every fact about shipments: order, number, pieces of it and of all, whether all is shipped.
    pub(crate) async fn shipped(&self) -> Vec<String> {
        let mut said = Vec::new();
        let each = |message: &async_nats::jetstream::Message| {
            let event: Event<Shipped> = serde_json::from_slice(&message.payload).unwrap();
            assert_eq!(event.kind, "orderflow.order.shipped.v1");
            let shipped = event.data.unwrap();
            let how_much = message.headers.as_ref().unwrap().get("Orderflow-Shipped").unwrap();
            let pieces = |of: &domain::inventory::Pieces| of.values().sum::<i64>();
            let (order, number) = (&shipped.order_id, shipped.shipment.number);
            let (now, all) = (pieces(&shipped.shipment.products), pieces(&shipped.shipped));
            said.push(format!("{order} #{number} {now} of {all} {how_much}"));
        };
        tail::read(&self.nats, streams::ORDERS, "orders.shipped.>", 1, false, each).await.unwrap();
        said
    }

    /// The last message of an order's subject, by its type and reason.
    async fn said(&self, stage: &str, id: &str) -> String {
        let subject = format!("orders.{stage}.main.DIRECT.{id}");
        let last = stored::last(&self.nats, streams::ORDERS, &subject).await.unwrap();
        let Some(last) = last else { return "nothing".into() };
        let event: Event = serde_json::from_slice(&last.payload).unwrap();
        let kind = event.kind.trim_start_matches("orderflow.order.").to_owned();
        format!("{kind} {}", last.header("Orderflow-Reason").unwrap_or_default()).trim().to_owned()
    }

    async fn verified(&self) {
        let main = WarehouseId::main();
        let found = stock::verify(&self.nats, &main, DateTime::UNIX_EPOCH).await.unwrap();
        assert_eq!(found.problems_total, 0, "{:?}", found.problems);
    }

    /// A sale of five A, which is confirmed.
    async fn sold(&self, lane: &mut Lane, id: &str) -> u64 {
        let sequence = lane.send(self, &order(id, "A", 5, None)).await;
        lane.decide(self).await;
        sequence
    }
}

async fn stocked() -> (World, Lane) {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 1000}})).await;
    let lane = Lane::of(&world).await;
    (world, lane)
}

fn some(id: &str, pieces: i64) -> Value {
    json!({"order_id": id, "products": {"A": pieces}})
}

#[tokio::test]
async fn a_sale_is_shipped_in_parts_and_one_key_ships_once() {
    let (world, mut lane) = stocked().await;
    world.sold(&mut lane, "S").await;
    let first = json!({"order_id": "S", "products": {"A": 2}, "carrier": "DHL",
        "tracking": "0034 0434", "shipped_at": "2026-01-31T08:00:00Z"});
    let done = world.does(PATH, "k1", first.clone()).await;
    let expected = json!({"partner": "DIRECT", "order_id": "S", "applied": true, "shipment": 1,
        "shipped": {"A": 2}, "left": {"A": 3}});
    assert_eq!(done, expected);
    // The same again, whatever happened since.
    world.does(PATH, "k2", some("S", 1)).await;
    let (status, again) = world.ask(PATH, "k1", first).await;
    let expected = json!({"partner": "DIRECT", "order_id": "S", "applied": false,
        "shipped": {"A": 3}, "left": {"A": 2}});
    assert_eq!((status, again), (200, expected));
    assert_eq!(world.ask(PATH, "k1", some("S", 1)).await.0, 422, "the key is of another one");
    let (status, body) = world.ask(PATH, "k3", some("S", 3)).await;
    let reason = "is 3, but 2 are left to ship: 5 were sold, 3 shipped before, 0 returned without \
                  having been shipped";
    let expected = json!([{"field": "products.A", "reason": reason}]);
    assert_eq!((status, &body["errors"]), (409, &expected), "{body}");
    // All that is left, and then there is nothing.
    let rest = world.does(PATH, "k4", json!({"order_id": "S"})).await;
    assert_eq!((&rest["shipped"], &rest["left"]), (&json!({"A": 5}), &json!({})));
    let (status, body) = world.ask(PATH, "k5", json!({"order_id": "S"})).await;
    let detail = "nothing of order S of DIRECT is shipped: nothing is left to ship";
    assert_eq!((status, &body["detail"]), (409, &json!(detail)));
    let expected = ["S #1 2 of 2 part", "S #2 1 of 3 part", "S #3 2 of 5 all"];
    assert_eq!(world.shipped().await, expected);
    // No stock moved, and the sale's own facts are as they were.
    assert_eq!(world.available("main", "A").await, 995);
    assert_eq!(world.said("confirmed", "S").await, "confirmed.v1");
    let subject = "orders.shipped.main.DIRECT.S";
    let fact = stored::first(&world.nats, streams::ORDERS, subject, 1).await.unwrap().unwrap();
    let event: Event<Value> = serde_json::from_slice(&fact.payload).unwrap();
    let data = event.data.unwrap();
    let shipment = json!({"number": 1, "products": {"A": 2}, "carrier": "DHL",
        "tracking": "0034 0434", "shipped_at": "2026-01-31T08:00:00Z", "by": "api-token-admin"});
    let expected = json!({"partner": "DIRECT", "order_id": "S", "attempt": 1, "placed": 1,
        "shipment": shipment, "shipped": {"A": 2}, "complete": false});
    assert_eq!(data, expected);
    world.verified().await;
    world.check().await;
}

#[tokio::test]
async fn only_a_confirmed_sale_is_shipped() {
    let (world, mut lane) = stocked().await;
    let gone = world.sold(&mut lane, "gone").await;
    lane.cancel(&world, &order("gone", "A", 5, None), gone).await;
    lane.send(&world, &order("short", "A", 5000, None)).await;
    lane.send(&world, &order("back", "A", -1, None)).await;
    lane.decide(&world).await;
    lane.send(&world, &order("new", "A", 5, None)).await;
    for (id, status, expected) in [
        ("never", 404, "there is no order never of DIRECT in warehouse main"),
        ("gone", 409, "nothing of order gone of DIRECT is shipped: its attempt 2 is refused or"),
        ("short", 409, "nothing of order short of DIRECT is shipped: its attempt 1 is refused or"),
        ("back", 409, "nothing of order back of DIRECT is shipped: it is a return"),
        ("new", 409, "nothing of order new of DIRECT is shipped: it is not decided yet"),
    ] {
        let (found, body) = world.ask(PATH, &format!("key {id}"), json!({"order_id": id})).await;
        assert_eq!(found, status, "{id} {body}");
        assert!(body["detail"].as_str().unwrap().starts_with(expected), "{body}");
    }
    let elsewhere = json!({"order_id": "new", "warehouse": "west"});
    assert_eq!(world.ask(PATH, "k", elsewhere).await.0, 404);
    assert_eq!(world.ask(PATH, "k", json!({"order_id": "new", "partner": "US1"})).await.0, 404);
    assert!(world.shipped().await.is_empty());
    lane.decide(&world).await;
    world.check().await;
}

#[tokio::test]
async fn what_was_shipped_is_returned_and_not_cancelled() {
    let (world, mut lane) = stocked().await;
    let sale = order("S", "A", 5, None);
    let sold = world.sold(&mut lane, "S").await;
    world.does(PATH, "1", some("S", 2)).await;
    lane.cancel(&world, &sale, sold).await;
    lane.decide(&world).await;
    assert_eq!(world.said("confirmed", "S").await, "kept.v1 shipped");
    assert_eq!(world.available("main", "A").await, 995);
    // Three come back: the two that were shipped, and one that never left.
    let first = lane.send(&world, &order("R1", "A", -3, Some("S"))).await;
    lane.decide(&world).await;
    let (status, body) = world.ask(PATH, "2", some("S", 3)).await;
    assert_eq!(status, 409, "{body}");
    let part = world.does(PATH, "3", json!({"order_id": "S"})).await;
    assert_eq!((&part["shipped"], &part["left"]), (&json!({"A": 4}), &json!({})));
    // What was shipped comes back as well, and no more than was sold.
    lane.send(&world, &order("R2", "A", -3, Some("S"))).await;
    lane.send(&world, &order("R3", "A", -2, Some("S"))).await;
    lane.decide(&world).await;
    assert_eq!(world.said("refused", "R2").await, "refused.v1 exceeds_sale");
    assert_eq!(world.said("confirmed", "R3").await, "confirmed.v1");
    // A return that is cancelled lets nothing more be shipped than before.
    lane.cancel(&world, &order("R1", "A", -3, Some("S")), first).await;
    lane.decide(&world).await;
    assert_eq!(world.ask(PATH, "4", some("S", 1)).await.0, 409);
    assert_eq!(world.available("main", "A").await, 997);
    world.verified().await;
    world.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_shipment_and_a_cancellation_or_return_at_once_each_sees_the_other() {
    let (world, mut lane) = stocked().await;
    let mut ends = [0, 0];
    for round in 0..12 {
        let (id, back) = (format!("S{round}"), format!("R{round}"));
        let sale = order(&id, "A", 5, None);
        let sold = world.sold(&mut lane, &id).await;
        match round % 2 {
            0 => lane.cancel(&world, &sale, sold).await,
            _ => drop(lane.send(&world, &order(&back, "A", -3, Some(&id))).await),
        }
        let body = some(&id, 4);
        let late = async {
            sleep(Duration::from_millis(round)).await;
            lane.decide(&world).await;
        };
        let ((status, body), ()) = tokio::join!(world.ask(PATH, &id, body), late);
        let is_shipped = match status {
            200 => true,
            409 => false,
            status => panic!("{status} {body}"),
        };
        ends[usize::from(is_shipped)] += 1;
        match (round % 2, is_shipped) {
            (0, true) => assert_eq!(world.said("confirmed", &id).await, "kept.v1 shipped"),
            (0, false) => assert_eq!(world.said("refused", &id).await, "refused.v1 cancelled"),
            // Both are possible behind a shipment: three of the four come back.
            _ => assert_eq!(world.said("confirmed", &back).await, "confirmed.v1"),
        }
    }
    assert_eq!(world.shipped().await.len(), ends[1]);
    world.verified().await;
    world.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ship_at_once_ship_each_piece_once_whoever_is_killed() {
    let (world, mut lane) = stocked().await;
    lane.send(&world, &order("S", "A", 30, None)).await;
    lane.decide(&world).await;
    // A second process of the same function.
    let other = Process::start(Of::Inventory, &world.server.url()).await;
    let (shipped, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let shipper = |name: usize| {
        let (world, shipped, ended, other) = (&world, &shipped, &ended, &other);
        async move {
            for round in 0..12 {
                let (key, body) = (format!("{name}-{round}"), some("S", 1));
                let is_done = match name % 2 {
                    0 => until_answered(world, PATH, &key, &body).await,
                    _ => until(other, &key, &body).await,
                };
                shipped.fetch_add(usize::from(is_done), Ordering::Relaxed);
            }
            ended.fetch_add(1, Ordering::Relaxed);
        }
    };
    let orders = async {
        let mut round = 0;
        while ended.load(Ordering::Relaxed) < 4 {
            round += 1;
            lane.send(&world, &order(&format!("O{round}"), "A", 1, None)).await;
            lane.decide(&world).await;
        }
        round
    };
    let killer = async {
        let mut kills = 0;
        while ended.load(Ordering::Relaxed) < 4 {
            sleep(Duration::from_millis(40)).await;
            match kills % 3 {
                0 => world.inventory.kill().await,
                1 => world.processor.kill().await,
                _ => other.kill().await,
            }
            kills += 1;
        }
        kills
    };
    let (_, _, _, _, orders, kills) =
        tokio::join!(shipper(0), shipper(1), shipper(2), shipper(3), orders, killer);
    assert!(2 < kills && 2 < orders, "{kills} kills, {orders} orders");
    assert_eq!(shipped.load(Ordering::Relaxed), 30, "of 48 that were asked for");
    let said = world.shipped().await;
    assert_eq!((said.len(), said.last().unwrap().as_str()), (30, "S #30 1 of 30 all"));
    world.verified().await;
    world.check().await;
}

/// Sends a shipment to a process until there is an answer. Was it done?
async fn until(process: &Process, key: &str, body: &Value) -> bool {
    loop {
        match process.send(command(PATH, key, body)).await {
            Some((200, _)) => return true,
            Some((409, _)) => return false,
            Some((503, _)) | None => sleep(Duration::from_millis(20)).await,
            Some((status, problem)) => panic!("{status} {problem}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_of_the_orders_that_is_killed_ships_nothing_twice() {
    let world = World::of_three().await;
    assert!(until_answered(&world, "/stock", "set", &json!({"available": {"A": 100}})).await);
    let mut lane = Lane::of(&world).await;
    lane.send(&world, &order("S", "A", 12, None)).await;
    lane.decide(&world).await;
    let mut done = 0;
    for round in 0..3 {
        for n in 0..3 {
            let body = some("S", 2);
            done += u32::from(until_answered(&world, PATH, &format!("{round}-{n}"), &body).await);
        }
        let leader = world.server.members().stream_leader(streams::ORDERS);
        let Some(killed) = leader.filter(|_| round < 2) else { continue };
        tokio::task::block_in_place(|| world.server.members().members_mut()[killed].kill());
        assert!(until_answered(&world, PATH, &format!("0-{}", round), &some("S", 2)).await);
        tokio::task::block_in_place(|| {
            world.server.members().members_mut()[killed].restart().unwrap();
        });
    }
    assert_eq!(done, 6, "of nine");
    settled(&world).await;
    let last = stored::last(&world.nats, streams::ORDERS, "orders.shipped.main.DIRECT.S").await;
    let event: Event<Shipped> = serde_json::from_slice(&last.unwrap().unwrap().payload).unwrap();
    let shipped = event.data.unwrap();
    assert_eq!((shipped.shipment.number, shipped.complete), (6, true));
}

#[tokio::test]
async fn nothing_is_shipped_by_what_another_stream_says() {
    let (world, mut lane) = stocked().await;
    let sold = world.sold(&mut lane, "S").await;
    world.does(PATH, "1", some("S", 4)).await;
    // The same order is there again, and what was shipped of it is not.
    world.nats.js.delete_stream(streams::ORDERS).await.unwrap();
    for step in streams::setup(&world.nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    let mut other = Lane::of(&world).await;
    assert_eq!(other.send(&world, &order("S", "A", 5, None)).await, sold);
    for process in [&world.inventory, &Process::start(Of::Inventory, &world.server.url()).await] {
        let (status, body) = process.send(command(PATH, "2", &some("S", 4))).await.unwrap();
        assert_eq!((status, &body["fault"]), (409, &json!(true)), "{body}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_shipment_is_said_by_its_field() {
    let (world, mut lane) = stocked().await;
    world.sold(&mut lane, "S").await;
    for (body, field) in [
        (json!({"order_id": "S", "products": {}}), "products"),
        (json!({"order_id": "S", "products": {"A": 0}}), "products.A"),
        (json!({"order_id": "S", "products": {"A": -1}}), "products.A"),
        (json!({"order_id": "S", "carrier": "x".repeat(65)}), "carrier"),
        (json!({"order_id": "S", "tracking": " "}), "tracking"),
        (json!({"order_id": "S", "tracking": "a\nb"}), "tracking"),
        (json!({"order_id": "S", "shipped_at": "2999-01-01T00:00:00Z"}), "shipped_at"),
    ] {
        let (status, problem) = world.ask(PATH, "k", body.clone()).await;
        let found = (status, &problem["errors"][0]["field"]);
        assert_eq!(found, (422, &json!(field)), "{body} {problem}");
    }
    for body in [
        json!({}),
        json!({"order_id": ""}),
        json!({"order_id": "S", "lines": {"A": 1}}),
        json!({"order_id": "S", "products": {"A": "1"}}),
        json!({"order_id": "S", "shipped_at": "yesterday"}),
    ] {
        assert_eq!(world.ask(PATH, "k", body.clone()).await.0, 422, "{body}");
    }
    assert_eq!(world.ask(PATH, "", json!({"order_id": "S"})).await.0, 400, "no key");
    let mut request = command(PATH, "k", &json!({"order_id": "S"}));
    request.headers_mut().insert("authorization", "Bearer read".parse().unwrap());
    let refused = world.inventory.send(request).await.unwrap().0;
    assert_eq!(refused, StatusCode::FORBIDDEN.as_u16());
    assert!(world.shipped().await.is_empty());
}
