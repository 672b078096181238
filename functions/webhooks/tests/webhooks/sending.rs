//! What endpoints get, and what becomes of each message.

use crate::support::{World, confirmed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Is the message signed with this secret? By the specification, and not by the function's own code.
fn is_signed(posted: &crate::endpoint::Posted, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let header = |name: &str| posted.headers[name].clone();
    let text = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), posted.body);
    let signatures = header("webhook-signature");
    signatures.split(' ').any(|signature| {
        let tag = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        ring::hmac::verify(&key, text.as_bytes(), &tag).is_ok()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_gets_what_it_subscribed_to_signed_and_once() {
    let world = World::start().await;
    let served = world.webhooks().await;
    served.subscribe("shop", &world.endpoint.url("/shop"), &["order.confirmed"]).await;
    served.subscribe("stock", &world.endpoint.url("/stock"), &["stock.low"]).await;
    let all = json!({"partner": "*", "id": "all", "url": world.endpoint.url("/all")});
    assert_eq!(served.ask("POST", "/subscriptions", "admin", all).await.status, 201);
    let secret = served.ask("GET", "/subscriptions/US1/shop/secret", "admin", Value::Null).await;
    let secret = secret.body["secret"].as_str().unwrap().to_owned();
    let events = [confirmed("A1"), confirmed("A2")];
    served.bring(&events).await;
    served.bring(&events).await;
    let posted = world.endpoint.until("/shop", 2).await;
    world.endpoint.until("/all", 2).await;
    for posted in &posted {
        assert!(is_signed(posted, &secret), "{posted:?}");
        let body: Value = serde_json::from_str(&posted.body).unwrap();
        assert_eq!(body["type"], "order.confirmed");
        assert_eq!(body["data"]["partner"], "US1");
        assert!(!posted.headers["webhook-id"].contains('.'));
    }
    assert_ne!(posted[0].headers["webhook-id"], posted[1].headers["webhook-id"]);
    served.delivery("shop", &["sent"]).await;
    served.bring(&events).await;
    assert_eq!(world.endpoint.posted("/shop").len(), 2);
    assert_eq!(world.endpoint.posted("/stock").len(), 0);
    let until = Instant::now() + Duration::from_secs(30);
    while world.told("webhooks.delivered.>").await.len() < 4 {
        assert!(Instant::now() < until, "four deliveries are told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_signs_beside_the_old_one_until_that_ends() {
    let world = World::start().await;
    let served = world.webhooks().await;
    served.subscribe("shop", &world.endpoint.url("/shop"), &[]).await;
    let ask =
        async || served.ask("GET", "/subscriptions/US1/shop/secret", "admin", Value::Null).await;
    let old = ask().await.body["secret"].as_str().unwrap().to_owned();
    let rotate = json!({"secret_version": 2, "old_secret_until": "2999-01-01T00:00:00Z"});
    assert_eq!(served.ask("PATCH", "/subscriptions/US1/shop", "admin", rotate).await.status, 200);
    let both = ask().await.body;
    assert_eq!(both["old_secret"], old.as_str());
    served.bring(&[confirmed("A1")]).await;
    let posted = world.endpoint.until("/shop", 1).await;
    assert!(is_signed(&posted[0], &old) && is_signed(&posted[0], both["secret"].as_str().unwrap()));
    let end = json!({"old_secret_until": null});
    assert_eq!(served.ask("PATCH", "/subscriptions/US1/shop", "admin", end).await.status, 200);
    served.bring(&[confirmed("A2")]).await;
    let posted = world.endpoint.until("/shop", 2).await;
    assert!(!is_signed(&posted[1], &old));
    // Nothing that is kept or answered otherwise has a secret in it.
    let shown = served.ask("GET", "/subscriptions/US1/shop", "admin", Value::Null).await;
    assert!(!shown.body.to_string().contains("whsec_"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_answers_decides_what_follows() {
    let world = World::start().await;
    let served = world.webhooks().await;
    for path in ["gone", "moved", "busy", "hangs", "fine"] {
        served.subscribe(path, &world.endpoint.url(&format!("/{path}")), &[]).await;
    }
    served.bring(&[confirmed("A1")]).await;
    // One that hangs slows nobody.
    assert_eq!(served.delivery("fine", &["sent"]).await["attempts"], 1);
    let gone = served.delivery("gone", &["failed"]).await;
    assert!(gone["answer"].as_str().unwrap().starts_with("410"), "{gone}");
    let subscription = served.ask("GET", "/subscriptions/US1/gone", "read", Value::Null).await.body;
    assert_eq!(subscription["active"], false, "410 ends it: {subscription}");
    assert!(subscription["disabled"].as_str().unwrap().contains("410"), "{subscription}");
    let moved = served.delivery("moved", &["waiting"]).await;
    assert!(moved["answer"].as_str().unwrap().contains("redirects are not followed"), "{moved}");
    assert_eq!(world.endpoint.posted("/latest").len(), 0);
    let busy = served.delivery("busy", &["waiting", "sent"]).await;
    assert!(1 <= busy["attempts"].as_u64().unwrap(), "{busy}");
    world.endpoint.until("/busy", 2).await;
    let told = world.told("webhooks.changed.>").await;
    let disabled = told.iter().find(|event| event["data"]["value"]["active"] == false).unwrap();
    assert_eq!(disabled["data"]["by"], "webhooks");
    assert!(!told.iter().any(|event| event.to_string().contains("127.0.0.1")), "no URL is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_endpoint_gets_what_came_meanwhile_and_a_removed_one_nothing() {
    let world = World::start().await;
    let served = world.webhooks().await;
    served.subscribe("shop", &world.endpoint.url("/shop"), &[]).await;
    let pause = |active: bool| {
        served.ask("PATCH", "/subscriptions/US1/shop", "admin", json!({"active": active}))
    };
    assert_eq!(pause(false).await.status, 200);
    served.bring(&[confirmed("A1")]).await;
    let waits = served.delivery("shop", &["waiting"]).await;
    assert_eq!(waits["answer"], "the subscription is paused");
    assert_eq!(world.endpoint.posted("/shop").len(), 0);
    assert_eq!(pause(true).await.status, 200);
    // Without waiting for the clock.
    let again = json!({"id": waits["id"]});
    let path = "/subscriptions/US1/shop/deliveries/again";
    assert_eq!(served.ask("POST", path, "admin", again).await.status, 200);
    world.endpoint.until("/shop", 1).await;
    let removed = served.ask("DELETE", "/subscriptions/US1/shop", "admin", Value::Null).await;
    assert_eq!(removed.status, 204);
    // One that is not known yet to be removed is looked at again before it is called.
    served.bring(&[confirmed("A2")]).await;
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let listed = served.ask("GET", "/deliveries?state=sending", "read", Value::Null).await;
        let waiting = served.ask("GET", "/deliveries?state=waiting", "read", Value::Null).await;
        if listed.body["deliveries"] == json!([]) && waiting.body["deliveries"] == json!([]) {
            break;
        }
        assert!(Instant::now() < until, "{listed:?} {waiting:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.endpoint.posted("/shop").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_one_endpoint_are_listed_page_by_page_and_no_other_lane_is_reached() {
    let world = World::start().await;
    let served = world.webhooks().await;
    for id in ["shop", "other"] {
        served.subscribe(id, &world.endpoint.url(&format!("/{id}")), &[]).await;
    }
    let events: Vec<Value> = (0..5).map(|n| confirmed(&format!("A{n}"))).collect();
    served.bring(&events).await;
    world.endpoint.until("/shop", 5).await;
    world.endpoint.until("/other", 5).await;
    let (mut ids, mut after) = (std::collections::BTreeSet::new(), String::new());
    let until = Instant::now() + Duration::from_secs(30);
    while ids.len() < 5 {
        let path = format!("/subscriptions/US1/shop/deliveries?state=sent&limit=2{after}");
        let page = served.ask("GET", &path, "us1", Value::Null).await.body;
        let listed = page["deliveries"].as_array().unwrap();
        assert!(listed.len() <= 2 && listed.iter().all(|one| one["lane"] == "US1/shop"), "{page}");
        ids.extend(listed.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        after = page["next"].as_u64().map(|next| format!("&cursor={next}")).unwrap_or_default();
        assert!(Instant::now() < until, "{} of 5", ids.len());
    }
    let path = "/subscriptions/US1/shop/deliveries?lane=US1/other";
    assert_eq!(served.ask("GET", path, "us1", Value::Null).await.status, 400);
    let path = "/subscriptions/US1/shop/deliveries/again";
    let lane = json!({"lane": "US1/other", "since": "2026-01-01T00:00:00Z"});
    assert_eq!(served.ask("POST", path, "us1", lane).await.status, 400);
    for id in ["nonsense", "webhooks.US1=2Fother.x.y.-"] {
        let foreign = served.ask("POST", path, "us1", json!({"id": id})).await;
        assert_eq!(foreign.status, 404, "{foreign:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_is_posted_at_once_and_an_address_that_may_not_be_called_says_the_setting() {
    let world = World::start().await;
    let served = world.webhooks().await;
    served.subscribe("shop", &world.endpoint.url("/shop"), &[]).await;
    let tested = served.ask("POST", "/subscriptions/US1/shop/test", "admin", Value::Null).await;
    assert_eq!(tested.body["outcome"], "sent", "{tested:?}");
    assert!(world.endpoint.posted("/shop")[0].body.contains("webhook.test"));
    let metadata = format!("http://169.254.169.254:{}/latest", world.endpoint.port);
    served.subscribe("inside", &metadata, &[]).await;
    let tested = served.ask("POST", "/subscriptions/US1/inside/test", "admin", Value::Null).await;
    let answer = tested.body["answer"].as_str().unwrap();
    assert!(answer.contains("ORDERFLOW_OUTGOING_NETWORKS"), "{answer}");
    for (field, value) in [
        ("url", json!("ftp://x.example")),
        ("id", json!("a/b")),
        ("partner", json!("no partner!")),
        ("types", json!(["order.eaten"])),
    ] {
        let mut body = json!({"partner": "US1", "id": "x", "url": "https://x.example"});
        body[field] = value;
        let refused = served.ask("POST", "/subscriptions", "admin", body).await;
        assert_eq!(refused.status, 422, "{field}: {refused:?}");
        assert!(refused.body.to_string().contains(field), "{field}: {refused:?}");
    }
}
