//! What came back of sales.

use crate::World;
use domain::inventory::Returned;
use domain::{OrderId, PartnerId, ProductId};
use messaging::inventory::{By, HowMuch, SaleReturned};
use messaging::publish::{self, Outgoing};
use messaging::subject::Stage;
use messaging::{Event, events, header, stored, streams};
use serde_json::json;

impl World {
    /// Stores what order-processor says of a sale of five pieces.
    async fn came_back(&self, id: &str, placed: u64, pieces: i64) {
        let returned = (pieces != 0).then(|| (ProductId::parse("A").unwrap(), pieces));
        let order_id = OrderId::parse(id).unwrap();
        let returned = returned.into_iter().collect();
        let complete = pieces == 5;
        let of_shipped = Default::default();
        let sale = Returned { order_id, attempt: 1, placed, returned, of_shipped, complete };
        let by = By {
            order_id: OrderId::parse("R").unwrap(),
            attempt: 1,
            placed: placed + 2,
            cancelled: false,
        };
        let how_much = HowMuch::from(&sale).as_str();
        let data = SaleReturned { partner: PartnerId::parse("US1").unwrap(), sale, by };
        let subject = format!("orders.returned.main.US1.{id}");
        let event = Event::new("e".into(), "/x", events::ORDER_RETURNED, &subject, data);
        let message = Outgoing::new(subject, event.to_bytes())
            .header(header::ATTEMPT, "1")
            .header(header::DECISION_SEQUENCE, "1")
            .header(header::RETURNED, how_much);
        publish::one(&self.client, &message, None).await.unwrap();
    }

    /// A confirmed sale; the result is where it was placed.
    async fn sold(&self, id: &str) -> u64 {
        self.say(Stage::Placed, &format!("US1/{id}"), 1, None).await;
        self.say(Stage::Confirmed, &format!("US1/{id}"), 1, None).await;
        let subject = format!("orders.placed.main.US1.{id}");
        stored::last(&self.client, streams::ORDERS, &subject).await.unwrap().unwrap().sequence
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_says_what_came_back_of_it() {
    let world = World::start(&[]).await;
    for (id, pieces) in [("1", &[][..]), ("2", &[2]), ("3", &[2, 5]), ("4", &[2, 0])] {
        let placed = world.sold(id).await;
        for pieces in pieces {
            world.came_back(id, placed, *pieces).await;
        }
    }
    // What is said of another attempt, or by nobody who decides, does not count.
    let placed = world.sold("5").await;
    world.came_back("5", placed + 100, 5).await;
    for (id, words, returned) in [
        ("1", "confirmed", json!(null)),
        ("2", "partly returned", json!({"A": 2})),
        ("3", "returned", json!({"A": 5})),
        ("4", "confirmed", json!(null)),
        ("5", "confirmed", json!(null)),
    ] {
        let one = world.status(&format!("/orders/US1/{id}")).await;
        assert_eq!((&one["words"], &one["returned"]), (&json!(words), &returned), "{one}");
        assert_eq!(one["status"], "confirmed");
    }
    let list = async |status: &str| {
        let body = world.status(&format!("/orders?status={status}")).await;
        let ids = body["orders"].as_array().unwrap().iter();
        ids.map(|order| order["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("partly_returned").await, ["US1/2"]);
    assert_eq!(list("returned").await, ["US1/5", "US1/3"], "the list goes by the header");
    assert_eq!(list("confirmed").await.len(), 5);
    // Where it stands is said by its own facts.
    let counts = world.status("/counts").await;
    assert_eq!(
        (&counts["orders"]["confirmed"], &counts["orders"]["placed"]),
        (&json!(5), &json!(5))
    );
}
