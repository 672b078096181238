//! Orders that get another content.

use super::*;

const ID: &str = "a.1";

/// An order of P001 with what is said of a person, if anything.
fn order_of(quantity: i64, person: &Value) -> Value {
    let mut order = order(ID, quantity);
    order["customer"] = person.clone();
    order
}

impl Shop {
    /// `status state attempt` of the answer.
    async fn amend(&self, quantity: i64) -> String {
        self.post("/amend", json!({"order_id": ID, "order": order(ID, quantity)})).await
    }

    /// Field or detail of a refusal.
    async fn refused(&self, order: Value) -> (u16, String) {
        let body = json!({"order_id": ID, "order": order}).to_string();
        let (status, body) = send(&self.world.router, "/amend", "admin", body).await;
        let fields = body["errors"].as_array().cloned().unwrap_or_default();
        let fields = fields.iter().map(|error| format!("{}: {}", error["field"], error["reason"]));
        let fields = fields.collect::<Vec<_>>().join("; ");
        (status, format!("{} {fields}", body["detail"].as_str().unwrap_or_default()))
    }

    /// The answer to the order sent as anybody sends one: status and sequence.
    async fn sent(&self, order: Value) -> (u16, Value) {
        let (status, body) = send(&self.world.router, "/", "admin", order.to_string()).await;
        (status, body["sequence"].clone())
    }
}

