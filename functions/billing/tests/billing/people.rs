//! Credit by hand, payments, what is held, and who may see it.

use crate::support::{World, back, id, of_partner, order};
use domain::invoice::BalanceState;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_invoice_is_credited_by_hand_once_under_its_key() {
    let world = World::start().await;
    let sale = order("A1", 3, "12");
    world.confirm(&sale).await;
    world.bill().await;
    let pieces = json!({"number": "A-main-2026-000001", "reason": "broken", "pieces": {"P001": 1}});
    for applied in [true, false] {
        let (status, body) = world.post("/invoices/credit", "k1", pieces.clone()).await;
        assert_eq!((status, &body["applied"]), (200, &json!(applied)), "{body}");
        assert_eq!(body["balance"]["open"], "24.00");
    }
    let (status, body) = world
        .post(
            "/invoices/credit",
            "k2",
            json!({"number": "A-main-2026-000001", "reason": "all of it"}),
        )
        .await;
    assert_eq!((status, &body["issued"]), (200, &json!(["A-main-C2026-000002"])), "{body}");
    let (status, body) = world
        .post("/invoices/credit", "k3", json!({"number": "A-main-2026-000001", "reason": "again"}))
        .await;
    assert_eq!(
        (status, &body["detail"]),
        (409, &json!("nothing is left of A-main-2026-000001 to be credited"))
    );
    // What comes back behind that is held, and holds nobody.
    world.confirm(&back("R1", &sale, 1, "12")).await;
    world.bill().await;
    assert_eq!(world.balance(&sale).await.state, BalanceState::Held);
    let document = world
        .documents()
        .await
        .into_iter()
        .find(|it| it.number.ends_with("-000001") && it.number.contains("-C"));
    assert_eq!(document.unwrap().reason.as_deref(), Some("broken"));
    world.check().await;
}

