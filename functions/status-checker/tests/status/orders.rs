//! What is said about orders.

use crate::{World, record, sha};
use domain::{OrderId, PartnerId, WarehouseId};
use intake::ledger::{Outcome, State};
use messaging::publish::{self, Outgoing};
use messaging::subject::{self, Stage};
use messaging::{header, tail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

impl World {
    /// Stores what a function would say of an order.
    pub(crate) async fn say(&self, stage: Stage, order: &str, attempt: u32, reason: Option<&str>) {
        let (partner, id) = order.split_once('/').unwrap();
        let subject = subject::order(
            stage,
            &WarehouseId::main(),
            &PartnerId::parse(partner).unwrap(),
            &OrderId::parse(id).unwrap(),
        );
        let refusal =
            reason.map(|reason| json!({"reason": reason, "product": "A", "available": 3}));
        let event = json!({"data": {"order_id": id, "total": "9.50", "refusal": refusal}});
        let mut message = Outgoing::new(subject, event.to_string().into())
            .header(header::ATTEMPT, &attempt.to_string())
            .header(header::DECISION_SEQUENCE, "1")
            .header(header::KIND, if id.starts_with('R') { "return" } else { "sale" })
            .header(header::FILE, &sha("f"))
            .header(header::TOTAL, "9.50");
        if let Some(reason) = reason {
            message = message.header(header::REASON, reason);
        }
        publish::one(&self.client, &message, None).await.unwrap();
    }

    /// Is there a checkpoint of orders that ends at `sequence` or behind it?
    async fn has_checkpoints(&self, sequence: u64) -> bool {
        let mut ends = Vec::new();
        let heads = "$KV.FOLD_CHECKPOINTS.status-checker.orders.>";
        tail::read(&self.client, "KV_FOLD_CHECKPOINTS", heads, 1, false, |message| {
            if message.subject.ends_with(".head") {
                let head: Value = serde_json::from_slice(&message.payload).unwrap();
                ends.push(head["current"]["at"][0]["sequence"].as_u64().unwrap());
            }
        })
        .await
        .unwrap();
        ends.iter().any(|end| sequence <= *end)
    }

    async fn ids(&self, path: &str) -> Vec<String> {
        let body = self.status(path).await;
        let orders = body["orders"].as_array().unwrap().iter();
        orders.map(|order| order["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// Orders of each kind.
async fn world() -> World {
    use Stage::{Confirmed, Placed, Refused};
    let world = World::start(&[]).await;
    for (order, said) in [
        ("US1/1", &[(Placed, 1, None), (Confirmed, 1, None)][..]),
        ("US1/2", &[(Placed, 1, None), (Refused, 1, Some("insufficient_stock"))]),
        ("US2/1", &[(Placed, 1, None), (Refused, 1, Some("unknown_product"))]),
        ("US2/ü.1 b", &[(Placed, 1, None)]),
        (
            "US1/3",
            &[
                (Placed, 1, None),
                (Confirmed, 1, None),
                (Placed, 2, None),
                (Refused, 2, Some("cancelled")),
            ],
        ),
        (
            "US1/R4",
            &[
                (Placed, 1, None),
                (Confirmed, 1, None),
                (Placed, 2, None),
                (Confirmed, 2, Some("insufficient_stock")),
            ],
        ),
    ] {
        for (stage, attempt, reason) in said {
            world.say(*stage, order, *attempt, *reason).await;
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_answered_in_words_of_people() {
    let world = world().await;
    for (path, status, attempt, words) in [
        ("US1/1", "confirmed", 1, "its stock is reserved"),
        ("US1/2", "out_of_stock", 1, "less is in stock than was ordered"),
        ("US2/1", "refused", 1, "no stock was ever set for one of its products"),
        ("US2/%C3%BC%2E1%20b", "pending", 1, "not decided yet"),
        ("US1/3", "cancelled", 2, "its stock was moved back"),
        ("US1/R4", "confirmed", 2, "it could not be cancelled"),
    ] {
        let order = world.status(&format!("/orders/{path}")).await;
        assert_eq!((&order["status"], &order["attempt"]), (&json!(status), &json!(attempt)));
        assert!(order["explanation"].as_str().unwrap().contains(words), "{order}");
        assert_eq!(order["links"]["self"], json!(format!("/orders/{path}")));
        // It is the one that the list shows.
        let all = world.status("/orders").await;
        let listed = all["orders"].as_array().unwrap().iter().find(|it| it["id"] == order["id"]);
        let listed = listed.unwrap();
        for field in
            ["status", "words", "attempt", "reason", "return", "file", "warehouse", "changed_at"]
        {
            assert_eq!(listed[field], order[field], "{field} of {path}");
        }
    }
    assert_eq!(world.status("/orders/US1/R4").await["words"], "returned");
    assert_eq!(world.ids("/orders?status=returned").await, ["US1/R4"]);
    assert_eq!(world.ids("/orders?status=confirmed").await, ["US1/R4", "US1/1"]);
    let refused = world.status("/orders/US1/2").await;
    assert_eq!(refused["words"], "out of stock");
    assert_eq!(
        (&refused["refusal"]["available"], &refused["order"]["total"]),
        (&json!(3), &json!("9.50"))
    );
    let file = format!("/?depots=false&partner=US1&file={}", sha("f"));
    assert_eq!(refused["links"]["file"], file);
    let (status, body) = world.get("/orders/US1/9", "read").await;
    assert_eq!(status, 404, "{body}");
    assert!(body["detail"].as_str().unwrap().starts_with("there is no order US1/9: "), "{body}");
    assert_eq!(world.get("/orders/US1/1?warehouse=west", "read").await.0, 404);
    assert_eq!(world.get("/orders/a.b/1", "read").await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_newest_first_page_by_page() {
    let world = world().await;
    let all = ["US1/R4", "US1/3", "US2/ü.1 b", "US2/1", "US1/2", "US1/1"];
    assert_eq!(world.ids("/orders").await, all);
    let (mut found, mut cursor) = (Vec::new(), Value::from(0));
    for page in [2, 2, 2] {
        let body = world.status(&format!("/orders?limit=2&cursor={cursor}")).await;
        let orders = body["orders"].as_array().unwrap();
        assert_eq!(orders.len(), page);
        found.extend(orders.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        cursor = body["next"].clone();
    }
    assert_eq!((found, cursor), (all.map(ToOwned::to_owned).to_vec(), Value::Null));
    for (query, expected) in [
        ("partner=US1", &["US1/R4", "US1/3", "US1/2", "US1/1"][..]),
        ("status=confirmed", &["US1/R4", "US1/1"]),
        ("status=out_of_stock", &["US1/2"]),
        ("status=cancelled&partner=US1", &["US1/3"]),
        ("status=cancelled&partner=US2", &[]),
        ("partner=US9", &[]),
        ("since=1h&limit=1", &["US1/R4"]),
        ("since=2100-01-01T00:00:00Z", &[]),
    ] {
        assert_eq!(world.ids(&format!("/orders?{query}")).await, expected, "{query}");
    }
    for (query, words) in [
        ("limit=0", "limit: \\\"0\\\" is not a number from 1 to 5000"),
        ("limit=huge", "limit: \\\"huge\\\" is not a number from 1 to 5000"),
        ("cursor=-1", "cursor: \\\"-1\\\" is not the `next` of a page"),
        ("status=lost", "there are pending, confirmed, out_of_stock"),
        ("since=yesterday", "how long ago, such as 2h"),
        ("wait=2h", "more than 60s"),
        ("statu=lost", "unknown field"),
    ] {
        let (status, body) = world.get(&format!("/orders?{query}"), "read").await;
        assert_eq!(status, 400, "{body}");
        assert!(body.to_string().contains(words) || body.is_null(), "{query}: {body}");
    }
    assert_eq!(world.get("/orders", "guess").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_counted_by_partner_and_by_file() {
    let world = world().await;
    world.write_down(record("a1", "US1", State::Done, Some(Outcome::Accepted))).await;
    let file = intake::ledger::Record {
        sha256: Some(sha("f")),
        ..record("a2", "US1", State::Done, Some(Outcome::Accepted))
    };
    world.write_down(file).await;
    let counts = world.status("/counts").await;
    let all = json!({"placed": 6, "pending": 1, "confirmed": 2, "out_of_stock": 1, "refused": 1,
        "cancelled": 1, "returns": 1, "sales": 5});
    assert_eq!(counts["orders"], all);
    assert_eq!(counts["partners"]["US2"]["placed"], 2);
    let of_one = world.status("/counts?partner=US1").await;
    assert_eq!(
        (&of_one["orders"], of_one["partners"].as_object().unwrap().len()),
        (&of_one["partners"]["US1"], 1)
    );
    let files = of_one["files"].as_array().unwrap();
    let placed: Vec<_> =
        files.iter().map(|file| (&file["arrival"], &file["orders"]["placed"])).collect();
    assert_eq!(placed, [(&json!("a1"), &json!(0)), (&json!("a2"), &json!(4))]);
    let link = world.status("/orders/US1/2").await["links"]["file"].as_str().unwrap().to_owned();
    let found = world.status(&link).await;
    assert_eq!(found["files"].as_array().unwrap().len(), 1);
    let file = &found["files"][0];
    assert_eq!(
        (&file["arrival"], &file["refused"], &file["out_of_stock"], &file["cancelled"]),
        (&json!("a2"), &json!(2), &json!(1), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_hears_of_the_decision_as_soon_as_it_is_there() {
    let world = World::start(&[]).await;
    let began = Instant::now();
    assert_eq!(world.get("/orders/US1/1?wait=100ms", "read").await.0, 404);
    assert!(Duration::from_millis(100) <= began.elapsed());
    world.say(Stage::Placed, "US1/1", 1, None).await;
    assert_eq!(world.status("/orders/US1/1?wait=50ms").await["status"], "pending");
    let decide = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.say(Stage::Confirmed, "US1/1", 1, None).await;
    };
    let (order, ()) = tokio::join!(world.status("/orders/US1/1?wait=60s"), decide);
    assert_eq!(order["status"], "confirmed");
    assert!(began.elapsed() < Duration::from_secs(40));
    // A list holds what was stored before it was asked for.
    for number in 2..40 {
        world.say(Stage::Placed, &format!("US1/{number}"), 1, None).await;
        assert_eq!(world.ids("/orders?limit=1").await, [format!("US1/{number}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_orders_leave_lists_where_there_are_too_many_and_are_still_answered() {
    let world = World::start_with(&[], &[("ORDERFLOW_STATUS_ORDERS_MAX", "320")]).await;
    for number in 0..1_000 {
        world.say(Stage::Placed, &format!("US1/{number}"), 1, None).await;
    }
    let body = world.status("/orders?limit=1000").await;
    let orders = body["orders"].as_array().unwrap();
    assert!((150..=400).contains(&orders.len()), "{}", orders.len());
    // What is listed has no holes.
    for (number, order) in (0..1_000).rev().zip(orders) {
        assert_eq!(order["id"], format!("US1/{number}"));
    }
    assert!(body["older"].as_str().unwrap().contains("ORDERFLOW_STATUS_ORDERS_MAX"), "{body}");
    assert_eq!(world.status("/orders/US1/0").await["status"], "pending");
    let first = world.status("/orders?limit=1").await;
    assert_eq!((&first["older"], first["next"].is_u64()), (&Value::Null, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_says_the_same() {
    let world = world().await;
    let all = world.status("/orders").await;
    let other = world.again().await;
    assert_eq!(other.status("/orders").await, all);
    assert_eq!(other.status("/counts").await, world.status("/counts").await);
}

#[tokio::test]
async fn what_a_limit_left_out_comes_back_when_it_is_raised() {
    let few = [("ORDERFLOW_STATUS_ORDERS_MAX", "32")];
    let world = World::start_with(&[], &few).await;
    for number in 0..200 {
        world.say(Stage::Placed, &format!("US1/{number}"), 1, None).await;
    }
    let page = world.status("/orders?limit=1000&wait=10s").await;
    assert!(page["orders"].as_array().unwrap().len() < 100 && page["older"].is_string(), "{page}");
    // Until there are checkpoints of what is held.
    let until = Instant::now() + Duration::from_secs(30);
    while !world.has_checkpoints(200).await {
        assert!(Instant::now() < until, "no checkpoints are written");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let more = world.again_with(&[("ORDERFLOW_STATUS_ORDERS_MAX", "1000")]).await;
    let page = more.status("/orders?limit=1000&wait=10s").await;
    assert_eq!(page["orders"].as_array().unwrap().len(), 200);
    assert!(page["older"].is_null(), "{}", page["older"]);
    // The one with the smaller limit goes on as before.
    let page = world.status("/orders?limit=1000&wait=10s").await;
    assert!(page["older"].is_string(), "{page}");
}
