//! Tokens that people make and revoke while functions run.

use crate::support::{Shop, World, told};
use chassis::tokens::Token;
use chassis::{Role, state::record};
use chrono::{DateTime, Utc};
use messaging::Nats;
use record::{Author, Records, When};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn author() -> Author {
    Author { by: "test".to_owned(), at: DateTime::UNIX_EPOCH, key: None }
}

/// Makes the token `name`, and returns it as its holder sends it.
async fn make(
    nats: &Nats,
    name: &str,
    random: u8,
    roles: &[Role],
    change: impl FnOnce(&mut Token),
) -> &'static str {
    let (text, mut token) = Token::made([random; 32], &roles.iter().copied().collect());
    change(&mut token);
    let records = Records::<Token>::new(nats.clone());
    records.create(&Token::key(name).unwrap(), token, &author()).await.unwrap();
    Box::leak(text.into_boxed_str())
}

/// Asks until the status is the expected one: functions look for new tokens twice a second.
async fn until(shop: Shop, path: &str, expected: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answered = shop.get(path).await;
        if answered.status == expected {
            return;
        }
        assert!(Instant::now() < deadline, "not {expected} within 30 s: {answered:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_its_roles_say_and_its_name_stands_in_the_trace() {
    let world = World::start(2).await;
    let roles = [Role::Customers, Role::ProductsRead];
    let text = make(&world.nats, "shop-lyon", 1, &roles, |_| {}).await;
    for shop in &world.shops {
        until(shop.with(text), "/products", 200).await;
    }
    let shop = world.shops[0].with(text);
    let card = json!({"partner": "US1", "id": "ann", "email": "ann@example.com"});
    assert_eq!(shop.post("/cards", &card).await.status, 201);
    // Who may change customers may read them too.
    assert_eq!(shop.get("/cards/US1/ann").await.status, 200);
    let refused = shop.post("/products", &json!({"id": "P1", "name": "Mug"})).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let said = "the token shop-lyon has the roles customers, customers:read, products:read; this needs products";
    assert_eq!(refused.body["detail"], said);
    assert_eq!(told(&world.nats, "analytics.cards.>").await[0]["by"], "token shop-lyon");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_unknown_to_every_replica_and_one_that_is_over_says_so() {
    let world = World::start(2).await;
    let text = make(&world.nats, "guest", 1, &[Role::ProductsRead], |_| {}).await;
    for shop in &world.shops {
        until(shop.with(text), "/products", 200).await;
    }
    let records = Records::<Token>::new(world.nats.clone());
    let key = Token::key("guest").unwrap();
    records.delete(&key, When::Present, &author()).await.unwrap();
    for shop in &world.shops {
        until(shop.with(text), "/products", 401).await;
    }
    // The same name, and another token.
    let ends = |token: &mut Token| token.expires = Some(DateTime::<Utc>::UNIX_EPOCH);
    let other = make(&world.nats, "guest", 2, &[Role::ProductsRead], ends).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answered = world.shops[0].with(other).get("/products").await;
        assert_eq!(answered.status, 401, "{answered:?}");
        let detail = answered.body["detail"].as_str().unwrap();
        if detail.contains("the token guest expired at 1970-01-01T00:00:00Z") {
            break;
        }
        assert!(Instant::now() < deadline, "not said within 30 s: {detail}");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.shops[0].with(text).get("/products").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_partner_is_kept_to_its_own() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let partner = |token: &mut Token| token.partner = Some("US1".parse().unwrap());
    let text = make(&world.nats, "us1-reader", 1, &[Role::Admin], partner).await;
    until(shop.with(text), "/cards", 200).await;
    let own = shop.with(text);
    let bob = json!({"partner": "US2", "id": "bob", "email": "bob@example.com"});
    assert_eq!(shop.post("/cards", &bob).await.status, 201);
    assert_eq!(own.post("/cards", &bob).await.status, 403);
    assert_eq!(own.get("/cards/US2/bob").await.status, 403);
    assert_eq!(own.get("/cards").await.body["cards"], json!([]));
    // Products belong to no partner: not even `admin` reaches them with a partner's token.
    let refused = own.get("/products").await;
    assert_eq!(refused.status, 403);
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("the token us1-reader is for partner US1 only"), "{detail}");
}