#[tokio::test]
async fn a_payment_counts_once_for_its_reference() {
    let world = World::start().await;
    let sale = order("A1", 1, "12");
    world.confirm(&sale).await;
    world.bill().await;
    let pay = async |key: &str, amount: &str, reference: &str| {
        let command = json!({"number": "A-main-2026-000001", "amount": amount, "paid_on": "2026-12-01", "reference": reference});
        let (status, body) = world.post("/invoices/pay", key, command).await;
        (status, body["balance"]["state"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(pay("1", "5", "bank-1").await, (200, "partly_paid".into()));
    assert_eq!(pay("1", "5", "bank-1").await, (200, "partly_paid".into()));
    assert_eq!(pay("2", "5", "bank-1").await, (200, "partly_paid".into()));
    assert_eq!(pay("3", "6", "bank-1").await.0, 409);
    assert_eq!(pay("1", "7", "bank-2").await.0, 422);
    assert_eq!(pay("4", "10", "bank-2").await, (200, "refund".into()));
    assert_eq!(pay("5", "-3", "bank-3").await, (200, "paid".into()));
    assert_eq!(pay("6", "0", "bank-4").await.0, 422);
    assert_eq!(world.balance(&sale).await.payments.len(), 3);
    world.check().await;
}

#[tokio::test]
async fn what_is_held_is_issued_once_the_configuration_is_right() {
    let world = World::start().await;
    let mut sale = order("A1", 2, "12");
    sale.lines[0].tax_category = Some(domain::TaxCategory::parse("luxury").unwrap());
    world.confirm(&sale).await;
    world.confirm(&back("R1", &sale, 1, "12")).await;
    world.bill().await;
    assert_eq!(world.balance(&sale).await.held.len(), 2);
    let retry = json!({"partner": "DIRECT", "order_id": "A1"});
    let (status, body) = world.post("/invoices/retry", "k1", retry.clone()).await;
    assert_eq!((status, &body["issued"]), (200, &json!([])), "{body}");
    world.configure("standard:", "luxury: [{percent: 33, valid-from: 2014-01-01}]\n    standard:");
    for turn in 2..200 {
        let (status, body) =
            world.post("/invoices/retry", &format!("k{turn}"), retry.clone()).await;
        assert_eq!(status, 200, "{body}");
        if body["issued"] == json!(["A-main-2026-000001", "A-main-C2026-000001"]) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let balance = world.balance(&sale).await;
    assert_eq!((balance.state, balance.open.to_string()), (BalanceState::Open, "12.00".into()));
    let (status, body) = world.post("/invoices/retry", "last", retry).await;
    assert_eq!((status, &body["applied"]), (200, &json!(false)), "{body}");
    world.check().await;
}

#[tokio::test]
async fn an_order_of_a_partner_that_got_its_seller_later_is_invoiced_when_somebody_asks() {
    let world = World::start().await;
    let sale = of_partner("NOBODY", order("C1", 1, "10"));
    world.confirm(&sale).await;
    world.bill().await;
    let retry = json!({"partner": "NOBODY", "order_id": "C1"});
    let (status, body) = world.post("/invoices/retry", "k0", retry.clone()).await;
    assert_eq!((status, &body["applied"]), (200, &json!(false)), "{body}");
    world.configure("NOBODY: {currency: EUR}", "NOBODY: {currency: EUR, seller: NET}");
    for turn in 1..200 {
        let (_, body) = world.post("/invoices/retry", &format!("k{turn}"), retry.clone()).await;
        if body["applied"] == json!(true) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.numbers().await, ["N-main-2026-000001"]);
    let none = json!({"partner": "DIRECT", "order_id": "NONE"});
    assert_eq!(world.post("/invoices/retry", "x", none).await.0, 404);
    world.check().await;
}

#[tokio::test]
async fn a_partner_sees_its_own_documents_and_nothing_of_others() {
    let world = World::start().await;
    world.confirm(&order("A1", 1, "12")).await;
    world.confirm(&of_partner("NET", order("B.1", 1, "12"))).await;
    world.bill().await;
    let (status, body) = world.get("/invoices/A-main-2026-000001", "read").await;
    assert_eq!((status, &body["supply"]["order_id"]), (200, &json!("A1")), "{body}");
    assert_eq!(world.get("/invoices/N-main-2026-000001", "net").await.0, 200);
    for (path, token, expected) in [
        ("/invoices/A-main-2026-000001", "net", 404),
        ("/invoices/A-main-2026-000002", "read", 404),
        ("/invoices/*", "read", 404),
        ("/invoices/N-main-2026-000001", "", 401),
        ("/balances/NET/B.1", "net", 200),
        ("/balances/DIRECT/A1", "net", 403),
        ("/balances/DIRECT/A1", "read", 200),
        ("/balances/DIRECT/A2", "read", 404),
    ] {
        assert_eq!(world.get(path, token).await.0, expected, "{path} {token}");
    }
    assert_eq!(id("B.1").as_str(), "B.1");
}

#[tokio::test]
async fn people_and_the_lane_change_the_same_orders_at_once() {
    let world = World::start().await;
    let sales: Vec<_> = (0..8).map(|n| order(&format!("A{n}"), 3, "12")).collect();
    for sale in &sales {
        world.confirm(sale).await;
    }
    world.bill().await;
    for (n, sale) in sales.iter().enumerate() {
        world.confirm(&back(&format!("R{n}"), sale, 1, "12")).await;
    }
    let credit = async |n: usize| {
        let number = format!("A-main-2026-00000{}", n + 1);
        let command = json!({"number": number, "reason": "broken", "pieces": {"P001": 1}});
        let (status, body) = world.post("/invoices/credit", &number, command).await;
        assert_eq!(status, 200, "{body}");
    };
    let people = futures_util::future::join_all((0..8).map(credit));
    tokio::join!(people, world.bill(), world.bill());
    for sale in &sales {
        let balance = world.balance(sale).await;
        assert_eq!((balance.open.to_string(), balance.documents.len()), ("12.00".into(), 3));
    }
    world.check().await;
}
