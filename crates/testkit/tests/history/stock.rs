//! What orders may take from stock, and why they may be refused.

use crate::run::{Run, confirmed};
use domain::ProductId;
use domain::inventory::Verdict;
use domain::stock::Movement;
use messaging::subject;
use serde_json::json;
use testkit::history::Rule;

#[tokio::test]
async fn negative_stock_is_found() {
    let run = Run::empty().await;
    let json = json!({"order_id": "big", "product": "P002", "quantity": 21, "price": 1});
    let sent = run.publish(subject::ORDERS, json.to_string()).await;
    let sequence = run.place(&json, &format!("INTAKE:{sent}")).await;
    run.append("beyond", sequence, vec![confirmed(&run.placed().await[0])]).await;
    run.check(&[Rule::StockNegative]).await;
}

#[tokio::test]
async fn an_order_that_gets_only_a_part_is_found() {
    let run = Run::empty().await;
    let sequence = run.send_and_place(1).await;
    let mut outcome = confirmed(&run.placed().await[0]);
    let product = ProductId::parse("P002").unwrap();
    outcome.verdict = Verdict::Confirmed(vec![Movement { product, delta: -3 }]);
    run.append("part", sequence, vec![outcome]).await;
    run.check(&[Rule::MovementsWrong]).await;
}

#[tokio::test]
async fn a_refusal_without_a_reason_is_found() {
    let run = Run::empty().await;
    let sequence = run.send_and_place(1).await;
    let mut outcome = confirmed(&run.placed().await[0]);
    outcome.verdict = Verdict::Refused(domain::stock::Refusal::InsufficientStock {
        product: ProductId::parse("P002").unwrap(),
        requested: 4,
        available: 3,
        checked_for_others: false,
    });
    run.append("mean", sequence, vec![outcome]).await;
    run.check(&[Rule::RefusalWrong]).await;
}
