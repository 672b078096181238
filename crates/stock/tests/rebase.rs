//! What a lane's input holds, compared with its journal.
#![cfg(test)]

use async_nats::jetstream::stream::Config;
use chrono::DateTime;
use domain::inventory::{
    Body, Identity as Of, Outcome, Pieces, Returned, Shipment, Shipped, Verdict,
};
use domain::{Kind, OrderId, PartnerId, ProductId, WarehouseId};
use messaging::publish::{self, Outgoing};
use messaging::streams::identity::Identity;
use messaging::streams::{self, ORDERS};
use messaging::{Event, Nats, header, stored, subject};
use state::journal::{BoundKey, Command, Decide, Position};
use std::convert::Infallible;
use testkit::nats::Server;

async fn start() -> (Server, Nats) {
    let server = Server::start();
    let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.unwrap();
    }
    (server, nats)
}

fn outcome(sequence: u64, order: &str) -> Outcome {
    let id = Of {
        partner: PartnerId::parse("US1").unwrap(),
        order_id: OrderId::parse(order).unwrap(),
        kind: Kind::Sale,
        attempt: 1,
        file: None,
    };
    let verdict = Verdict::Confirmed(Vec::new());
    Outcome { sequence, order: None, id: Some(id), verdict, in_force: None }
}

async fn place(nats: &Nats, order: &str) {
    let subject = format!("orders.placed.main.US1.{order}");
    nats.js.publish(subject, "{}".into()).await.unwrap().await.unwrap();
}

/// A return of the sale `S`, which was placed in message 1.
fn back(sequence: u64, order: &str, returned: i64) -> Outcome {
    let returned = [(ProductId::parse("A").unwrap(), returned)].into();
    let order_id = OrderId::parse("S").unwrap();
    let of_shipped = Pieces::new();
    let sale = Returned { order_id, attempt: 1, placed: 1, returned, of_shipped, complete: false };
    Outcome {
        verdict: Verdict::Returned { movements: Vec::new(), sale },
        ..outcome(sequence, order)
    }
}

/// Shipments of the sale `S` with these numbers.
async fn ship(nats: &Nats, numbers: impl IntoIterator<Item = u32>) {
    let journal = stock::journal(nats, &WarehouseId::main());
    for number in numbers {
        let products: Pieces = [(ProductId::parse("A").unwrap(), 1)].into();
        let shipment = Shipment {
            number,
            products: products.clone(),
            carrier: None,
            tracking: None,
            shipped_at: DateTime::UNIX_EPOCH,
            by: None,
        };
        let shipped = Shipped {
            partner: PartnerId::parse("US1").unwrap(),
            order_id: OrderId::parse("S").unwrap(),
            attempt: 1,
            placed: 1,
            shipment,
            shipped: products,
            complete: false,
        };
        let key = BoundKey::new(&number.to_string(), &());
        let body = Body::Shipped(Box::new(shipped));
        let done = journal.command(&key, |view| {
            Ok::<_, Infallible>(Command::decision(view.state.entry(body.clone())))
        });
        done.await.unwrap().unwrap();
    }
}

/// Decides these messages, each of the lists by an entry of its own.
async fn decide(nats: &Nats, entries: impl IntoIterator<Item = Vec<Outcome>>) {
    let main = WarehouseId::main();
    let identity = Identity::of(nats.js.get_stream(ORDERS).await.unwrap().cached_info());
    let journal = stock::journal(nats, &main);
    for outcomes in entries {
        let position = Position {
            stream: ORDERS.into(),
            identity: identity.name.clone(),
            filter: subject::placed(&main),
            sequence: outcomes.last().unwrap().sequence,
        };
        let mut written = false;
        let decided = journal.commit(|_| match std::mem::replace(&mut written, true) {
            true => Decide::Answer(()),
            false => Decide::Append {
                body: Body::Orders { outcomes: outcomes.clone(), checked: Default::default() },
                decided_to: Some(position.clone()),
            },
        });
        decided.await.unwrap();
    }
}

