//! A partner's token sees and changes what belongs to its partner, and nothing else.

use crate::support::{World, told};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_token_reaches_its_own_records_only() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let (us1, us2) = (shop.with("us1"), shop.with("us2"));
    // Whose it is need not be said, and its id may be made up for it.
    let ann = us1.post("/cards", &json!({"email": "ann@example.com"})).await;
    assert_eq!((ann.status, &ann.body["partner"]), (201, &json!("US1")), "{ann:?}");
    let path = format!("/cards/US1/{}", ann.body["id"].as_str().unwrap());
    assert_eq!(ann.headers["location"], path.trim_start_matches('/'));
    assert_eq!(us1.get(&path).await.status, 200);
    let bob = json!({"partner": "US2", "id": "bob", "email": "bob@example.com"});
    assert_eq!(us1.post("/cards", &bob).await.status, 403);
    assert_eq!(us2.post("/cards", &bob).await.status, 201);

    for (method, body) in [("GET", ""), ("PUT", "{}"), ("PATCH", "{}"), ("DELETE", "")] {
        for path in [&*path, "/cards/US1/nobody"] {
            let answered = us2.send(method, path, &[("if-match", "*")], body).await;
            assert_eq!(answered.status, 403, "{method} {path} {answered:?}");
        }
    }
    // That another partner has it is said, and not which record.
    let taken = us2.post("/cards", &json!({"id": "x", "email": "ann@example.com"})).await;
    assert_eq!(taken.status, 409, "{taken:?}");
    assert!(!taken.body.to_string().contains("US1"), "{taken:?}");

    let emails = |answered: &Value| {
        let cards = answered["cards"].as_array().unwrap().iter();
        cards.map(|card| card["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(emails(&us1.get("/cards").await.body), ["ann@example.com"]);
    assert_eq!(emails(&us2.get("/cards").await.body), ["bob@example.com"]);
    assert_eq!(emails(&us2.get("/cards?cursor=US1").await.body), ["bob@example.com"]);
    assert_eq!(us2.get("/cards?partner=US1").await.status, 403);
    assert_eq!(emails(&shop.get("/cards").await.body).len(), 2);
    assert_eq!(emails(&shop.get("/cards?partner=US1").await.body), ["ann@example.com"]);

    // Where nothing is of partners their tokens open nothing.
    for path in ["/products", "/products/1"] {
        assert_eq!(us1.get(path).await.status, 403, "{path}");
    }
    let told = told(&world.nats, "analytics.cards.>").await;
    let by: Vec<_> = told.iter().map(|change| change["by"].as_str().unwrap()).collect();
    assert_eq!(by, ["api-token-partner-US1", "api-token-partner-US2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_says_whose_a_record_is() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let nobodys = shop.post("/cards", &json!({"email": "x"})).await;
    assert_eq!(nobodys.status, 422, "{nobodys:?}");
    assert!(nobodys.body["detail"].as_str().unwrap().contains("partner"), "{nobodys:?}");
    let made = shop.post("/cards", &json!({"partner": "US1", "email": "x"})).await;
    assert_eq!(made.status, 201, "{made:?}");
}
