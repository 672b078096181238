//! A partner sees and repairs what is its own.

use crate::support::{World, confirmed};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_partners_token_reaches_its_own_subscriptions_only() {
    let world = World::start().await;
    let served = world.webhooks().await;
    let url = world.endpoint.url("/second");
    let own = json!({"id": "own", "url": url});
    let made = served.ask("POST", "/subscriptions", "us1", own).await;
    assert_eq!((made.status, &made.body["partner"]), (201, &json!("US1")), "{made:?}");
    for partner in ["US2", "*"] {
        let other = world.endpoint.url("/other");
        let other = json!({"partner": partner, "id": "other", "url": other});
        assert_eq!(served.ask("POST", "/subscriptions", "us1", other.clone()).await.status, 403);
        assert_eq!(served.ask("POST", "/subscriptions", "admin", other).await.status, 201);
    }
    for path in ["", "/secret", "/deliveries"] {
        for partner in ["US2", "%2A"] {
            let path = format!("/subscriptions/{partner}/other{path}");
            assert_eq!(served.ask("GET", &path, "us1", Value::Null).await.status, 403, "{path}");
            assert_eq!(served.ask("GET", &path, "admin", Value::Null).await.status, 200, "{path}");
        }
    }
    assert_eq!(served.ask("GET", "/deliveries", "us1", Value::Null).await.status, 403);
    // It repairs what failed: the first attempt is answered with 500, and the next one would come in 5 s.
    served.bring(&[confirmed("A1")]).await;
    let waits = served.delivery("own", &["waiting"]).await;
    let path = "/subscriptions/US1/own/deliveries";
    let listed = served.ask("GET", path, "us1", Value::Null).await;
    assert_eq!(listed.body["deliveries"][0]["id"], waits["id"]);
    let again =
        served.ask("POST", &format!("{path}/again"), "us1", json!({"id": waits["id"]})).await;
    assert_eq!(again.body["again"], 1, "{again:?}");
    served.delivery("own", &["sent"]).await;
    let posted = world.endpoint.posted("/second");
    assert_eq!(posted[0].headers["webhook-id"], posted[1].headers["webhook-id"]);
    let foreign = json!({"id": waits["id"]});
    let path = "/subscriptions/US2/other/deliveries/again";
    assert_eq!(served.ask("POST", path, "admin", foreign).await.status, 404);
}
