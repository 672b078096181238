//! Moving cards while others change and erase them.

use crate::support::World;
use messaging::publish::{self, Outgoing};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const AT: &str = "2026-01-01T00:00:00Z";

fn has(name: &'static str) -> impl Fn(&Value) -> bool {
    move |card| card["name"] == name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_to_come_does_not_freeze_a_card() {
    let world = World::start().await;
    let name = |name: &str| json!({"id": "c", "name": name});
    assert_eq!(world.place("1", "2062-01-01T00:00:00Z", &name("To come")).await.status, 201);
    world.card("c", has("To come")).await;
    assert_eq!(world.place("2", "2061-01-01T00:00:00Z", &name("Next")).await.status, 201);
    world.card("c", has("Next")).await;
    assert_eq!(world.place("3", AT, &name("Old")).await.status, 201);
    world.place("4", AT, &json!({"id": "other", "name": "Other"})).await;
    world.card("other", has("Other")).await;
    world.card("c", has("Next")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_cannot_be_moved_is_tried_again_and_holds_up_no_other() {
    let world = World::start().await;
    let position = async |payload: &'static str| {
        let subject = "$KV.PERSONS.card.US1.bad".to_owned();
        let message = Outgoing::new(subject, payload.as_bytes().into());
        publish::one(&world.nats, &message, None).await.unwrap();
    };
    position("no position").await;
    for (n, id) in ["bad", "a", "bad", "b"].iter().enumerate() {
        let ordered = format!("2026-01-0{}T00:00:00Z", n + 1);
        let customer = json!({"id": id, "name": format!("Name {n}"), "vip": n == 0});
        assert_eq!(world.place(&n.to_string(), &ordered, &customer).await.status, 201);
    }
    world.card("a", has("Name 1")).await;
    world.card("b", has("Name 3")).await;
    assert_eq!(world.customers.get("/customers/US1/bad").await.status, 404);
    position(r#"{"ordered_ms": 0, "sequence": 0}"#).await;
    let card = world.card("bad", has("Name 2")).await;
    assert_eq!(card["vip"], true, "all its orders are looked at again: {card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_order_stays_on_a_card_that_moves_meanwhile() {
    let world = World::start().await;
    let second = world.customers().await;
    for n in 0..15 {
        let id = format!("c{n}");
        let path = format!("/customers/US1/{id}/erase");
        let place = async {
            for order in 0..4 {
                let customer =
                    json!({"id": id, "name": "Secret", "company": format!("Of {order}")});
                world.place(&format!("{n}-{order}"), AT, &customer).await;
            }
        };
        let erase = async {
            for _ in 0..6 {
                let erased = second.post(&path, &json!(null)).await;
                assert_eq!(erased.status, 200, "{erased:?}");
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
        };
        tokio::join!(place, erase);
    }
    for n in 0..15 {
        world.customers.post(&format!("/customers/US1/c{n}/erase"), &json!(null)).await;
    }
    assert_eq!(world.said().await, [""; 0]);
    // Both have looked at all orders before when they come to this one.
    for (n, at) in [world.customers().await, second].iter().enumerate() {
        let customer = json!({"id": "c0", "language": format!("{}r", ["f", "b"][n])});
        world.place(&format!("new-{n}"), AT, &customer).await;
        let card = world.card("c0", |card| card["language"] == customer["language"]).await;
        assert_eq!((card.get("name"), card.get("company")), (None, None), "{card}");
        // What is on its way is taken back.
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let cards = at.get("/customers").await.body["customers"].clone();
            if cards.as_array().unwrap().len() == 1 {
                break;
            }
            assert!(Instant::now() < until, "{cards}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_change_meanwhile_stays_where_an_address_is_shared() {
    let world = World::start().await;
    let first = json!({"id": "first", "email": "home@example.org"});
    world.place("first", AT, &first).await;
    world.card("first", |_| true).await;
    for n in 0..15 {
        let id = format!("c{n}");
        let card = json!({"partner": "US1", "id": id, "name": "x"});
        assert_eq!(world.customers.post("/customers", &card).await.status, 201);
        let customer = json!({"id": id, "email": "home@example.org"});
        let path = format!("/customers/US1/{id}");
        assert_eq!(world.place(&id, AT, &customer).await.status, 201);
        // Until the order has moved the card, and once more.
        let (mut step, mut is_moved) = (0, false);
        while !is_moved {
            is_moved = world.customers.get(&path).await.body["email"].is_string();
            step += 1;
            let patch = json!({"company": format!("Company {step}")});
            let patched = world.customers.send("PATCH", &path, ("admin", ""), patch).await;
            assert_eq!(patched.status, 200, "{patched:?}");
            let now = world.customers.get(&path).await.body;
            assert_eq!(now["company"], format!("Company {step}"), "{now}");
        }
        let card = world.card(&id, |card| card["email"] == "home@example.org").await;
        let company = json!(format!("Company {step}"));
        assert_eq!((&card["company"], &card["email_shared"]), (&company, &json!(true)));
    }
}
