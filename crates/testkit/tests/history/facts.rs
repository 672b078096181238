//! Facts of decisions.

use crate::run::Run;
use messaging::{stored, streams};
use testkit::history::{Message, Rule};

#[tokio::test]
async fn a_second_fact_is_found() {
    let run = Run::whole().await;
    let confirmed = run.subjects(streams::ORDERS, "orders.confirmed.>").await;
    run.again(streams::ORDERS, &confirmed[0], |same| same).await;
    run.check(&[Rule::FactTwice]).await;
}

#[tokio::test]
async fn an_order_that_is_confirmed_and_refused_is_found() {
    let run = Run::whole().await;
    let confirmed = run.subjects(streams::ORDERS, "orders.confirmed.>").await;
    let subject = confirmed[0].replace("confirmed", "refused");
    let standing = stored::last(&run.nats, streams::ORDERS, &confirmed[0]).await.unwrap().unwrap();
    run.publish(&subject, standing.payload).await;
    run.check(&[Rule::FactTwice, Rule::FactChanged]).await;
}

#[tokio::test]
async fn a_changed_fact_is_found() {
    let run = Run::whole().await;
    let confirmed = run.subjects(streams::ORDERS, "orders.confirmed.>").await;
    let subject = confirmed.last().unwrap().as_str();
    let change = |payload: String| payload.replace("\"attempt\":1", "\"attempt\":2");
    run.again(streams::ORDERS, subject, change).await;
    run.check(&[Rule::FactTwice, Rule::FactChanged]).await;
    // Without the other one, only the changed fact is left.
    let report = run.report(|_| true).await;
    let twice = report.violations.iter().find(|v| v.rule == Rule::FactTwice).unwrap().sequence;
    let lost = |message: &Message<'_>| message.subject == subject && message.sequence != twice;
    run.check_without(lost, &[Rule::FactChanged]).await;
}

#[tokio::test]
async fn a_missing_fact_is_found() {
    let run = Run::whole().await;
    let refused = run.subjects(streams::ORDERS, "orders.refused.>").await;
    let lost = |message: &Message<'_>| message.subject == refused[0];
    run.check_without(lost, &[Rule::FactMissing]).await;
}

#[tokio::test]
async fn a_fact_without_a_decision_is_found() {
    let run = Run::whole().await;
    run.publish("orders.confirmed.main.DIRECT.ghost", "{}").await;
    run.publish("inventory.changed.main.P001.ghost", "{}").await;
    run.check(&[Rule::FactUnfounded, Rule::FactUnfounded]).await;
}

#[tokio::test]
async fn a_missing_and_a_doubled_movement_are_found() {
    let run = Run::whole().await;
    let changed = run.subjects(streams::INVENTORY, ">").await;
    run.again(streams::INVENTORY, &changed[1], |same| same).await;
    let lost = |message: &Message<'_>| message.subject == changed[0];
    run.check_without(lost, &[Rule::FactTwice, Rule::FactMissing]).await;
}
