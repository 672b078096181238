//! Credit by hand, payments, what is held, and who may see it.

use crate::support::{World, back, id, of_partner, order};
use domain::Money;
use domain::invoice::{BalanceState, HeldCode};
use serde_json::{Value, json};
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
    let balance = world.balance(&sale).await;
    assert_eq!((balance.state, balance.held.len()), (BalanceState::Credited, 1));
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
    // No document is there, and the list says so all the same.
    let waits = async |query: &str| {
        let (status, page) = world.get(&format!("/invoices?status=held{query}"), "read").await;
        assert_eq!((status, &page["invoices"]), (200, &json!([])), "{page}");
        let waits = page["not_issued"].as_array().cloned().unwrap_or_default();
        waits.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (query, found) in [
        ("", true),
        ("&order=DIRECT/A1", true),
        ("&partner=DIRECT&warehouse=main", true),
        ("&order=DIRECT/A2", false),
        ("&partner=NET", false),
        ("&warehouse=west", false),
        ("&kind=credit_note", false),
        ("&number=A", false),
    ] {
        let expected = if found { vec!["DIRECT/A1"] } else { Vec::new() };
        assert_eq!(waits(query).await, expected, "{query}");
    }
    let retry = json!({"partner": "DIRECT", "order_id": "A1"});
    for key in ["k0", "k1", "k1"] {
        let (status, body) = world.post("/invoices/retry", key, retry.clone()).await;
        assert_eq!((status, &body["applied"]), (200, &json!(false)), "{body}");
        let reason = body["reason"].as_str().unwrap();
        assert!(
            reason.starts_with("held: invoice of order A1: lines[0] has the tax category"),
            "{reason}"
        );
        assert!(
            reason.contains("; return of order R1: the return names the sale DIRECT/A1"),
            "{reason}"
        );
    }
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
    assert_eq!(body["reason"], "there is nothing to do: nothing of the order is held");
    assert_eq!(waits("").await, <[String; 0]>::default());
    world.check().await;
}

/// Retries until the new configuration is read.
async fn retried(world: &World, partner: &str, order: &str) -> Value {
    for turn in 0..200 {
        let command = json!({"partner": partner, "order_id": order});
        let (status, body) =
            world.post("/invoices/retry", &format!("{order}-{turn}"), command).await;
        assert_eq!(status, 200, "{body}");
        if body["applied"] == json!(true) {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing is issued")
}

#[tokio::test]
async fn a_sale_that_is_invoiced_late_takes_its_returns_with_it_whichever_is_retried() {
    for first in ["S1", "R1"] {
        let world = World::start().await;
        let sale = of_partner("NOBODY", order("S1", 3, "10"));
        world.confirm(&sale).await;
        for (id, pieces) in [("R1", 1), ("R2", 1), ("R3", 1)] {
            world.give_back(&back(id, &sale, pieces, "10"), &sale).await;
        }
        world.cancel_return(&back("R3", &sale, 1, "10"), &sale).await;
        world.bill().await;
        assert_eq!(world.numbers().await.len(), 0);
        let command = json!({"partner": "NOBODY", "order_id": first});
        let (_, body) = world.post("/invoices/retry", "before", command).await;
        let reason = "nobody invoices the orders of partner NOBODY: name its seller (seller) in partners.yml, then orderflow \
                      invoices retry NOBODY/S1";
        assert_eq!((&body["applied"], &body["reason"]), (&json!(false), &json!(reason)));
        world.configure("NOBODY: {currency: EUR}", "NOBODY: {currency: EUR, seller: NET}");
        let body = retried(&world, "NOBODY", first).await;
        assert_eq!(body["issued"].as_array().unwrap().len(), 3, "{body}");
        let balance = world.balance(&sale).await;
        assert_eq!((balance.open.to_string(), balance.held.len()), ("12.00".into(), 0));
        world.check().await;
    }
}

#[tokio::test]
async fn a_return_that_waits_for_the_invoice_of_its_sale_does_not_wait_for_ever() {
    let world = World::start().await;
    let sale = of_partner("NOBODY", order("S1", 2, "10"));
    world.confirm(&sale).await;
    // A cancellation that came too late: the sale stays confirmed, and that is said on its subject.
    world.keep(&sale).await;
    world.bill().await;
    world.configure("NOBODY: {currency: EUR}", "NOBODY: {currency: EUR, seller: NET}");
    for turn in 0..200 {
        world.give_back(&back(&format!("R{turn}"), &sale, 1, "1"), &sale).await;
        world.bill().await;
        let account = (sale.partner.clone(), sale.order_id.clone());
        let found = invoices::balance(&world.nats, &sale.warehouse, &account).await.unwrap();
        if found.is_some_and(|(balance, _)| !balance.held.is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.balance(&sale).await.held[0].code, HeldCode::NoOriginal);
    retried(&world, "NOBODY", "S1").await;
    let balance = world.balance(&sale).await;
    assert!(balance.invoice.is_some() && Money::ZERO < balance.credited, "{balance:?}");
}

#[tokio::test]
async fn a_payment_is_of_about_the_time_of_its_invoice() {
    let world = World::start().await;
    world.confirm(&order("A1", 1, "12")).await;
    world.bill().await;
    let pay = async |paid_on: &str| {
        let command = json!({"number": "A-main-2026-000001", "amount": "1", "paid_on": paid_on, "reference": paid_on});
        world.post("/invoices/pay", paid_on, command).await
    };
    assert_eq!(pay("2026-01-01").await.0, 200);
    for day in ["2025-12-31", "2062-01-01"] {
        let (status, body) = pay(day).await;
        assert_eq!((status, &body["errors"][0]["field"]), (422, &json!("paid_on")), "{body}");
        assert!(
            body["errors"][0]["reason"].as_str().unwrap().contains("from 2026-01-01"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_list_of_an_order_and_of_what_is_not_configured() {
    let world = World::start().await;
    world.confirm(&order("A/1", 1, "12")).await;
    world.confirm(&of_partner("NET", order("B1", 1, "12"))).await;
    world.bill().await;
    let listed = async |query: &str, token: &str| {
        let (status, body) = world.get(&format!("/invoices?{query}"), token).await;
        assert_eq!(status, 200, "{query} {body}");
        (body["invoices"].as_array().unwrap().len(), body["hint"].clone())
    };
    for query in ["order=NET/B1", "order=NET%2FB1", "partner=NET&order=B1", "order=DIRECT/A/1"] {
        assert_eq!(listed(query, "read").await, (1, Value::Null), "{query}");
    }
    assert_eq!(listed("order=NET/B1", "net").await.0, 1);
    assert_eq!(world.get("/invoices?order=DIRECT/A1", "net").await.0, 403);
    let hint = json!("partners.yml has no seller \"ACNE\"; did you mean ACME?");
    assert_eq!(listed("seller=ACNE", "read").await, (0, hint));
    let hint = json!("partners.yml has no partner \"NOPE\"");
    assert_eq!(listed("partner=NOPE", "read").await, (0, hint));
    assert_eq!(listed("seller=ACME&to=2000-01-01", "read").await, (0, Value::Null));
    for path in ["/open-items?seller=X", "/customers/totals?partner=X", "/days?seller=X"] {
        let (status, body) = world.get(path, "read").await;
        assert_eq!((status, body["hint"].is_string()), (200, true), "{path} {body}");
    }
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
