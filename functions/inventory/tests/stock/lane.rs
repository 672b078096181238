//! Orders on the lane of `main`, as the connector brings them to order-processor.

use crate::support::World;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use chrono::DateTime;
use domain::order::{Cancels, Terms};
use domain::{Order, raw};
use messaging::publish::{self, Outgoing, Published};
use messaging::{Event, events, inventory::kind_name, stored, streams, tail};
use serde_json::json;
use serde_json::value::RawValue;
use state::journal::{Place, position};
use tokio::time::{Duration, Instant, sleep};

const FILTER: &str = "orders.placed.main.>";
/// A cluster that lost its leader answers within this time.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(120);

/// What is placed, and not given out yet.
pub(crate) struct Lane {
    identity: String,
    messages: Vec<(u64, String, Bytes)>,
    number: usize,
}

impl Lane {
    pub(crate) async fn of<S>(world: &World<S>) -> Self {
        let place = position(&world.nats, streams::ORDERS, FILTER, Place::End).await.unwrap();
        Self { identity: place.identity, messages: Vec::new(), number: 0 }
    }

    /// All that stands on the lane, whoever placed it.
    pub(crate) async fn read<S>(world: &World<S>) -> Self {
        let mut lane = Self::of(world).await;
        let each = |message: &async_nats::jetstream::Message| {
            let sequence = message.info().unwrap().stream_sequence;
            lane.messages.push((sequence, message.subject.to_string(), message.payload.clone()));
        };
        tail::read(&world.nats, streams::ORDERS, FILTER, 1, false, each).await.unwrap();
        lane
    }

    /// Places one order of `quantity` pieces; below zero it is a return.
    pub(crate) async fn place<S>(&mut self, world: &World<S>, product: &str, quantity: i64) {
        self.number += 1;
        self.send(world, &order(&self.number.to_string(), product, quantity, None)).await;
    }

    /// Places an attempt of an order, and gives its sequence.
    pub(crate) async fn send<S>(&mut self, world: &World<S>, order: &Order) -> u64 {
        let message = placed(order);
        let before = self.messages.iter().rfind(|(_, subject, _)| *subject == message.subject);
        let expected = Some(before.map_or(0, |(sequence, ..)| *sequence));
        let deadline = Instant::now() + WAIT_MAX;
        let sequence = loop {
            assert!(Instant::now() < deadline, "nobody takes order {}", order.order_id);
            match publish::one(&world.nats, &message, expected).await {
                Ok(Published::Stored(sequence)) => break sequence,
                // It was stored without an answer.
                Ok(Published::Occupied) => {
                    let standing = stored::last(&world.nats, streams::ORDERS, &message.subject);
                    if let Ok(Some(standing)) = standing.await {
                        break standing.sequence;
                    }
                }
                Err(unclear) => assert!(!unclear.is_permanent(), "{unclear}"),
            }
            sleep(Duration::from_millis(50)).await;
        };
        self.messages.push((sequence, message.subject, message.payload));
        sequence
    }

    /// Places the cancellation of the attempt in message `sequence`.
    pub(crate) async fn cancel<S>(&mut self, world: &World<S>, order: &Order, sequence: u64) {
        let cancels = Cancels { attempt: order.attempt, placed: sequence, decision: "d".into() };
        self.send(world, &order.cancelling(cancels)).await;
    }

    /// Gives out all that is placed until it is decided.
    pub(crate) async fn decide<S>(&self, world: &World<S>) {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            match world.processor.send(self.batch()).await {
                Some((200, _)) => return,
                Some((503, _)) | None => {}
                Some((status, body)) => panic!("{status} {body}"),
            }
            assert!(Instant::now() < deadline, "nobody decides");
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn batch(&self) -> Request<Body> {
        let (mut batch, mut previous) = (Vec::new(), 0_u64);
        for (sequence, _, payload) in &self.messages {
            let mut event: Event<Box<RawValue>> = serde_json::from_slice(payload).unwrap();
            event.sequence = Some(sequence.to_string());
            event.previous = Some(previous.to_string());
            previous = *sequence;
            batch.push(serde_json::to_string(&event).unwrap());
        }
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
            .header(header::AUTHORIZATION, "Bearer connector")
            .header("orderflow-after", 0)
            .header("orderflow-stream", "ORDERS")
            .header("orderflow-stream-identity", &self.identity)
            .header("orderflow-filter", FILTER);
        request.body(Body::from(format!("[{}]", batch.join(",")))).unwrap()
    }
}

/// A sale, or a return of `sale`.
pub(crate) fn order(id: &str, product: &str, quantity: i64, sale: Option<&str>) -> Order {
    let json = json!({"order_id": id, "product": product, "quantity": quantity, "price": 1,
        "returns": sale});
    raw::read(&json, None).unwrap().place(&Terms::direct(), DateTime::UNIX_EPOCH).unwrap()
}

fn placed(order: &Order) -> Outgoing {
    let Order { order_id, attempt, .. } = order;
    let kind = match order.cancels {
        Some(_) => events::ORDER_CANCELLING,
        None => events::ORDER_PLACED,
    };
    let subject = format!("orders.placed.main.DIRECT.{order_id}");
    let event = Event::new(format!("{order_id}:{attempt}"), "/test", kind, &subject, order);
    Outgoing::new(subject, event.to_bytes())
        .header("Orderflow-Attempt", &attempt.to_string())
        .header("Orderflow-Kind", kind_name(order.kind))
}
