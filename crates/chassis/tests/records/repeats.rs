//! Requests that come again under their idempotency key.

use crate::support::{Answered, Shop, World, told};
use serde_json::{Value, json};

async fn keyed(shop: Shop, method: &str, path: &str, key: &str, body: &Value) -> Answered {
    shop.send(method, path, &[("idempotency-key", key)], body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_a_key_is_done_once_whichever_replica_it_comes_to() {
    let world = World::start(2).await;
    let [one, other] = [world.shops[0], world.shops[1]];
    let tea = json!({"name": "Tea"});
    let made = keyed(one, "POST", "/products", "k1", &tea).await;
    assert_eq!((made.status, made.headers.get("idempotent-replayed")), (201, None), "{made:?}");
    let again = keyed(other, "POST", "/products", "k1", &tea).await;
    assert_eq!((again.status, &again.body), (201, &made.body), "{again:?}");
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["location"], made.headers["location"]);

    let path = format!("/products/{}", made.body["id"].as_str().unwrap());
    let dear = json!({"cents": 9});
    assert_eq!(keyed(one, "PATCH", &path, "k2", &dear).await.status, 200);
    // More changes than a record remembers.
    for cents in 10..25 {
        assert_eq!(one.send("PATCH", &path, &[], json!({"cents": cents})).await.status, 200);
    }
    let again = keyed(other, "PATCH", &path, "k2", &dear).await;
    assert_eq!((again.status, &again.body["cents"]), (200, &json!(24)), "as it is now: {again:?}");
    assert_eq!(keyed(one, "DELETE", &path, "k3", &json!({})).await.status, 204);
    assert_eq!(keyed(other, "DELETE", &path, "k3", &json!({})).await.status, 204);
    let again = keyed(other, "PATCH", &path, "k2", &dear).await;
    assert_eq!(again.status, 404);
    assert!(again.body["detail"].as_str().unwrap().contains("deleted since"), "{again:?}");
    assert_eq!(told(&world.nats, "analytics.products.>").await.len(), 1 + 1 + 15 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_its_request_and_to_who_sent_it() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let card = |email: &str| json!({"partner": "US1", "email": email});
    assert_eq!(keyed(shop, "POST", "/cards", "k", &card("a")).await.status, 201);
    for (method, path, body) in [
        ("POST", "/cards", card("b")),
        ("PATCH", "/cards/US1/x", card("a")),
        ("DELETE", "/cards/US1/x", json!({})),
    ] {
        let used = keyed(shop, method, path, "k", &body).await;
        assert_eq!(used.status, 422, "{method} {used:?}");
        assert_eq!(used.body["errors"][0]["field"], "Idempotency-Key");
    }
    // Blanks and the order of fields are nothing.
    let same = "{ \"email\": \"a\",  \"partner\": \"US1\" }";
    let same = shop.send("POST", "/cards", &[("idempotency-key", "k")], same).await;
    assert_eq!(same.status, 201, "{same:?}");
    let others = keyed(shop.with("us1"), "POST", "/cards", "k", &card("b")).await;
    assert_eq!(others.status, 201, "{others:?}");
    for wrong in ["", &"k".repeat(256)] {
        assert_eq!(keyed(shop, "POST", "/cards", wrong, &card("c")).await.status, 400, "{wrong}");
    }
    assert_eq!(told(&world.nats, "analytics.cards.>").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_twice_at_once_is_done_once() {
    let world = World::start(2).await;
    for round in 0..10 {
        let body = json!({"name": format!("Tea {round}")});
        let key = format!("k{round}");
        let [one, other] = [0, 1].map(|n: usize| {
            let (shop, body, key) = (world.shops[n], body.clone(), key.clone());
            tokio::spawn(async move { keyed(shop, "POST", "/products", &key, &body).await })
        });
        let (one, other) = (one.await.unwrap(), other.await.unwrap());
        assert_eq!((one.status, other.status), (201, 201), "{one:?} {other:?}");
        assert_eq!(one.body, other.body);
    }
    assert_eq!(told(&world.nats, "analytics.products.>").await.len(), 10);
}
