//! What can be wrong with a command is named by its field, and nothing moves.

use crate::support::World;
use serde_json::{Value, json};

#[tokio::test]
async fn each_bad_command_is_refused_with_its_field() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 10}})).await;
    let many: serde_json::Map<_, _> = (0..2_001).map(|n| (n.to_string(), json!(1))).collect();
    let long = "x".repeat(501);
    let of = |products: Value| json!({"products": products, "reason": "r"});
    let going =
        |from: &str, to: &str, n: i64| json!({"from": from, "to": to, "products": {"A": n}});
    for (path, body, field) in [
        ("/stock/restock", json!({"products": {}}), "products"),
        ("/stock/restock", json!({"products": many}), "products"),
        ("/stock/restock", json!({"products": {"A": 0}}), "products.A"),
        ("/stock/restock", json!({"products": {"A": -1}}), "products.A"),
        ("/stock/restock", json!({"products": {"A": 1_000_000_000_001_i64}}), "products.A"),
        ("/stock/restock", json!({"products": {"A": 1.5}}), "products.A"),
        ("/stock/restock", json!({"products": {"A": 1}, "reference": " "}), "reference"),
        ("/stock/restock", json!({"products": {"A": 1}, "reference": "a\u{7}"}), "reference"),
        ("/stock/restock", json!({"products": {"A": 1}, "colour": 1}), "colour"),
        ("/stock/adjust", json!({"products": {"A": 1}}), ""),
        ("/stock/adjust", json!({"products": {"A": 1}, "reason": ""}), "reason"),
        ("/stock/adjust", json!({"products": {"A": 1}, "reason": long}), "reason"),
        ("/stock/adjust", of(json!({"A": 0})), "products.A"),
        ("/stock/adjust", of(json!({"A": -1_000_000_000_001_i64})), "products.A"),
        ("/stock/count", of(json!({"A": 5})), "products.A"),
        ("/stock/count", of(json!({"A": {"available": 5}})), "products.A"),
        ("/stock/count", of(json!({"A": {"available": -1, "expected": 10}})), "products.A"),
        ("/stock/transfer", going("main", "main", 1), "to"),
        ("/stock/transfer", going("main", "west", 0), "products.A"),
        ("/stock/transfer", going("main", "we.st", 1), "to"),
        ("/stock/transfer/finish", json!({"from": "main", "to": "west"}), ""),
    ] {
        let (status, problem) = world.ask(path, "k", body.clone()).await;
        assert_eq!(status, 422, "{path} {problem}");
        let found = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!(found, field, "{path} {problem}");
    }
    for path in ["/stock", "/stock/restock", "/stock/adjust", "/stock/count", "/stock/transfer"] {
        assert_eq!(world.ask(path, "", json!({})).await.0, 400, "{path} without a key");
    }
    for (from, to) in [("nowhere", "main"), ("main", "nowhere")] {
        let (status, problem) = world.ask("/stock/transfer", "k", going(from, to, 1)).await;
        assert_eq!(status, 404, "{problem}");
    }
    let finish = json!({"from": "main", "to": "west", "number": 1});
    assert_eq!(world.ask("/stock/transfer/finish", "", finish).await.0, 404);
    assert_eq!(world.available("main", "A").await, 10);
}
