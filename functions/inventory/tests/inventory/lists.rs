//! Lists of products, page by page, by what they are, and in HAL.

use crate::support::{World, send};
use serde_json::{Value, json};

impl World {
    /// With five products, one of which is not sold any more.
    async fn with_five() -> Self {
        let world = Self::start().await;
        for (id, name, category, active) in [
            ("P1", "Green tea", "grocery", true),
            ("P2", "Black tea", "grocery", false),
            ("P3", "Teapot", "kitchen", true),
            ("P4", "Mug", "kitchen", true),
            ("P 5", "شاي أخضر", "grocery", true),
        ] {
            let product = json!({"id": id, "name": name, "price": "1.00", "currency": "EUR",
                "category": category, "active": active});
            assert_eq!(world.post(&product).await.status, 201);
        }
        world
    }

    async fn ids(&self, query: &str) -> (Vec<String>, Option<String>) {
        let listed = self.get(&format!("/products{query}")).await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let products = listed.body["products"].as_array().unwrap().iter();
        let ids = products.map(|product| product["id"].as_str().unwrap().to_owned()).collect();
        (ids, listed.body["next"].as_str().map(str::to_owned))
    }

    async fn hal(&self, path: &str) -> Value {
        let accept = [("accept", "application/hal+json, application/json;q=0.5")];
        let answered = send(&self.router, "read", ("GET", path), &accept, &Value::Null).await;
        assert_eq!(
            (answered.status, answered.header("content-type")),
            (200, "application/hal+json")
        );
        answered.body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_cut_by_name_category_and_whether_it_is_sold() {
    let world = World::with_five().await;
    for (query, expected) in [
        ("", vec!["P1", "P2", "P3", "P4", "P 5"]),
        ("?name=TEA", vec!["P1", "P2", "P3"]),
        ("?name=tea&category=grocery", vec!["P1", "P2"]),
        ("?name=tea&active=true", vec!["P1", "P3"]),
        ("?name=%D8%B4%D8%A7%D9%8A", vec!["P 5"]),
        ("?category=Kitchen", vec![]),
    ] {
        assert_eq!(
            world.ids(query).await,
            (expected.iter().map(|id| (*id).into()).collect(), None),
            "{query}"
        );
    }
    let (first, next) = world.ids("?category=grocery&limit=2").await;
    assert_eq!(first, ["P1", "P2"]);
    let query = format!("?category=grocery&limit=2&cursor={}", next.unwrap());
    assert_eq!(world.ids(&query).await, (vec!["P 5".to_owned()], None));
    for (query, expected) in [
        ("?active=maybe", "active: \"maybe\" is not true or false"),
        ("?colour=red", "colour is not known here; name, category, active, limit, cursor are"),
        ("?page=1", "page is not known here"),
        ("?limit=1001", "limit: \"1001\" is not a number from 1 to 1000"),
    ] {
        let refused = world.get(&format!("/products{query}")).await;
        let detail = refused.body["detail"].as_str().unwrap_or_default();
        assert!(refused.status == 400 && detail.starts_with(expected), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_before_a_list_is_in_it() {
    let world = World::with_five().await;
    for number in 0..10 {
        let change = json!({"name": format!("Mug {number}")});
        assert_eq!(world.send("PATCH", "/products/P4", &[], &change).await.status, 200);
        assert_eq!(world.ids(&format!("?name=mug%20{number}")).await.0, ["P4"]);
    }
    assert_eq!(world.send("DELETE", "/products/P4", &[], &Value::Null).await.status, 204);
    assert_eq!(world.ids("?name=mug").await.0, <[String; 0]>::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_hal_a_list_has_links_and_says_how_many_there_are() {
    let world = World::with_five().await;
    let one = world.hal("/products/P%205").await;
    assert_eq!(
        (&one["_links"], &one["price"]),
        (&json!({"self": {"href": "P%205"}}), &json!("1.00"))
    );

    let mut page = world.hal("/products?active=true&size=3").await;
    assert_eq!(page["page"], json!({"size": 3, "totalElements": 4, "totalPages": 2, "number": 0}));
    let first = &page["_embedded"]["products"][0];
    assert_eq!(first["_links"]["self"]["href"], "products/P1");
    assert_eq!(page["_links"]["self"]["href"], "products?active=true&size=3");
    // Clients resolve it against where the list is.
    let next = format!("/{}", page["_links"]["next"]["href"].as_str().unwrap());
    page = world.hal(&next).await;
    assert_eq!(page["_embedded"]["products"][0]["_links"]["self"]["href"], "products/P%205");
    assert_eq!(page["page"], json!({"size": 3, "totalElements": 4, "totalPages": 2, "number": 1}));
    assert_eq!(page["_links"]["next"], Value::Null);
    assert_eq!(
        world.hal("/products?active=true&size=3&page=1").await["_embedded"],
        page["_embedded"]
    );
    let beyond = world.hal("/products?size=3&page=7").await;
    assert_eq!(beyond["_embedded"]["products"], json!([]));
    assert_eq!(world.hal("/products?name=none").await["page"]["totalPages"], 0);

    let accept = [("accept", "application/hal+json")];
    let product = json!({"id": "P6", "name": "Cup", "price": 1, "currency": "EUR"});
    let made = world.send("POST", "/products", &accept, &product).await;
    assert_eq!((made.status, &made.body["_links"]["self"]["href"]), (201, &json!("products/P6")));
    let again = json!({"id": "P6", "name": "Cup", "price": 1, "currency": "EUR", "_links": {}});
    assert_eq!(
        world.send("PUT", "/products/P6", &[("if-match", "*")], &again).await.status,
        200,
        "what was answered can be sent"
    );
}
