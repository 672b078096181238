//! What was shipped of sales.

use crate::run::{Run, confirmed, read};
use domain::inventory::{Body, Confirmed, Shipped, Shipping};
use domain::{OrderId, PartnerId, ProductId};
use messaging::{streams, subject};
use serde_json::json;
use testkit::history::{Message, Rule};

/// A sale of three P002, which is confirmed.
async fn run() -> Run {
    let run = Run::empty().await;
    let json = json!({"order_id": "S", "product": "P002", "quantity": 3, "price": 1});
    let sent = run.publish(subject::ORDERS, json.to_string()).await;
    run.place(&json, &format!("INTAKE:{sent}")).await;
    let outcome = confirmed(&run.placed().await[0]);
    run.append("a", outcome.sequence, vec![outcome]).await;
    run
}

impl Run {
    /// A shipment of so many pieces by who takes `before` for shipped.
    async fn ship(&self, id: &str, before: (u32, i64), pieces: i64, change: impl Fn(&mut Shipped)) {
        let placed = &self.placed().await[0];
        let product = ProductId::parse("P002").unwrap();
        let sale = Confirmed::new(placed.sequence, read(placed).unwrap());
        let shipped = [(product.clone(), before.1)].into_iter().filter(|(_, n)| *n != 0).collect();
        let sale = Confirmed { shipped, shipments: before.0, ..sale };
        let shipping = Shipping {
            products: Some([(product, pieces)].into()),
            carrier: None,
            tracking: None,
            shipped_at: chrono::DateTime::UNIX_EPOCH,
            by: None,
        };
        let of = (PartnerId::direct(), OrderId::parse("S").unwrap());
        let mut shipped = sale.ship(of, shipping).unwrap();
        change(&mut shipped);
        self.append_body(id, placed.sequence, Body::Shipped(Box::new(shipped))).await;
    }
}

#[tokio::test]
async fn shipments_within_a_sale_break_no_rule_and_those_beyond_it_are_found() {
    let whole = run().await;
    whole.ship("b", (0, 0), 2, |_| ()).await;
    whole.ship("c", (1, 2), 1, |_| ()).await;
    whole.check(&[]).await;
    assert_eq!(whole.report(|_| true).await.summary.shipments, 2);
    // By somebody who does not see the one before.
    let run = run().await;
    run.ship("b", (0, 0), 2, |_| ()).await;
    run.ship("c", (0, 0), 2, |_| ()).await;
    run.check(&[Rule::ShipmentWrong]).await;
}

#[tokio::test]
async fn wrong_sums_and_numbers_and_shipments_of_nothing_are_found() {
    let changes: [fn(&mut Shipped); 5] = [
        |shipped| shipped.complete = true,
        |shipped| shipped.shipment.number = 2,
        |shipped| shipped.shipped.clear(),
        |shipped| shipped.attempt = 2,
        |shipped| shipped.order_id = OrderId::parse("T").unwrap(),
    ];
    for change in changes {
        let run = run().await;
        run.ship("b", (0, 0), 2, change).await;
        run.check(&[Rule::ShipmentWrong]).await;
    }
}

#[tokio::test]
async fn a_missing_and_a_doubled_fact_about_a_shipment_are_found() {
    let run = run().await;
    run.ship("b", (0, 0), 2, |_| ()).await;
    let facts = run.subjects(streams::ORDERS, "orders.shipped.>").await;
    run.check_without(|message: &Message<'_>| message.subject == facts[0], &[Rule::FactMissing])
        .await;
    run.again(streams::ORDERS, &facts[0], |same| same).await;
    run.check(&[Rule::FactTwice]).await;
}
