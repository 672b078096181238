//! Setting stock by hand.

use crate::decisions::{chain, one};
use crate::support::{World, build, send};
use axum::body::Body;
use axum::http::{Request, header};
use messaging::streams;
use serde_json::json;

#[tokio::test]
async fn stock_is_set_once_per_key() {
    let world = World::start().await;
    let command = |n: i64| json!({"available": {"P001": n, "new one": 7}});
    let (status, body) = world.set(Some("k1"), command(5)).await;
    assert_eq!((status, &body["applied"], &body["products"]), (200, &json!(true), &json!(2)));
    assert_eq!(world.decide(0, &chain(2, [one("1", "P001", 2)])).await, 2);
    let (status, body) = world.set(Some("k1"), command(5)).await;
    assert_eq!((status, &body["applied"]), (200, &json!(false)));
    assert_eq!(world.available("P001").await, 3);
    // A process that has just started knows the key as well.
    let world = World { router: build(&world.server).await, ..world };
    assert_eq!(world.set(Some("k1"), command(5)).await.1["applied"], false);
    assert_eq!(world.set(Some("k1"), command(9)).await.0, 422);
    assert_eq!(world.set(Some("k2"), command(9)).await.1["applied"], true);
    assert_eq!((world.available("P001").await, world.available("new one").await), (9, 7));
    let changed = world.messages(streams::INVENTORY, "inventory.>").await;
    let data: Vec<_> = changed.iter().skip(1).map(|message| message.json["data"].clone()).collect();
    let set = |p001: i64| json!({"warehouse": "main", "set": {"P001": p001, "new one": 7}});
    assert_eq!(data, [set(5), json!({"warehouse": "main", "moved": {"P001": -2}}), set(9)]);
    // What was decided so far stays so.
    assert_eq!(world.decide(2, &[]).await, 2);
}

#[tokio::test]
async fn stock_that_cannot_be_set_is_named() {
    let world = World::start().await;
    let good = json!({"available": {"P001": 1}});
    for key in [None, Some(""), Some(&*"k".repeat(256))] {
        assert_eq!(world.set(key, &good).await.0, 400, "{key:?}");
    }
    let too_many: serde_json::Map<_, _> = (0..2_001).map(|n| (n.to_string(), json!(1))).collect();
    for (body, field) in [
        (json!({"available": {"P001": -1, "P002": 1}}), "available.P001"),
        (json!({"available": {"P001": 1_000_000_000_001_i64}}), "available.P001"),
        (json!({"available": {}}), "available"),
        (json!({"available": too_many}), "available"),
    ] {
        let (status, body) = world.set(Some("k"), body).await;
        assert_eq!((status, &body["errors"][0]["field"]), (422, &json!(field)), "{body}");
    }
    for body in ["", "{}", r#"{"available":{"P001":1.5}}"#, r#"{"available":{"P001":1},"x":1}"#] {
        assert_eq!(world.set(Some("k"), body).await.0, 422, "{body}");
    }
    assert_eq!(world.available("P001").await, 50);
    assert_eq!(
        world.get("/stock?product=P002").await.1["products"],
        json!({"P002": {"available": 20, "known": true}})
    );
    assert_eq!(world.get("/stock?product=nix").await.0, 404);
    assert_eq!(world.get("/stock?warehouse=a.b").await.0, 400);
    let many: serde_json::Map<_, _> =
        (0..2_000).map(|n| (format!("{n:0>128}"), json!(1))).collect();
    let (status, body) = world.set(Some("k"), json!({"available": many})).await;
    assert_eq!((status, &body["products"]), (200, &json!(2_000)), "{body}");
}

#[tokio::test]
async fn a_key_belongs_to_the_command_it_came_with() {
    let world = World::start().await;
    let set = |n: i64| json!({"available": {"P001": n, "P002": 7}});
    let (status, body) = world.set(Some("k"), set(5)).await;
    assert_eq!((status, &body["applied"]), (200, &json!(true)), "{body}");
    // The same in other words.
    let same = r#"{"warehouse": "main",   "available": {"P002": 7, "P001": 5}}"#;
    let (status, body) = world.set(Some("k"), same).await;
    assert_eq!((status, &body["applied"]), (200, &json!(false)), "{body}");
    let (status, body) = world.set(Some("k"), set(6)).await;
    assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("Idempotency-Key")), "{body}");
    let skip = Request::post("/journal/skip")
        .header(header::AUTHORIZATION, "Bearer admin")
        .header("idempotency-key", "k");
    let skip = skip.body(Body::from(json!({"sequence": 1, "reason": "r"}).to_string())).unwrap();
    assert_eq!(send(&world.router, skip).await.0, 422);
    assert_eq!(world.available("P001").await, 5);
    assert_eq!(world.set(Some("k2"), set(6)).await.1["applied"], true);
    assert_eq!(world.available("P001").await, 6);
}
