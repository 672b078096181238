//! Messages on `orders`, each of which must have exactly one outcome.

use crate::run::{Run, order};
use domain::{OrderId, PartnerId};
use messaging::publish::{self, Outgoing};
use messaging::subject;
use messaging::{Event, streams};
use serde_json::json;
use testkit::history::{Message, Rule};

#[tokio::test]
async fn a_duplicate_a_conflict_and_a_dead_letter_are_separate_outcomes() {
    let run = Run::whole().await;
    run.publish(subject::ORDERS, order(3).to_string()).await;
    let other = json!({"order_id": "A.3", "product": "P001", "quantity": 9, "price": 1});
    let sequence = run.publish(subject::ORDERS, other.to_string()).await;
    let id = OrderId::parse("A.3").unwrap();
    let subject = subject::conflict(&PartnerId::direct(), &id);
    let event = Event::new(format!("INTAKE:{sequence}"), "/test", "t", &subject, other);
    run.publish(&subject, event.to_bytes()).await;
    let sequence = run.publish(subject::ORDERS, "no order").await;
    let dead = Outgoing::new(subject::dead_letters("order-ingest"), "no order".into())
        .header("Orderflow-Dead-Stream", streams::INTAKE)
        .header("Orderflow-Dead-Sequence", &sequence.to_string());
    publish::one(&run.nats, &dead, None).await.unwrap();
    let report = run.report(|_| true).await;
    report.assert_clean();
    let s = report.summary;
    assert_eq!((s.sent, s.duplicates, s.conflicts, s.dead), (304, 1, 1, 1));
    // Without the conflict and the dead letter, both messages would be lost.
    let errors = |message: &Message<'_>| message.subject.starts_with("errors.");
    run.check_without(errors, &[Rule::Lost, Rule::Lost]).await;
}

#[tokio::test]
async fn a_lost_message_on_orders_is_found() {
    let run = Run::whole().await;
    run.publish(subject::ORDERS, order(2000).to_string()).await;
    run.publish(subject::ORDERS, "neither an order nor a dead letter").await;
    run.check(&[Rule::Lost, Rule::Lost]).await;
}

#[tokio::test]
async fn an_order_that_was_never_sent_is_found() {
    let run = Run::whole().await;
    let lost = |message: &Message<'_>| message.subject == subject::ORDERS && message.sequence == 1;
    run.check_without(lost, &[Rule::NeverSent]).await;
}

#[tokio::test]
async fn an_order_that_differs_in_the_person_alone_is_a_conflict_and_nothing_else() {
    let run = Run::whole().await;
    let sequence = run.publish(subject::ORDERS, order(3).to_string()).await;
    let id = OrderId::parse("A.3").unwrap();
    let subject = subject::conflict(&PartnerId::direct(), &id);
    let event = Event::new(format!("INTAKE:{sequence}"), "/test", "t", &subject, order(3));
    run.publish(&subject, event.to_bytes()).await;
    run.report(|_| true).await.assert_clean();
}
