//! Cards that people edit.

use crate::support::World;
use messaging::streams;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_belongs_to_one_customer_of_a_partner() {
    let world = World::start().await;
    let second = world.customers().await;
    let card = |partner: &str, id: &str| json!({"partner": partner, "id": id, "name": "x", "email": "one@example.org"});
    let (first, other) = tokio::join!(
        async { world.customers.post("/customers", &card("US1", "a")).await },
        async { second.post("/customers", &card("US1", "b")).await },
    );
    let mut both = [first.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [201, 409], "{first:?} {other:?}");
    assert_eq!(second.post("/customers", &card("US2", "a")).await.status, 201);
    let refused = if first.status == 409 { first } else { other };
    assert_eq!(refused.body["errors"][0]["field"], "email", "{refused:?}");
    assert!(!refused.body.to_string().contains("one@example.org"));
    // Said of both on purpose.
    let mut shared = card("US1", "c");
    shared["email_shared"] = true.into();
    assert_eq!(second.post("/customers", &shared).await.status, 201);
    // No subject has the address.
    let subjects = world.texts("KV_CUSTOMER_CARDS", "$KV.CUSTOMER_CARDS.claim.>").await;
    assert_eq!(subjects.len(), 2);
    let events = world.texts(streams::CUSTOMERS, ">").await;
    for text in subjects.iter().chain(&events) {
        assert!(!text.contains("example"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_an_old_revision_changes_nothing() {
    let world = World::start().await;
    let shop = &world.customers;
    let long = "é".repeat(300);
    let rtl = "שרה לוי";
    let made = shop.post("/customers", &json!({"partner": "US1", "name": long})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().unwrap().to_owned();
    let path = format!("/customers/US1/{id}");
    let put = json!({"name": rtl, "phone": "+33 6 12 34 56 78", "opt_outs": ["sms"]});
    let matching = format!("if-match: {}\r\n", made.etag());
    let changed = shop.send("PUT", &path, ("admin", &matching), &put).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let stale = shop.send("PUT", &path, ("admin", &matching), &put).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    assert_eq!(shop.get(&path).await.body["name"], rtl);
    for (field, body) in [
        ("name", json!({"partner": "US1", "name": format!("{long}x")})),
        ("phone", json!({"partner": "US1", "phone": "0612345678"})),
        (
            "billing.country",
            json!({"partner": "US1",
            "billing": {"lines": ["x"], "city": "y", "country": "France"}}),
        ),
        ("id", json!({"partner": "US1", "id": "ana@example.org"})),
        ("email_shared", json!({"partner": "US1", "email_shared": true})),
        ("colour", json!({"partner": "US1", "colour": "red"})),
    ] {
        let wrong = shop.post("/customers", &body).await;
        assert_eq!(wrong.status, 422, "{wrong:?}");
        assert_eq!(wrong.body["errors"][0]["field"], field, "{wrong:?}");
    }
    let found = shop.get("/search?phone=0612345678&partner=US1").await;
    assert_eq!(found.body["customers"][0]["name"], rtl, "{found:?}");
    for (query, status) in [("", 400), ("?phone=123", 400), ("?name=nobody", 200)] {
        assert_eq!(shop.get(&format!("/search{query}")).await.status, status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_sees_and_changes_its_own() {
    let world = World::start().await;
    let shop = &world.customers;
    for partner in ["US1", "US2"] {
        let card = json!({"partner": partner, "id": "c", "name": "Same Name"});
        assert_eq!(shop.post("/customers", &card).await.status, 201);
    }
    let as_us1 = async |method: &str, path: &str| shop.send(method, path, ("us1", ""), "").await;
    let found = as_us1("GET", "/search?name=same").await;
    assert_eq!(found.body["customers"].as_array().unwrap().len(), 1, "{found:?}");
    assert_eq!(found.body["customers"][0]["partner"], "US1");
    for (method, path) in [
        ("GET", "/customers/US2/c"),
        ("GET", "/search?name=same&partner=US2"),
        ("GET", "/customers/US2/c/orders"),
        ("POST", "/customers/US2/c/erase"),
    ] {
        assert_eq!(as_us1(method, path).await.status, 403, "{method} {path}");
    }
    assert_eq!(as_us1("GET", "/customers/US1/c/orders").await.status, 200);
    let read = shop.send("POST", "/customers/US1/c/erase", ("read", ""), "").await;
    assert_eq!(read.status, 403, "{read:?}");
    assert_eq!(as_us1("POST", "/customers/US1/c/erase").await.status, 200);
    assert_eq!(shop.get("/customers/US1/c").await.status, 404);
    assert_eq!(shop.get("/customers/US2/c").await.status, 200);
}