#[tokio::test]
async fn a_confirmed_order_gets_another_content_in_one_decision() {
    let shop = Shop::start().await;
    assert_eq!(shop.place(ID, 40).await, 201);
    assert_eq!(shop.amend(45).await, "409 pending 1");
    assert_eq!(shop.amend(40).await, "200 pending 1", "it has this content");
    shop.decide().await;
    for (path, more, would) in [
        ("/amend", json!({"order": order(ID, 45)}), "200 amending 2"),
        ("/cancel", json!({}), "200 cancelling 2"),
    ] {
        let mut body = json!({"order_id": ID, "dry_run": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        for _ in 0..2 {
            assert_eq!(shop.post(path, body.clone()).await, would, "nothing was placed");
        }
    }
    let dry = json!({"order_id": ID, "dry_run": true, "order": order(ID, 40)});
    assert_eq!(shop.post("/amend", dry).await, "200 confirmed 1");
    // 50 are there, so that both together would not be.
    assert_eq!(shop.amend(45).await, "201 amending 2");
    assert_eq!(shop.amend(45).await, "200 amending 2");
    assert_eq!(shop.amend(46).await, "409 amending 2");
    for path in ["/cancel", "/retry"] {
        assert_eq!(shop.post(path, json!({"order_id": ID})).await, "409 amending 2", "{path}");
    }
    shop.decide().await;
    assert_eq!(shop.available().await, 5);
    assert_eq!(shop.amend(45).await, "200 confirmed 2");
    let named = json!({"order_id": ID, "order": order(ID, 45), "attempt": 1});
    assert_eq!(shop.post("/amend", named).await, "200 confirmed 2");
    let other = json!({"order_id": ID, "order": order(ID, 44), "attempt": 1});
    assert_eq!(shop.post("/amend", other).await, "409 confirmed 2");
    // More than there is: the old content stays in force.
    assert_eq!(shop.amend(51).await, "201 amending 3");
    shop.decide().await;
    assert_eq!(shop.available().await, 5);
    assert_eq!(shop.amend(45).await, "200 confirmed 2");
    // Back to the first content, and cancelled: all comes back.
    assert_eq!(shop.amend(40).await, "201 amending 3");
    shop.decide().await;
    assert_eq!(shop.post("/cancel", json!({"order_id": ID})).await, "201 cancelling 4");
    shop.decide().await;
    assert_eq!(shop.available().await, 50);
    // What is cancelled is tried again with another content.
    assert_eq!(shop.amend(40).await, "409 cancelled 4", "a retry does that");
    assert_eq!(shop.amend(7).await, "201 pending 5");
    shop.decide().await;
    let said = shop.said("orders.*.main.DIRECT.>").await;
    let expected = [
        "placed placed.v1 1",
        "confirmed confirmed.v1 1",
        "placed amending.v1 2",
        "confirmed confirmed.v1 2",
        "placed amending.v1 3",
        "confirmed kept.v1 2",
        "placed amending.v1 3",
        "confirmed confirmed.v1 3",
        "placed cancelling.v1 4",
        "refused refused.v1 4 cancelled",
        "placed placed.v1 5",
        "confirmed confirmed.v1 5",
    ];
    assert_eq!(said, expected);
    let summary = shop.history().await.summary;
    assert_eq!((summary.amended, summary.kept, summary.cancelled), (2, 1, 1));
}

#[tokio::test]
async fn each_content_that_an_order_had_is_a_duplicate_and_no_other() {
    let shop = Shop::start().await;
    assert_eq!(shop.place(ID, 1).await, 201);
    let first = shop.sent(order(ID, 1)).await.1;
    shop.decide().await;
    for quantity in [2, 3] {
        assert!(shop.amend(quantity).await.starts_with("201"));
        shop.decide().await;
    }
    let (status, third) = shop.sent(order(ID, 3)).await;
    assert_eq!((status, shop.sent(order(ID, 1)).await), (200, (200, first.clone())));
    let (status, second) = shop.sent(order(ID, 2)).await;
    assert!(status == 200 && first.as_u64() < second.as_u64() && second.as_u64() < third.as_u64());
    assert_eq!(shop.sent(order(ID, 4)).await.0, 409);
    // What was refused is not what the order is; a cancellation and a retry know all contents.
    assert_eq!(shop.amend(60).await, "201 amending 4");
    assert_eq!(shop.sent(order(ID, 60)).await.0, 200, "nobody knows yet");
    shop.decide().await;
    assert_eq!(shop.sent(order(ID, 60)).await.0, 409);
    for path in ["/cancel", "/retry"] {
        assert!(shop.post(path, json!({"order_id": ID})).await.starts_with("201"), "{path}");
        shop.decide().await;
        for (quantity, status) in [(1, 200), (2, 200), (3, 200), (4, 409), (60, 409)] {
            assert_eq!(shop.sent(order(ID, quantity)).await.0, status, "{path} {quantity}");
        }
    }
    shop.history().await;
}

#[tokio::test]
async fn a_refused_order_is_tried_again_with_another_content() {
    let shop = Shop::start().await;
    assert_eq!(shop.place(ID, 60).await, 201);
    shop.decide().await;
    assert_eq!(shop.amend(60).await, "409 refused 1");
    assert_eq!(shop.amend(20).await, "201 pending 2");
    assert_eq!(shop.amend(20).await, "200 pending 2");
    shop.decide().await;
    assert_eq!(shop.amend(20).await, "200 confirmed 2");
    assert_eq!(shop.available().await, 30);
    assert_eq!(shop.sent(order(ID, 60)).await.0, 200);
    shop.history().await;
}

#[tokio::test]
async fn what_is_said_of_the_person_is_kept_by_itself_and_stays_if_nothing_is_said() {
    let shop = Shop::start().await;
    let person = |city: &str| {
        let address = json!({"lines": ["1 rue"], "city": city, "country": "FR"});
        json!({"id": "c1", "name": "Ana", "delivery": address})
    };
    let amend = async |order: Value| {
        let answer = shop.post("/amend", json!({"order_id": ID, "order": order})).await;
        shop.decide().await;
        answer
    };
    assert_eq!(shop.sent(order_of(1, &person("Lyon"))).await.0, 201);
    shop.decide().await;
    assert_eq!(amend(order_of(1, &person("Lille"))).await, "201 amending 2");
    assert_eq!(amend(order_of(2, &json!({"id": "c1"}))).await, "201 amending 3");
    let placed = shop.world.messages(streams::ORDERS, "orders.placed.>").await;
    let digests: Vec<_> = placed.iter().map(|it| it.header("Orderflow-Person").unwrap()).collect();
    assert!(digests[0] != digests[1] && digests[1] == digests[2], "{digests:?}");
    let said = format!("$KV.PERSONS.order.DIRECT.c1.a=2E1.{}", digests[1]);
    let said = stored::last(&shop.world.nats, "KV_PERSONS", &said).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&said.payload).contains("Lille"));
    assert!(placed.iter().all(|it| !String::from_utf8_lossy(&it.payload).contains("rue")));
    // Each with its own person, or as it was amended.
    for (order, status) in [
        (order_of(1, &person("Lyon")), 200),
        (order_of(1, &person("Lille")), 200),
        (order_of(2, &json!({"id": "c1"})), 200),
        (order_of(1, &person("Paris")), 409),
    ] {
        assert_eq!(shop.sent(order.clone()).await.0, status, "{order}");
    }
}

