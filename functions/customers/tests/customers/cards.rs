//! Cards that orders move.

use crate::support::{World, order};
use messaging::persons::{self, Entry, Said};
use messaging::publish;
use messaging::streams;
use serde_json::{Value, json};

fn has(name: &'static str) -> impl Fn(&Value) -> bool {
    move |card| card["name"] == name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placed_order_makes_a_card_and_leaves_nothing_of_the_person_in_its_events() {
    let world = World::start().await;
    let ana = json!({"id": "17850", "vip": true, "name": "محمد Ana", "email": "Ana@Example.org",
        "phone": "+33 6 12 34 56 78",
        "billing": {"lines": "1 rue Cachée", "city": "Lyon", "country": "FR"}});
    let placed = world.place("1", "2026-01-01T00:00:00Z", &ana).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let card = world.card("17850", has("محمد Ana")).await;
    assert_eq!((&card["phone"], &card["vip"]), (&json!("+33612345678"), &json!(true)));
    assert_eq!(card["billing"]["lines"], json!(["1 rue Cachée"]));
    // A card and its order; no event, and no header.
    let mut events = world.texts(streams::ORDERS, ">").await;
    events.extend(world.texts(streams::CUSTOMERS, ">").await);
    assert_eq!(events.len(), 2, "{events:?}");
    for secret in ["محمد", "xample.org", "612345678", "Cach"] {
        assert!(!events.iter().any(|event| event.contains(secret)), "{secret} in {events:?}");
    }
    assert!(events[1].contains("customers.changed.US1.17850") && events[1].contains("order 1"));
    // Guests have no card, and their person is kept.
    world.place("2", "2026-01-01T00:00:00Z", &json!({"name": "Gast"})).await;
    assert_eq!(world.said().await.len(), 2);
    assert_eq!(
        world.customers.get("/customers").await.body["customers"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_moved_by_newer_orders_only() {
    let world = World::start().await;
    let moved = async |id: &str, ordered: &str, name: &str| {
        let answer = world.place(id, ordered, &json!({"id": "c", "name": name})).await;
        assert!(answer.status < 300, "{answer:?}");
    };
    moved("1", "2026-01-01T00:00:00Z", "Old").await;
    moved("3", "2026-03-01T00:00:00Z", "New").await;
    world.card("c", has("New")).await;
    // The old one again, and an old one that comes late.
    moved("1", "2026-01-01T00:00:00Z", "Old").await;
    moved("2", "2026-02-01T00:00:00Z", "Late").await;
    moved("d", "2026-02-01T00:00:00Z", "Late").await;
    // What people change stays, until a newer order says something else.
    let patch = json!({"name": "By hand", "phone": "+33611111111"});
    let patched = world.customers.send("PATCH", "/customers/US1/c", ("admin", ""), patch).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let again = world.customers().await;
    world.place("x", "2026-01-01T00:00:00Z", &json!({"id": "other", "name": "Other"})).await;
    world.card("other", has("Other")).await;
    world.card("c", has("By hand")).await;
    moved("4", "2026-04-01T00:00:00Z", "Newest").await;
    let card = world.card("c", has("Newest")).await;
    assert_eq!(card["phone"], "+33611111111", "what an order does not say stays");
    drop(again);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_and_a_household_with_one_address() {
    let world = World::start().await;
    let second = world.customers().await;
    for n in 0..20 {
        let ordered = format!("2026-01-{:02}T00:00:00Z", n + 1);
        let name = format!("Name {n}");
        let one = json!({"id": "one", "name": name, "email": "home@example.org"});
        let two = json!({"id": "two", "name": name, "email": "Home@example.org"});
        world.place(&format!("a{n}"), &ordered, &one).await;
        world.place(&format!("b{n}"), &ordered, &two).await;
    }
    let one = world.card("one", has("Name 19")).await;
    let two = world.card("two", has("Name 19")).await;
    let shared = [&one, &two].into_iter().filter(|card| card["email_shared"] == true).count();
    assert_eq!(shared, 1, "{one} {two}");
    let found = second.get("/search?email=HOME@example.org&partner=US1").await;
    assert_eq!(found.body["customers"].as_array().unwrap().len(), 2, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_an_address_becomes_a_pseudonym() {
    let world = World::start().await;
    let by = async |id: &str, customer: Value| {
        let placed = world.place(id, "2026-01-01T00:00:00Z", &customer).await;
        assert_eq!(placed.status, 201, "{placed:?}");
    };
    by("1", json!("Ana@Example.org")).await;
    by("2", json!({"id": "ana@example.org", "name": "Ana"})).await;
    by("3", json!("+33 6 12 34 56 78")).await;
    let found = async |number: &str| {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let found = world.customers.get(&format!("/search?number={number}")).await;
            match found.body["customers"].as_array().unwrap().as_slice() {
                [one] => return one.clone(),
                _ => assert!(std::time::Instant::now() < until, "{found:?}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let ana = found("ana@example.org").await;
    assert!(ana["id"].as_str().unwrap().starts_with("p-"), "{ana}");
    found("%2B33%206%2012%2034%2056%2078").await;
    for text in world.texts(streams::ORDERS, ">").await {
        assert!(!text.to_lowercase().contains("example") && !text.contains("12 34"), "{text}");
    }
    // The same again is the same.
    let again = world.place("1", "2026-01-01T00:00:00Z", &json!("Ana@Example.org")).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("duplicate")), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_with_another_person_is_a_conflict() {
    let world = World::start().await;
    let at = "2026-01-01T00:00:00Z";
    let (ana, bob) = (json!({"id": "c", "name": "Ana"}), json!({"id": "c", "name": "Bob"}));
    assert_eq!(world.place("1", at, &ana).await.status, 201);
    assert_eq!(world.place("1", at, &ana).await.status, 200);
    for other in [&bob, &json!({"id": "c"}), &json!({"id": "c", "name": "Ana", "language": "fr"})] {
        assert_eq!(world.place("1", at, other).await.status, 409, "{other}");
    }
    assert_eq!(world.place("2", at, &json!({"id": "c"})).await.status, 201);
    assert_eq!(world.place("2", at, &ana).await.status, 409);
    // Only what was placed is kept.
    let said = world.said().await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("Ana"));
    let conflicts = world.texts(streams::ERRORS, "errors.conflict.>").await;
    assert_eq!(conflicts.len(), 4);
    assert!(conflicts[0].contains(r#""differs":"person""#), "{}", conflicts[0]);
    let wrong = world.place("3", at, &json!({"id": "c", "phone": "0612345678"})).await;
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.body["errors"][0]["field"], "customer.phone", "{wrong:?}");
    assert!(!wrong.body.to_string().contains("0612345678"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_process_was_killed_meets_its_own_person() {
    let world = World::start().await;
    let ana = json!({"id": "c", "name": "Ana"});
    let at = "2026-01-01T00:00:00Z";
    // As after a kill between the two writes: the person is stored, the order is not.
    assert_eq!(world.place("1", at, &ana).await.status, 201);
    let entry = world.said().await.remove(0);
    let subject = entry.split(' ').next().unwrap().replace(".1.", ".2.");
    let first = entry.split(' ').next().unwrap();
    let Entry::Said(_, said) = persons::read(&world.nats, first).await.unwrap() else {
        panic!("{entry}")
    };
    let said = Said { order_id: domain::OrderId::parse("2").unwrap(), ..*said };
    let digest = subject.rsplit('.').next().unwrap();
    publish::one(&world.nats, &persons::message(&said, digest), Some(0)).await.unwrap();
    let delivered = world.deliver("e2", &order("2", at, &ana)).await;
    assert_eq!(delivered.body["failed"], json!([]), "{delivered:?}");
    // Killed behind the order: the delivery that comes again finds both.
    let again = world.ingest().await;
    drop(again);
    let delivered = world.deliver("e2", &order("2", at, &ana)).await;
    assert_eq!(delivered.body["failed"], json!([]), "{delivered:?}");
    assert_eq!(world.texts(streams::ORDERS, "orders.placed.>").await.len(), 2);
    assert_eq!(world.texts(streams::ERRORS, ">").await.len(), 0);
    assert_eq!(world.said().await.len(), 2);
    world.card("c", has("Ana")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_an_order_with_a_person_waits() {
    let world = World::start().await;
    world.server.kill();
    let delivered =
        world.deliver("e1", &order("1", "2026-01-01T00:00:00Z", &json!({"name": "Ana"}))).await;
    let failed = &delivered.body["failed"][0];
    assert_eq!(failed["retry"], true, "{delivered:?}");
    world.server.restart();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let order = order("1", "2026-01-01T00:00:00Z", &json!({"name": "Ana"}));
        if world.deliver("e1", &order).await.body["failed"] == json!([]) {
            break;
        }
        assert!(std::time::Instant::now() < until);
    }
    assert_eq!(world.said().await.len(), 1);
}
