//! What each route does, and what it says of a request that is wrong.

use crate::support::{World, api, told};
use chassis::openapi;
use messaging::Nats;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_made_looked_at_changed_and_deleted() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let made = shop.post("/products", &json!({"id": "P:1", "name": "Tea", "cents": 5})).await;
    assert_eq!((made.status, &*made.headers["location"]), (201, "products/P%3A1"), "{made:?}");
    let first = made.etag().to_owned();
    let looked = shop.get("/products/P%3A1").await;
    assert_eq!((looked.status, looked.etag()), (200, &*first));
    let revision: u64 = first.trim_matches('"').parse().unwrap();
    let expected = json!({"id": "P:1", "name": "Tea", "cents": 5, "revision": revision});
    assert_eq!((&looked.body, &made.body), (&expected, &expected));
    let known = shop.send("GET", "/products/P%3A1", &[("if-none-match", &first)], "").await;
    assert_eq!((known.status, &known.body), (304, &json!(null)));

    // What was answered may be sent back.
    let mut green = looked.body.clone();
    green["name"] = "Green tea".into();
    let put = shop.send("PUT", "/products/P%3A1", &[("if-match", &first)], &green).await;
    assert_eq!((put.status, &put.body["name"]), (200, &json!("Green tea")), "{put:?}");
    let patch = json!({"tags": {"a": "1", "b": "2"}});
    let patched = shop.send("PATCH", "/products/P%3A1", &[], patch).await;
    assert_eq!((patched.status, &patched.body["tags"]["b"]), (200, &json!("2")), "{patched:?}");
    let patch = json!({"tags": {"a": null}, "cents": 6});
    let kind = ("content-type", "application/merge-patch+json");
    let at = ("if-match", patched.etag());
    let patched = shop.send("PATCH", "/products/P%3A1", &[at, kind], patch).await;
    assert_eq!(patched.body["tags"], json!({"b": "2"}));
    assert_eq!((&patched.body["name"], &patched.body["cents"]), (&json!("Green tea"), &json!(6)));

    let gone = shop.send("DELETE", "/products/P%3A1", &[("if-match", patched.etag())], "").await;
    assert_eq!(gone.status, 204);
    assert_eq!(shop.get("/products/P%3A1").await.status, 404);
    let told = told(&world.nats, "analytics.products.>").await;
    let changes: Vec<_> = told.iter().map(|it| (&it["change"], &it["by"])).collect();
    let by = json!("api-token-admin");
    let of = |change: &str| json!(change);
    let expected = [of("created"), of("changed"), of("changed"), of("changed"), of("deleted")];
    assert_eq!(changes, expected.iter().map(|change| (change, &by)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_change_undoes_what_its_sender_has_not_seen() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let first = shop.post("/products", &json!({"id": "1", "name": "Tea"})).await;
    let tea = json!({"name": "Tea", "cents": 1});
    let put =
        async |conditions: &[(&str, &str)]| shop.send("PUT", "/products/1", conditions, &tea).await;
    let without = put(&[]).await;
    assert_eq!(without.status, 428, "{without:?}");
    assert!(without.body["detail"].as_str().unwrap().contains("If-Match: *"), "{without:?}");
    let second = put(&[("if-match", first.etag())]).await;
    assert_eq!(second.status, 200, "{second:?}");
    for (method, body) in
        [("PUT", tea.to_string()), ("PATCH", "{}".into()), ("DELETE", String::new())]
    {
        let stale = shop.send(method, "/products/1", &[("if-match", first.etag())], body).await;
        assert_eq!(stale.status, 412, "{method} {stale:?}");
        assert_eq!(stale.body["revision"], second.body["revision"]);
    }
    assert_eq!(put(&[("if-match", &format!("W/{}", second.etag()))]).await.status, 412);
    assert_eq!(put(&[("if-match", "7")]).await.status, 400);
    assert_eq!(put(&[("if-match", "*")]).await.status, 200);
    assert_eq!(put(&[("if-none-match", "*")]).await.status, 409);
    assert_eq!(shop.send("DELETE", "/products/1", &[], "").await.status, 204);
    assert_eq!(put(&[("if-match", second.etag())]).await.status, 412, "it was deleted");
    for (method, conditions) in
        [("PUT", vec![("if-match", "*")]), ("PATCH", vec![]), ("DELETE", vec![])]
    {
        let missing = shop.send(method, "/products/1", &conditions, &tea).await;
        assert_eq!(missing.status, 404, "{method} {missing:?}");
    }
    let made = put(&[("if-none-match", "*")]).await;
    assert_eq!((made.status, &*made.headers["location"]), (201, "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_a_problem_that_names_the_field() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    assert_eq!(shop.post("/products", &json!({"id": "1", "name": "Tea"})).await.status, 201);
    let wrong = [
        (json!({"id": "2", "name": " "}), 422, "name"),
        (json!({"id": "2", "name": "x", "cents": 1_000_000}), 422, "cents"),
        (json!({"id": "2", "name": "x", "cents": "many"}), 422, "cents"),
        (json!({"id": "2", "name": "x", "tags": {"a": 1}}), 422, "tags.a"),
        (json!({"id": "2", "name": "x", "colour": 1}), 422, "colour"),
        (json!({"id": "2", "name": "TEA"}), 409, "name"),
    ];
    for (body, status, field) in wrong {
        let answered = shop.post("/products", &body).await;
        assert_eq!(answered.status, status, "{answered:?}");
        assert_eq!(answered.body["errors"][0]["field"], field, "{answered:?}");
        assert_eq!(answered.headers["content-type"], "application/problem+json");
    }
    let there = shop.post("/products", &json!({"id": "1", "name": "Milk"})).await;
    assert_eq!((there.status, there.body["revision"].is_u64()), (409, true), "{there:?}");
    let other = json!({"id": "2", "name": "Tea"});
    let other = shop.send("PUT", "/products/1", &[("if-match", "*")], other).await;
    assert_eq!((other.status, &other.body["errors"][0]["field"]), (422, &json!("id")), "{other:?}");
    let other = shop.send("PATCH", "/products/1", &[], json!({"id": "2"})).await;
    assert_eq!((other.status, &other.body["errors"][0]["field"]), (422, &json!("id")), "{other:?}");
    for body in ["", "[]", "1", "{"] {
        assert_eq!(shop.send("POST", "/products", &[], body).await.status, 422, "{body}");
    }
    let patch = ("content-type", "application/json-patch+json");
    assert_eq!(shop.send("PATCH", "/products/1", &[patch], "[]").await.status, 415);
    for query in ["limit=0", "limit=1001", "limit=x", "partner=US1", "colour=1"] {
        let answered = shop.get(&format!("/products?{query}")).await;
        assert_eq!(answered.status, 400, "{query} {answered:?}");
    }
    assert_eq!(shop.get(&format!("/products/{}", "x".repeat(300))).await.status, 400);
    for (token, method, status) in [("read", "POST", 403), ("read", "GET", 200), ("x", "GET", 401)]
    {
        let body = json!({"id": "3", "name": "Cake"});
        let answered = shop.with(token).send(method, "/products", &[], body).await;
        assert_eq!(answered.status, status, "{token} {method} {answered:?}");
    }
    assert_eq!(told(&world.nats, "analytics.products.>").await.len(), 1);
}

#[test]
fn the_documents_have_every_route_with_its_role_and_scope() {
    let functions = [("shop", api::<Nats>().operations())];
    let roles = openapi::roles(&functions);
    for line in [
        "| `GET /function/shop/products` | products:read | api-token-read or api-token-admin | none |",
        "| `PATCH /function/shop/products/{id}` | products | api-token-admin | none |",
        "| `DELETE /function/shop/cards/{partner}/{id}` | customers | api-token-admin or \
         api-token-partner-PARTNER | its own |",
    ] {
        assert!(roles.contains(line), "{line} is not in\n{roles}");
    }
    assert_eq!(roles.lines().count(), 2 + 12);
    let document = openapi::document(&functions);
    let one = &document["paths"]["/function/shop/cards/{partner}/{id}"];
    let names = |method: &str| {
        let parameters = one[method]["parameters"].as_array().unwrap();
        parameters.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("get"), ["partner", "id", "If-None-Match"]);
    let expected = ["partner", "id", "If-Match", "If-None-Match", "Idempotency-Key"];
    assert_eq!(names("put"), expected);
    let list = &document["paths"]["/function/shop/cards"]["get"]["parameters"];
    assert_eq!((&list[0]["name"], &list[1]["name"]), (&json!("partner"), &json!("limit")));
    let taken = &one["put"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(taken, "#/components/schemas/Card");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_hal_records_have_links() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let hal = [("accept", "text/html, application/hal+json")];
    for id in ["a", "b", "c"] {
        let card = json!({"partner": "US1", "id": id, "email": format!("{id}@x")});
        let made = shop.send("POST", "/cards", &hal, &card).await;
        assert_eq!(made.body["_links"]["self"]["href"], format!("cards/US1/{id}"), "{made:?}");
        assert_eq!(made.headers["content-type"], "application/hal+json");
    }
    let one = shop.send("GET", "/cards/US1/a", &hal, "").await;
    assert_eq!(one.body["_links"]["self"]["href"], "a", "{one:?}");
    let page = shop.send("GET", "/cards?partner=US1&size=2", &hal, "").await.body;
    assert_eq!(page["_embedded"]["cards"][1]["_links"]["self"]["href"], "cards/US1/b");
    // How many there are is known of records in memory only.
    assert_eq!(page["page"], json!({"size": 2}));
    let next = format!("/{}", page["_links"]["next"]["href"].as_str().unwrap());
    let page = shop.send("GET", &next, &hal, "").await.body;
    assert_eq!(page["_embedded"]["cards"][0]["id"], "c");
    assert_eq!(page["_links"]["next"], Value::Null);
    assert_eq!(shop.send("GET", "/cards?page=1", &hal, "").await.status, 400);
    assert_eq!(shop.get("/cards?size=1").await.status, 400);
}
