//! What people do with products, and what they may not.

use crate::support::{World, function, send};
use serde_json::{Value, json};

fn tea() -> Value {
    json!({"id": "P 1", "name": "Tea", "price": "2.50", "currency": "EUR", "category": "grocery"})
}

/// `tea` with another value of a field.
fn with(field: &str, value: Value) -> Value {
    let mut product = tea();
    product[field] = value;
    product
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_made_looked_at_changed_and_deleted() {
    let world = World::start().await;
    let made = world.post(&tea()).await;
    assert_eq!((made.status, made.header("location")), (201, "products/P%201"), "{made:?}");
    assert_eq!(made.body["active"], true);

    let found = world.get("/products/P%201").await;
    assert_eq!((found.status, found.header("etag")), (200, made.header("etag")));
    assert_eq!(found.body["price"], "2.50");
    let known = [("if-none-match", found.header("etag"))];
    assert_eq!(
        send(&world.router, "read", ("GET", "/products/P%201"), &known, &Value::Null).await.status,
        304
    );

    let change = json!({"price": 2.75, "low_stock": 5});
    let changed = world.send("PATCH", "/products/P%201", &known_as(&made), &change).await;
    assert_eq!((changed.status, &changed.body["price"]), (200, &json!("2.75")), "{changed:?}");
    let old = world.send("PUT", "/products/P%201", &known_as(&made), &tea()).await;
    assert_eq!(old.status, 412, "{old:?}");
    assert_eq!(world.send("PUT", "/products/P%201", &[], &tea()).await.status, 428);
    let replaced = world.send("PUT", "/products/P%201", &known_as(&changed), &tea()).await;
    assert_eq!((replaced.status, &replaced.body["low_stock"]), (200, &Value::Null));

    assert_eq!(world.send("DELETE", "/products/P%201", &[], &Value::Null).await.status, 204);
    assert_eq!(world.get("/products/P%201").await.status, 404);
    assert_eq!(world.get("/products").await.body["products"], json!([]));

    let told = world.told().await;
    let changes: Vec<_> =
        told.iter().map(|event| event["data"]["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["created", "changed", "changed", "deleted"]);
    for event in &told {
        assert_eq!(event["at"], "products.changed.P=201");
        assert_eq!(event["type"], "orderflow.product.changed.v1");
        assert_eq!(event["data"]["by"], "api-token-admin");
    }
    assert_eq!(told[1]["data"]["fields"], json!(["low_stock", "price"]));
    assert_eq!(told[1]["data"]["value"]["price"], "2.75");
}

fn known_as(answered: &crate::support::Answered) -> [(&str, &str); 1] {
    [("if-match", answered.header("etag"))]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_refused_by_its_field() {
    let world = World::start().await;
    for (product, expected) in [
        (with("price", json!("-1")), "price: is -1.00; it may not be below zero"),
        (with("price", json!("1,50")), "price: is not a decimal number"),
        (with("price", json!(1e10)), "price: is larger than 1000000000"),
        (with("currency", json!("XYZ")), "currency: is \"XYZ\", no code of ISO 4217 such as EUR"),
        (
            with("name", json!("x".repeat(300))),
            "name: has 300 characters; 1 to 200 are allowed, not only blanks",
        ),
        (with("name", json!("a\u{202e}b")), "name: contains the control character '\\u{202e}'"),
        (with("id", json!("P\u{200b}1")), "id: has characters that cannot be seen"),
        (with("id", json!("x".repeat(129))), "id: has 129 bytes, the limit is 128"),
        (with("colour", json!("red")), "colour: unknown field `colour`"),
        (with("low_stock", json!(-1)), "low_stock: invalid value: integer `-1`"),
    ] {
        let refused = world.post(&product).await;
        let errors = refused.errors();
        assert_eq!((refused.status, errors.len()), (422, 1), "{refused:?}");
        assert!(errors[0].starts_with(expected), "{errors:?}, expected {expected}");
    }
    assert!(world.told().await.is_empty());
    let arabic = with("name", json!("شاي أخضر \u{200f}(12)"));
    assert_eq!(world.post(&arabic).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_look_may_not_change() {
    let world = World::start().await;
    let made = send(&world.router, "read", ("POST", "/products"), &[], &tea()).await;
    assert_eq!(made.status, 403, "{made:?}");
    let nobody = send(&world.router, "", ("GET", "/products"), &[], &Value::Null).await;
    assert_eq!(nobody.status, 401, "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_who_make_the_same_id_at_once_one_does() {
    let world = World::start().await;
    let second = function(world.server.url_of(inventory::NAME)).await;
    let writers = (0..10).map(|writer| {
        let router = if writer % 2 == 0 { world.router.clone() } else { second.clone() };
        let product = with("name", json!(format!("Tea of {writer}")));
        tokio::spawn(
            async move { send(&router, "admin", ("POST", "/products"), &[], &product).await },
        )
    });
    let mut statuses = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        statuses.push(writer.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(world.told().await.len(), 1);
}
