//! Restock, adjust, count: done once, seen in the journal, the facts and the stock.

use crate::support::World;
use messaging::{Event, inventory::Changed, streams, tail};
use serde_json::{Value, json};

/// The data of all movements of `main` behind the first.
async fn changed<S>(world: &World<S>, warehouse: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let each = |message: &async_nats::jetstream::Message| {
        let event: Event<Changed> = serde_json::from_slice(&message.payload).unwrap();
        found.push(serde_json::to_value(event.data.unwrap()).unwrap());
    };
    let filter = format!("inventory.changed.{warehouse}.>");
    tail::read(&world.nats, streams::INVENTORY, &filter, 1, false, each).await.unwrap();
    found
}

#[tokio::test]
async fn each_command_is_done_once_and_says_what_is_there() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 10, "B": 5}})).await;
    let restock = json!({"products": {"A": 5, "C": 7}, "reference": "delivery 12"});
    let done = world.does("/stock/restock", "k1", restock.clone()).await;
    assert_eq!(done["available"], json!({"A": 15, "C": 7}));
    let adjust = json!({"products": {"A": -3, "B": 1}, "reason": "broken, found"});
    assert_eq!(
        world.does("/stock/adjust", "k2", adjust).await["available"],
        json!({"A": 12, "B": 6})
    );
    let count = json!({"products": {"A": {"available": 11, "expected": 12},
        "D": {"available": 4, "expected": 0}}, "reason": "yearly"});
    assert_eq!(
        world.does("/stock/count", "k3", count).await["available"],
        json!({"A": 11, "D": 4})
    );
    // The same again does nothing, at another process as well.
    world.inventory.kill().await;
    let (status, again) = world.ask("/stock/restock", "k1", restock).await;
    assert_eq!((status, &again["applied"]), (200, &json!(false)), "{again}");
    assert_eq!(again["available"], json!({"A": 11, "C": 7}));
    assert_eq!(world.available("main", "C").await, 7);
    let by = "api-token-admin";
    assert_eq!(
        changed(&world, "main").await,
        [
            json!({"warehouse": "main", "set": {"A": 10, "B": 5}}),
            json!({"warehouse": "main", "moved": {"A": 5, "C": 7}, "by": by,
                "cause": {"kind": "restock", "reference": "delivery 12"}}),
            json!({"warehouse": "main", "moved": {"A": -3, "B": 1}, "by": by,
                "cause": {"kind": "adjustment", "reason": "broken, found"}}),
            json!({"warehouse": "main", "moved": {"A": -1, "D": 4}, "by": by,
                "cause": {"kind": "count", "reason": "yearly"}}),
        ]
    );
    world.check().await;
}

#[tokio::test]
async fn what_the_stock_does_not_allow_moves_nothing_and_names_each_product() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 10, "B": 5}})).await;
    for (path, body, field, reason) in [
        (
            "/stock/adjust",
            json!({"products": {"A": 1, "B": -6}, "reason": "r"}),
            "products.B",
            "5 available, 6 to be taken",
        ),
        (
            "/stock/adjust",
            json!({"products": {"A": 1, "N": 1}, "reason": "r"}),
            "products.N",
            "its stock was never set; restock it, or set it first",
        ),
        (
            "/stock/count",
            json!({"products": {"A": {"available": 1, "expected": 10},
                "B": {"available": 1, "expected": 6}}}),
            "products.B",
            "5 available, not 6: the stock has moved since; count it again",
        ),
        (
            "/stock/restock",
            json!({"products": {"A": 1_000_000_000_000_i64, "B": 1}}),
            "products.A",
            "10 available, 1000000000000 to be added; at most 1000000000000 are allowed",
        ),
    ] {
        let (status, problem) = world.ask(path, "k", body).await;
        assert_eq!(status, 409, "{problem}");
        assert_eq!(problem["errors"], json!([{"field": field, "reason": reason}]), "{path}");
    }
    assert_eq!((world.available("main", "A").await, world.available("main", "B").await), (10, 5));
    // A refusal uses up no key.
    world.does("/stock/restock", "k", json!({"products": {"A": 1}})).await;
    assert_eq!(changed(&world, "main").await.len(), 2);
}

#[tokio::test]
async fn a_key_belongs_to_one_command_at_both_functions() {
    let world = World::start().await;
    let set = json!({"available": {"A": 10}});
    world.does("/stock", "k", set.clone()).await;
    for (path, body) in [
        ("/stock", json!({"available": {"A": 11}})),
        ("/stock/restock", json!({"products": {"A": 1}})),
        ("/stock/adjust", json!({"products": {"A": 1}, "reason": "r"})),
        ("/stock/transfer", json!({"from": "main", "to": "west", "products": {"A": 1}})),
    ] {
        let (status, problem) = world.ask(path, "k", body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (422, &json!("Idempotency-Key")));
    }
    let alias = crate::support::command("/stock", "k", &set);
    let (status, body) = world.processor.send(alias).await.unwrap();
    assert_eq!((status, &body["applied"]), (200, &json!(false)), "{body}");
    assert_eq!(world.available("main", "A").await, 10);
}

#[tokio::test]
async fn stock_is_listed_page_by_page() {
    let world = World::start().await;
    let all: serde_json::Map<_, _> = (0..25).map(|n| (format!("P{n:02}"), json!(n))).collect();
    world.does("/stock", "set", json!({"available": all})).await;
    let (mut found, mut path) = (serde_json::Map::new(), "/stock?limit=10".to_owned());
    let mut sizes = Vec::new();
    loop {
        let (status, page) = world.get(&path).await;
        assert_eq!(status, 200, "{page}");
        let products = page["products"].as_object().unwrap();
        sizes.push(products.len());
        found.extend(products.iter().map(|(id, item)| (id.clone(), item["available"].clone())));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/stock?limit=10&after={next}");
    }
    assert_eq!((found, sizes), (all, vec![10, 10, 5]));
    assert_eq!(world.get("/stock?product=none").await.0, 404);
    assert_eq!(world.get("/stock?warehouse=nowhere").await.0, 404);
    for query in ["limit=0", "limit=10001", "limit=x", "warehouse=a.b"] {
        assert_eq!(world.get(&format!("/stock?{query}")).await.0, 400, "{query}");
    }
}
