//! Orders and facts that the streams keep no longer: the invoices stay.

use crate::support::{World, back, of_partner, order};
use chrono::DateTime;
use domain::WarehouseId;
use domain::invoice::BalanceState;
use messaging::streams;
use serde_json::{Value, json};

async fn expire(world: &World) {
    let stream = world.nats.js.get_stream(streams::ORDERS).await.unwrap();
    stream.purge().await.unwrap();
}

async fn verified(world: &World) {
    let main = WarehouseId::main();
    let found = invoices::verify(&world.nats, &main, DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!((found.problems, found.unsettled), (vec![], 0));
    let chains = invoices::verify_chains(&world.nats, "invoices.issued.>").await.unwrap();
    assert_eq!((chains.problems, chains.series.len()), (vec![], 2));
}

#[tokio::test]
async fn invoices_outlive_the_orders_and_can_be_listed_shown_paid_and_credited() {
    let mut world = World::start().await;
    let sale = order("A1", 3, "12");
    let mut held = order("A2", 1, "12");
    held.lines[0].tax_category = Some(domain::TaxCategory::parse("luxury").unwrap());
    world.confirm(&sale).await;
    world.confirm(&held).await;
    // The facts of the last decision would be published again in the empty stream.
    world.confirm(&of_partner("NOBODY", order("C1", 1, "12"))).await;
    world.bill().await;
    expire(&world).await;
    // Also for a process that begins now.
    world.start_again().await;
    let number = "A-main-2026-000001";
    for path in ["", "/pdf", "/html"] {
        let path = format!("/invoices/{number}{path}");
        assert_eq!(world.get(&path, "read").await.0, 200, "{path}");
    }
    let (_, listed) = world.get("/invoices?order=DIRECT/A1", "read").await;
    assert_eq!(listed["invoices"][0]["number"], number, "{listed}");
    assert_eq!(world.get("/balances/DIRECT/A1", "read").await.1["open"], "36.00");
    let pay = json!({"number": number, "amount": "12", "paid_on": "2026-12-01", "reference": "b"});
    assert_eq!(world.post("/invoices/pay", "k1", pay).await.0, 200);
    let credit = json!({"number": number, "reason": "broken", "pieces": {"P001": 1}});
    let (status, body) = world.post("/invoices/credit", "k2", credit).await;
    assert_eq!((status, &body["balance"]["open"]), (200, &json!("12.00")), "{body}");

    // What was held cannot be read again, and says so.
    let retry = json!({"partner": "DIRECT", "order_id": "A2"});
    let (status, body) = world.post("/invoices/retry", "k3", retry).await;
    let reason = body["reason"].as_str().unwrap_or_default();
    assert!(status == 200 && body["applied"] == json!(false), "{status} {body}");
    assert!(reason.contains("the stream ORDERS keeps it no longer"), "{reason}");
    let none = json!({"partner": "DIRECT", "order_id": "A1"});
    assert_eq!(world.post("/invoices/retry", "k4", none).await.1["applied"], json!(false));

    // A return that comes now is credited on the invoice.
    world.give_back(&back("R1", &sale, 1, "12"), &sale).await;
    world.bill().await;
    let balance = world.balance(&sale).await;
    assert_eq!((balance.open.to_string(), balance.state), ("0.00".into(), BalanceState::Paid));
    verified(&world).await;
    let listed = world.get("/invoices?limit=10", "read").await.1;
    assert_eq!(listed["invoices"].as_array().map(Vec::len), Some(3), "{listed}");
    assert_eq!(world.get("/customers/totals", "read").await.1["customers"], Value::Array(vec![]));
}
