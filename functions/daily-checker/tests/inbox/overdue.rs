//! Files that are expected and do not come.

use crate::support::{Partner, World, check, old_file};
use serde_json::{Value, json};

async fn alerts(world: &World) -> Vec<Value> {
    let mut alerts = Vec::new();
    let read =
        messaging::tail::read(&world.client, "ERRORS", "errors.alert.file.>", 1, false, |m| {
            alerts.push(serde_json::from_slice(&m.payload).unwrap());
        });
    read.await.unwrap();
    alerts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_come_is_an_alert_once_a_day_until_it_comes() {
    let world = World::start(&["US1", "US2"]).await;
    // At any time of day, the last deadline was midnight, and the one before was a day earlier.
    let expecting = Partner { more: "expected: daily by 00:00", ..world.partner("US1") };
    let function = world.serve(&[expecting, world.partner("US2")]).await;
    let body = check(function).await;
    let overdue = &body["partners"][0]["overdue"];
    assert_eq!(overdue["expected"], "daily by 00:00", "{body}");
    assert_eq!(body["partners"][1].get("overdue"), None);
    check(function).await;
    let told = alerts(&world).await;
    let [alert] = &told[..] else { panic!("told once: {told:?}") };
    assert_eq!(
        (&alert["type"], &alert["partner"]),
        (&json!("orderflow.alert.file.v1"), &json!("US1"))
    );
    assert_eq!(
        (&alert["data"]["newest"], &alert["data"]["date"]),
        (&Value::Null, &overdue["date"])
    );

    old_file(world.inbox("US1").join("orders.csv"), "one");
    assert_eq!(check(function).await["partners"][0].get("overdue"), None);
    assert_eq!(alerts(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_file_that_comes_later_does_not_hide_the_one_that_was_expected() {
    let world = World::start(&["US1"]).await;
    let expecting = Partner { more: "expected: daily by 00:00", ..world.partner("US1") };
    let function = world.serve(&[expecting]).await;
    old_file(world.inbox("US1").join("today.csv"), "one");
    assert_eq!(check(function).await["partners"][0].get("overdue"), None);
    let month = std::time::Duration::from_secs(30 * 24 * 60 * 60);
    let path = world.inbox("US1").join("older.csv");
    std::fs::write(&path, "two").unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let then = std::time::SystemTime::now() - month;
    file.set_times(std::fs::FileTimes::new().set_modified(then)).unwrap();
    let body = check(function).await;
    assert_eq!(body["partners"][0].get("overdue"), None, "{body}");
    assert_eq!(world.events().await.len(), 2);
    assert!(alerts(&world).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_whose_server_is_away_gets_an_alert_as_well() {
    let world = World::start(&["US1", "US2"]).await;
    let away = Partner { more: "expected: daily by 00:00", port: 1, ..world.partner("US1") };
    let function = world.serve(&[away, world.partner("US2")]).await;
    let body = check(function).await;
    let partner = &body["partners"][0];
    assert!(partner["error"].is_string() && partner["overdue"].is_object(), "{body}");
    assert_eq!(alerts(&world).await.len(), 1);
}