#[tokio::test]
async fn what_cannot_be_amended_changes_nothing_and_says_why() {
    let shop = Shop::start().await;
    assert_eq!(shop.place(ID, 1).await, 201);
    assert_eq!(shop.place("back", -1).await, 201);
    shop.decide().await;
    for (order, expected) in [
        (order("other", 2), "\"order.order_id\": \"is other, but a.1 is amended\""),
        (order(ID, -2), "order.lines"),
        (json!({"order_id": ID, "product": "P001", "quantity": 0, "price": 1}), "order.quantity"),
        (order_of(2, &json!("c1")), "order.customer"),
        (
            json!({"order_id": ID, "product": "P001", "quantity": 2, "price": 1, "currency": "USD"}),
            "order.currency",
        ),
        (
            json!({"order_id": ID, "product": "P001", "quantity": 2, "price": 1, "partner": "US1"}),
            "order.partner",
        ),
    ] {
        let (status, said) = shop.refused(order.clone()).await;
        assert!(status == 422 && said.contains(expected), "{order}: {status} {said}");
    }
    let named = json!({"order_id": ID, "order": order(ID, 2), "attempt": 7}).to_string();
    let (status, body) = send(&shop.world.router, "/amend", "admin", named).await;
    let why = "order a.1 of DIRECT is confirmed (attempt 1): that is not its last attempt";
    assert_eq!((status, &body["detail"], &body["attempt"]), (409, &json!(why), &json!(1)));
    let of_return = json!({"order_id": "back", "order": order("back", 2)}).to_string();
    let (status, body) = send(&shop.world.router, "/amend", "admin", of_return).await;
    assert!(status == 422 && body.to_string().contains("a return is not amended"), "{body}");
    for (body, token, status) in [
        (json!({"order_id": "none", "order": order("none", 1)}), "admin", 404),
        (json!({"order_id": ID, "order": order(ID, 2), "attempt": 7}), "admin", 409),
        (json!({"order_id": ID}), "admin", 422),
        (json!({"order_id": ID, "order": order(ID, 2), "force": true}), "admin", 422),
        (json!({"order_id": ID, "order": order(ID, 2)}), "guess", 401),
        (json!({"order_id": ID, "order": order(ID, 2)}), "shop", 403),
    ] {
        let answer = send(&shop.world.router, "/amend", token, body.to_string()).await;
        assert_eq!(answer.0, status, "{body}: {}", answer.1);
    }
    assert_eq!(shop.said("orders.placed.>").await.len(), 2);
    // So often and no more.
    for quantity in 2..=17 {
        assert!(shop.amend(quantity).await.starts_with("201"), "{quantity}");
        shop.decide().await;
    }
    let (status, said) = shop.refused(order(ID, 20)).await;
    assert!(status == 409 && said.contains("was amended 16 times, the limit"), "{said}");
    shop.history().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_amendments_and_cancellations_at_once_one_wins() {
    let shop = Shop::start().await;
    assert_eq!(shop.place(ID, 10).await, 201);
    shop.decide().await;
    let amend = |quantity| json!({"order_id": ID, "order": order(ID, quantity)}).to_string();
    let mut calls = Vec::new();
    for number in 0..24 {
        let (path, body) = match number % 3 {
            0 => ("/cancel", json!({"order_id": ID}).to_string()),
            1 => ("/amend", amend(20)),
            _ => ("/amend", amend(30)),
        };
        let router = shop.world.router.clone();
        calls.push(tokio::spawn(async move { send(&router, path, "admin", body).await.0 }));
    }
    let mut answers = BTreeMap::new();
    for call in calls {
        *answers.entry(call.await.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(answers, BTreeMap::from([(200, 7), (201, 1), (409, 16)]));
    shop.decide().await;
    assert_eq!(shop.history().await.summary.placed, 2);
}

#[tokio::test]
async fn the_facts_of_an_amendment_are_published_by_whoever_comes_next() {
    let shop = Shop::start().await;
    assert_eq!(shop.place(ID, 10).await, 201);
    shop.decide().await;
    assert_eq!(shop.amend(20).await, "201 amending 2");
    shop.decide_and_die().await;
    assert_eq!(shop.amend(30).await, "409 amending 2", "decided, and not yet said");
    let shop = Shop { journal: stock::journal(&shop.world.nats, &WarehouseId::main()), ..shop };
    shop.decide().await;
    assert_eq!(shop.amend(20).await, "200 confirmed 2");
    assert_eq!(shop.available().await, 30);
    shop.history().await;
}