/// Replaces the stream of orders by an older copy, without any message.
async fn restore(nats: &Nats) {
    let identity = Identity::of(nats.js.get_stream(ORDERS).await.unwrap().cached_info());
    nats.js.delete_stream(ORDERS).await.unwrap();
    let definition = streams::STREAMS.iter().find(|stream| stream.name == ORDERS).unwrap();
    let copy = Config {
        name: ORDERS.into(),
        subjects: definition.subjects.iter().map(ToString::to_string).collect(),
        description: Some(identity.write("")),
        ..Default::default()
    };
    nats.js.create_stream(copy).await.unwrap();
}

/// An older copy has the same name, and sequences that were given to other orders before.
#[tokio::test]
async fn in_an_older_copy_a_new_order_is_not_taken_for_the_lost_one_at_its_place() {
    let (_server, nats) = start().await;
    let main = WarehouseId::main();
    for order in ["1", "2", "3"] {
        place(&nats, order).await;
    }
    decide(&nats, [vec![outcome(1, "1")], vec![outcome(2, "2"), outcome(3, "3")]]).await;
    assert_eq!(stock::survey(&nats, &main).await.unwrap().fault(), None);

    restore(&nats).await;
    for order in ["1", "new", "2", "newer"] {
        place(&nats, order).await;
    }
    let survey = stock::survey(&nats, &main).await.unwrap();
    assert!(survey.fault().unwrap().contains("an older copy"), "{survey:?}");
    let going = survey.go_on(None).unwrap();
    assert_eq!((survey.decided, &survey.undecided[..]), (2, &[2, 4][..]));
    assert_eq!((going.to.sequence, &going.passed_over[..], going.left), (3, &[2][..], 1));

    // What was decided before is told again.
    let fact = "orders.confirmed.main.US1.1";
    assert!(stored::last(&nats, ORDERS, fact).await.unwrap().is_none());
    assert_eq!(going.untold, ["orders.placed.main.US1.1".to_owned()].into());
    stock::go_on(&nats, &main, &going, "restored", |_| {}).await.unwrap();
    let told = stored::last(&nats, ORDERS, fact).await.unwrap().unwrap();
    assert!(told.decision_sequence().is_some());
    let survey = stock::survey(&nats, &main).await.unwrap();
    assert_eq!((survey.fault(), survey.untold.len()), (None, 0));
    let now = std::time::SystemTime::now().into();
    let found = stock::verify(&nats, &main, now).await.unwrap();
    assert_eq!(found.problems, [], "what was passed over is refused, once");
}

/// Otherwise it could be returned once more.
#[tokio::test]
async fn what_was_returned_of_a_sale_is_told_again_in_an_older_copy() {
    let (_server, nats) = start().await;
    let (main, sale) = (WarehouseId::main(), "orders.returned.main.US1.S");
    for order in ["S", "R1", "R2", "R3", "last"] {
        place(&nats, order).await;
    }
    decide(&nats, [vec![outcome(1, "S")], vec![back(2, "R1", 1)], vec![back(3, "R2", 2)]]).await;
    // The next writer publishes the facts of the last entry. So another entry follows.
    decide(&nats, [vec![back(4, "R3", 3)], vec![outcome(5, "last")]]).await;
    let told = async || stored::last(&nats, ORDERS, sale).await.unwrap();
    let last = told().await.unwrap();
    ship(&nats, [1, 2]).await;

    // The copy holds the orders, what was told last of the sale when it was made, and a new order.
    restore(&nats).await;
    for order in ["S", "R1", "R2", "new"] {
        place(&nats, order).await;
    }
    let earlier = Outgoing::new(sale.into(), "{}".into())
        .header(header::DECISION, "x")
        .header(header::DECISION_SEQUENCE, "2");
    publish::one(&nats, &earlier, None).await.unwrap();
    let survey = stock::survey(&nats, &main).await.unwrap();
    let going = survey.go_on(None).unwrap();
    stock::go_on(&nats, &main, &going, "restored", |_| {}).await.unwrap();
    let again = told().await.unwrap();
    assert_eq!(
        (again.decision_sequence(), again.payload),
        (last.decision_sequence(), last.payload)
    );
    // So it is with what was shipped.
    let shipped = stored::last(&nats, ORDERS, "orders.shipped.main.US1.S").await.unwrap().unwrap();
    let event: Event<Shipped> = serde_json::from_slice(&shipped.payload).unwrap();
    assert_eq!(event.data.unwrap().shipment.number, 2);
}
