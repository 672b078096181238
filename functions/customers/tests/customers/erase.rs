//! What is gone after a customer was erased, and what comes back.

use crate::support::World;
use messaging::publish::{self, Outgoing};
use messaging::streams;
use serde_json::json;

const SECRETS: [&str; 3] = ["Ana Secret", "ana@example.org", "33612345678"];

/// Messages as notifier puts them into the outbox; webhooks of another function stay.
async fn put_messages(world: &World) {
    let told = json!({"cause": {"id": "d1"}, "message": {"notice": "order_confirmed", "partner": "US1", "customer": "c",
        "to": "ana@example.org", "text": "Ana Secret, thank you"}});
    let other = json!({"message": {"notice": "order_confirmed", "partner": "US1", "customer": "other", "text": "x"}});
    let hook =
        json!({"message": {"partner": "US1", "customer": "c", "url": "https://shop.example"}});
    for (subject, message) in [
        ("outbox.notifier.mail.d1.0.0", told),
        ("outbox.notifier.mail.d2.0.0", other),
        ("outbox.webhooks.shop.d1.0.-", hook),
    ] {
        let message = Outgoing::new(subject.to_owned(), message.to_string().into_bytes().into());
        publish::one(&world.nats, &message, None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_customer_is_gone_and_may_order_again() {
    let world = World::start().await;
    let ana = json!({"id": "c", "name": "Ana Secret", "email": "ana@example.org", "phone": "+33612345678"});
    let at = "2026-01-01T00:00:00Z";
    world.place("1", at, &ana).await;
    world.place("2", at, &ana).await;
    let mut other = ana.clone();
    other["language"] = "fr".into();
    assert_eq!(world.place("2", at, &other).await.status, 409);
    let dead = json!({"partner": "US1", "order_id": "3", "customer": ana, "colour": 1});
    let dead =
        Outgoing::new("errors.dead.order-ingest".into(), dead.to_string().into_bytes().into());
    publish::one(&world.nats, &dead, None).await.unwrap();
    put_messages(&world).await;
    world.card("c", |card| card["name"] == "Ana Secret").await;

    let erased = world.customers.post("/customers/US1/c/erase", &json!(null)).await;
    assert_eq!(erased.status, 200, "{erased:?}");
    let counts: Vec<_> =
        erased.body["erased"].as_array().unwrap().iter().map(|it| &it["count"]).collect();
    assert_eq!(counts, [&json!(1), &json!(2), &json!(2), &json!(0), &json!(1)], "{erased:?}");
    assert!(
        erased.body["stays"][0]["until"].as_str().unwrap().starts_with("90 days"),
        "{erased:?}"
    );
    assert_eq!(world.customers.get("/customers/US1/c").await.status, 404);
    let everything = async || {
        let mut all = Vec::new();
        for stream in [
            "KV_PERSONS",
            "KV_CUSTOMER_CARDS",
            "KV_REQUESTS",
            "KV_FOLD_CHECKPOINTS",
            streams::CUSTOMERS,
            streams::ERRORS,
            streams::ORDERS,
            streams::OUTBOX,
        ] {
            all.extend(world.texts(stream, ">").await);
        }
        all
    };
    for text in everything().await {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let left = world.texts(streams::OUTBOX, ">").await;
    assert!(left.len() == 2 && left[0].contains("notifier.mail.d2"), "{left:?}");
    // A redelivered order brings no data back, also after a restart.
    let second = world.customers().await;
    assert_eq!(world.place("1", at, &ana).await.status, 200);
    assert_eq!(world.said().await.len(), 0);
    assert_eq!(world.place("x", at, &json!({"id": "other", "name": "Other"})).await.status, 201);
    world.card("other", |_| true).await;
    assert_eq!(second.get("/customers/US1/c").await.status, 404);
    let again = world.customers.post("/customers/US1/c/erase", &json!(null)).await;
    let counts: Vec<_> =
        again.body["erased"].as_array().unwrap().iter().map(|it| &it["count"]).collect();
    assert_eq!(counts, [&json!(0); 5], "{again:?}");
    // A new order is a new beginning.
    let late = json!({"id": "c", "name": "Ana", "email": "ana@example.org"});
    assert_eq!(world.place("4", "2026-02-01T00:00:00Z", &late).await.status, 201);
    let card = world.card("c", |card| card["name"] == "Ana").await;
    assert_eq!(card.get("phone"), None, "{card}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_message_can_be_deleted_that_is_said() {
    let world = World::start().await;
    // As 0.1.0 made it.
    let js = &world.nats.js;
    let mut old = js.get_stream(streams::ERRORS).await.unwrap().cached_info().config.clone();
    old.deny_delete = true;
    js.delete_stream(streams::ERRORS).await.unwrap();
    js.create_stream(old).await.unwrap();
    let dead = json!({"data": {"partner": "US1", "order_id": "3", "customer": "c"}});
    let dead =
        Outgoing::new("errors.dead.order-ingest".into(), dead.to_string().into_bytes().into());
    publish::one(&world.nats, &dead, None).await.unwrap();
    let erased = world.customers.post("/customers/US1/c/erase", &json!(null)).await;
    let stays = &erased.body["stays"][0];
    assert_eq!((erased.status, &stays["place"]), (200, &json!("ERRORS")), "{erased:?}");
    assert!(stays["why"].as_str().unwrap().contains("1 are about the customer"), "{erased:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_found_by_every_spelling_and_only_those_of_the_partner() {
    let world = World::start().await;
    let ana = json!({"id": "Ana@Example.org", "name": "Ana"});
    assert_eq!(world.place("1", "2026-01-01T00:00:00Z", &ana).await.status, 201);
    let said = world.said().await.remove(0);
    let id = said.split('.').nth(4).unwrap();
    assert!(id.starts_with("p-"), "{said}");
    let letter = async |headers: &[(&'static str, &'static str)], payload: &str| {
        let subject = "errors.dead.order-ingest".to_owned();
        let letter = Outgoing::new(subject, payload.to_owned().into_bytes().into());
        let letter =
            headers.iter().fold(letter, |letter, (name, value)| letter.header(name, value));
        publish::one(&world.nats, &letter, None).await.unwrap();
    };
    let order = r#"{"customer": "ana@EXAMPLE.org", "n": "#;
    letter(&[("ce-partner", "US1")], &format!("{order}1}}")).await;
    letter(&[("Orderflow-Sender", "US1")], &format!("{order}2}}")).await;
    letter(&[], &format!(r#"{order}3, "partner": "US1"}}"#)).await;
    // What stays: another partner's, what names two, and what cannot be searched.
    letter(&[("ce-partner", "US2")], &format!("{order}4}}")).await;
    letter(&[], &format!("{order}5}}")).await;
    letter(&[("ce-partner", "US1")], &format!(r#"{order}6, "partner": "US2"}}"#)).await;
    letter(&[("ce-partner", "US1")], "<customer>ana@example.org</customer>").await;
    let erased = world.customers.post(&format!("/customers/US1/{id}/erase"), &json!(null)).await;
    assert_eq!(erased.body["erased"][2]["count"], 3, "{erased:?}");
    let left = world.texts(streams::ERRORS, "errors.dead.>").await;
    let numbers: Vec<_> =
        ["4}", "5}", "6,", "<customer>"].map(|end| left.iter().any(|it| it.contains(end))).into();
    assert_eq!((left.len(), numbers), (4, vec![true; 4]), "{left:?}");
    let stays = erased.body["stays"].as_array().unwrap();
    let whys: Vec<_> = stays.iter().map(|stays| stays["why"].as_str().unwrap()).collect();
    assert!(whys[0].starts_with("1 name this customer's id"), "{whys:?}");
    assert!(whys[1].starts_with("1 are not JSON"), "{whys:?}");
    assert!(stays.iter().any(|stays| stays["place"] == "ORDERS and JOURNAL"), "{stays:?}");
    // The number itself finds what was left without an entry.
    let erased =
        world.customers.post("/customers/DIRECT/ana@example.org/erase", &json!(null)).await;
    assert_eq!(erased.body["erased"][2]["count"], 1, "{erased:?}");
    let erased = world.customers.post("/customers/US1/c/erase", &json!(null)).await;
    let stays = erased.body["stays"].as_array().unwrap();
    assert!(!stays.iter().any(|stays| stays["place"] == "ORDERS and JOURNAL"), "{stays:?}");
}
