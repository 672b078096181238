//! Payments as a file.

use crate::support::{World, of_partner, order};
use domain::invoice::BalanceState;
use serde_json::json;

#[tokio::test]
async fn a_file_of_payments_is_recorded_once_or_not_at_all() {
    let world = World::start().await;
    let sales: Vec<_> = (1..=9).map(|n| order(&format!("A{n}"), 1, "12")).collect();
    for sale in &sales {
        world.confirm(sale).await;
    }
    world.confirm(&of_partner("NET", order("B1", 1, "10"))).await;
    world.bill().await;
    let mut file = "number,amount,paid_on,reference\n".to_owned();
    for n in 1..=9 {
        file += &format!("A-main-2026-00000{n},12,2026-12-01,bank {n}\n");
    }
    file += "N-main-2026-000001,5,2026-12-01,bank 10\nN-main-2026-000001,-1,2026-12-02,bank 11\n";
    let would = json!({"new": 11, "known": 0, "dry_run": true});
    assert_eq!(world.pay_file("?dry_run=true", &file).await, (200, would));
    assert_eq!(world.balance(&sales[0]).await.state, BalanceState::Open);

    // One wrong line, and nothing is recorded.
    let wrong = format!(
        "{file}A-main-2026-000001,1,2062-01-01,b\nA-main-2026-000777,1,2026-12-01,c\nA-main-2026-000002,0.001,2026-12-01,d\n"
    );
    let (status, body) = world.pay_file("", &wrong).await;
    let fields: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|it| it["field"].as_str().unwrap()).collect();
    assert_eq!(
        (status, fields),
        (422, vec!["line 13: paid_on", "line 14: number", "line 15: amount"])
    );
    assert_eq!(body["detail"], "no payment is recorded: 3 lines of the file are wrong");
    assert_eq!(world.balance(&sales[0]).await.state, BalanceState::Open);

    for (new, known) in [(11, 0), (0, 11)] {
        let done = json!({"new": new, "known": known, "dry_run": false});
        assert_eq!(world.pay_file("", &file).await, (200, done));
    }
    for sale in &sales {
        assert_eq!(world.balance(sale).await.state, BalanceState::Paid);
    }
    let net = world.balance(&of_partner("NET", order("B1", 1, "10"))).await;
    assert_eq!((net.open.to_string(), net.payments.len()), ("8.00".into(), 2));
    // What was recorded with another amount is named.
    let other = file.replace("000003,12,", "000003,13,");
    let (status, body) = world.pay_file("", &other).await;
    let reason = body["errors"][0]["reason"].as_str().unwrap_or_default();
    assert!(status == 422 && reason.contains("was recorded before, with 12.00"), "{status} {body}");
    let (_, rates) = world.get("/days/rates?buyers=consumers", "read").await;
    let row = &rates["days"][0];
    assert_eq!(
        (&row["seller"], &row["base"], &row["tax"]),
        (&json!("NET"), &json!("10.00"), &json!("2.00")),
        "{rates}"
    );
    assert_eq!(rates["days"][1]["base"], "90.00", "{rates}");
    world.check().await;
}
