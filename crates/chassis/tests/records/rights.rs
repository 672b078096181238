//! What a function with records has to be allowed at NATS: docs/CONTRIBUTING.md says it. The server of all these
//! tests refuses everything else, and a refusal fails the test.

use crate::support::{World, told};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn records_need_what_the_page_says() {
    let world = World::start(1).await;
    let (nats, shop) = (&world.nats, world.shops[0]);
    let key = [("idempotency-key", "k")];
    let made = shop.send("POST", "/products", &key, json!({"id": "1", "name": "Tea"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    // Another name: the claim of the first one is removed.
    let patched = shop.send("PATCH", "/products/1", &[], json!({"name": "Milk"})).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    let again = shop.post("/products", &json!({"id": "2", "name": "Tea"})).await;
    assert_eq!(again.status, 201, "{again:?}");
    let listed = shop.get("/products").await;
    assert_eq!(listed.body["products"].as_array().map(Vec::len), Some(2), "{listed:?}");
    assert_eq!(shop.send("DELETE", "/products/1", &[], "").await.status, 204);
    let deadline = Instant::now() + Duration::from_secs(30);
    while told(nats, "analytics.products.>").await.len() != 4 {
        assert!(Instant::now() < deadline, "its events");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
