//! What was shipped of sales.

use crate::World;
use chrono::DateTime;
use domain::inventory::{Pieces, Shipment};
use domain::{OrderId, PartnerId, ProductId};
use messaging::inventory::{HowMuch, Shipped};
use messaging::publish::{self, Outgoing};
use messaging::subject::Stage;
use messaging::{Event, events, header, stored, streams};
use serde_json::{Value, json};

fn pieces(of: i64) -> Pieces {
    [(ProductId::parse("A").unwrap(), of)].into()
}

impl World {
    /// Stores what is said of shipment `number` of a sale of five pieces, of which `all` are shipped with it.
    async fn shipped(&self, id: &str, placed: u64, number: u32, (now, all): (i64, i64)) {
        let shipment = Shipment {
            number,
            products: pieces(now),
            carrier: Some("DHL".into()),
            tracking: (number == 1).then(|| "0034".into()),
            shipped_at: DateTime::UNIX_EPOCH,
            by: Some("api-token-admin".into()),
        };
        let data = Shipped {
            partner: PartnerId::parse("US1").unwrap(),
            order_id: OrderId::parse(id).unwrap(),
            attempt: 1,
            placed,
            shipment,
            shipped: pieces(all),
            complete: all == 5,
        };
        let how_much = HowMuch::from(&data).as_str();
        let subject = format!("orders.shipped.main.US1.{id}");
        let event = Event::new("e".into(), "/x", events::ORDER_SHIPPED, &subject, data);
        let message = Outgoing::new(subject, event.to_bytes())
            .header(header::ATTEMPT, "1")
            .header(header::DECISION_SEQUENCE, "1")
            .header(header::SHIPPED, how_much);
        publish::one(&self.client, &message, None).await.unwrap();
    }

    /// A confirmed sale; the result is where it was placed.
    async fn confirmed(&self, id: &str) -> u64 {
        self.say(Stage::Placed, &format!("US1/{id}"), 1, None).await;
        self.say(Stage::Confirmed, &format!("US1/{id}"), 1, None).await;
        let subject = format!("orders.placed.main.US1.{id}");
        stored::last(&self.client, streams::ORDERS, &subject).await.unwrap().unwrap().sequence
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_says_what_was_shipped_of_it() {
    let world = World::start(&[]).await;
    for (id, shipments) in
        [("1", &[][..]), ("2", &[(2, 2)]), ("3", &[(2, 2), (3, 5)]), ("4", &[(5, 5)])]
    {
        let placed = world.confirmed(id).await;
        for (number, shipment) in (1..).zip(shipments) {
            world.shipped(id, placed, number, *shipment).await;
        }
    }
    // What is said of another attempt, or by nobody who decides, does not count.
    let placed = world.confirmed("5").await;
    world.shipped("5", placed + 100, 1, (5, 5)).await;
    let stranger = Outgoing::new("orders.shipped.main.US1.4".into(), "{}".into());
    publish::one(&world.client, &stranger, None).await.unwrap();
    for (id, words, shipped, complete) in [
        ("1", "confirmed", json!(null), json!(null)),
        ("2", "partly shipped", json!({"A": 2}), json!(false)),
        ("3", "shipped", json!({"A": 5}), json!(true)),
        ("4", "shipped", json!({"A": 5}), json!(true)),
        ("5", "confirmed", json!(null), json!(null)),
    ] {
        let one = world.status(&format!("/orders/US1/{id}")).await;
        let said = (&one["words"], &one["shipped"]["products"], &one["shipped"]["complete"]);
        assert_eq!(said, (&json!(words), &shipped, &complete), "{one}");
        assert_eq!(one["status"], "confirmed");
    }
    let one = world.status("/orders/US1/3").await;
    assert_eq!(one["explanation"], "all of it was shipped");
    let at = "1970-01-01T00:00:00Z";
    let expected = json!([
        {"number": 1, "products": {"A": 2}, "carrier": "DHL", "tracking": "0034", "shipped_at": at},
        {"number": 2, "products": {"A": 3}, "carrier": "DHL", "shipped_at": at},
    ]);
    assert_eq!(one["shipped"]["shipments"], expected);
    let list = async |status: &str| {
        let body = world.status(&format!("/orders?status={status}")).await;
        let orders = body["orders"].as_array().unwrap().iter();
        let text = |order: &Value, name: &str| order[name].as_str().unwrap().to_owned();
        let said = orders.map(|order| format!("{} {}", text(order, "id"), text(order, "words")));
        said.collect::<Vec<_>>()
    };
    assert_eq!(list("partly_shipped").await, ["US1/2 partly shipped"]);
    let shipped = ["US1/5 shipped", "US1/4 shipped", "US1/3 shipped"];
    assert_eq!(list("shipped").await, shipped, "the list goes by the header");
    assert_eq!(list("confirmed").await.len(), 5);
    let counts = world.status("/counts").await;
    assert_eq!(counts["orders"]["confirmed"], 5);
}
