//! The position of a lane in which nothing is placed, and streams by their names.

use crate::support::{FILTER, World, build, send};
use axum::body::Body;
use axum::http::{Request, header};
use messaging::{streams, subject, tail};
use serde_json::{Value, json};

/// A call of the connector, with these headers beside the usual ones.
async fn call(world: &World, events: Value, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = Request::post("/")
        .header(header::CONTENT_TYPE, "application/cloudevents-batch+json")
        .header(header::AUTHORIZATION, "Bearer connector")
        .header("orderflow-stream", "ORDERS")
        .header("orderflow-filter", FILTER);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(&world.router, request.body(Body::from(events.to_string())).unwrap()).await
}

async fn entries(world: &World) -> usize {
    let mut count = 0;
    let journal = subject::inventory_journal(&domain::WarehouseId::main());
    let each = |_: &async_nats::jetstream::Message| count += 1;
    tail::read(&world.nats, streams::JOURNAL, &journal, 1, true, each).await.unwrap();
    count
}

/// Something that is decided, whatever it is: sequence 3.
fn event() -> Value {
    json!([{"specversion": "1.0", "id": "e", "source": "/t", "type": "orderflow.order.placed.v1",
        "sequence": "3", "previous": "0", "data": {}}])
}

const NAME: (&str, &str) = ("orderflow-stream-identity", "a1");

#[tokio::test]
async fn an_idle_position_moves_to_where_nothing_was_placed() {
    let world = World::start().await;
    assert_eq!(call(&world, event(), &[NAME, ("orderflow-after", "0")]).await.0, 200);
    let before = entries(&world).await;
    let idle = async |after: &str, to: &str| {
        let headers = [NAME, ("orderflow-after", after), ("orderflow-quiet-to", to)];
        call(&world, json!([]), &headers).await.1["decided_to"].clone()
    };
    assert_eq!(idle("3", "9").await, 9);
    assert_eq!(entries(&world).await, before + 1);
    // Repeated, late, or from somebody who is elsewhere: nothing moves.
    for (after, to) in [("3", "9"), ("3", "20"), ("9", "9"), ("9", "2"), ("4", "30")] {
        assert_eq!(idle(after, to).await, 9, "{after} {to}");
    }
    assert_eq!(entries(&world).await, before + 1);
    // What is placed afterwards names the last message before it as ever.
    let next = json!([{"specversion": "1.0", "id": "f", "source": "/t", "data": {},
        "type": "orderflow.order.placed.v1", "sequence": "12", "previous": "3"}]);
    let answer = call(&world, next, &[NAME, ("orderflow-after", "9")]).await;
    assert_eq!(answer.1["decided_to"], 12, "{answer:?}");
}

#[tokio::test]
async fn a_stream_is_known_by_its_name_and_by_former_ones() {
    let world = World::start().await;
    // The connector of version 0.1.0 names the creation time.
    let old = ("orderflow-stream-created", "2026-01-01T00:00:00Z");
    assert_eq!(call(&world, event(), &[old, ("orderflow-after", "0")]).await.0, 200);
    let idle = async |names: &[(&str, &str)]| {
        call(&world, json!([]), &[names, &[("orderflow-after", "3")]].concat()).await
    };
    let also = ("orderflow-stream-also", "2025-01-01T00:00:00Z 2026-01-01T00:00:00Z");
    assert_eq!(idle(&[NAME, also]).await.1["decided_to"], 3);
    let other = idle(&[NAME]).await;
    assert_eq!((other.0, &other.1["fault"]), (409, &json!(true)));
    assert!(other.1["detail"].as_str().unwrap().contains("orderflow journal rebase"), "{other:?}");
    assert_eq!(idle(&[]).await.0, 400, "a stream without a name is none");
}

#[tokio::test]
async fn an_older_copy_that_has_grown_past_the_position_is_not_decided() {
    let world = World::start().await;
    let place = async |order: &str| {
        let subject = format!("orders.placed.main.DIRECT.{order}");
        world.nats.js.publish(subject, "{}".into()).await.unwrap().await.unwrap().sequence
    };
    let event = async |order: &str, previous: u64| {
        let sequence = place(order).await;
        json!({"specversion": "1.0", "id": order, "source": "/t", "data": {},
            "type": "orderflow.order.placed.v1", "sequence": sequence.to_string(),
            "previous": previous.to_string(), "subject": format!("orders.placed.main.DIRECT.{order}")})
    };
    let events = json!([event("1", 0).await, event("2", 1).await]);
    let answer = call(&world, events, &[NAME, ("orderflow-after", "0")]).await;
    assert_eq!(answer.1["decided_to"], 2, "{answer:?}");
    // Restarted on the same stream, it goes on.
    let world = World { router: build(&world.server).await, ..world };
    let idle =
        async |world: &World| call(world, json!([]), &[NAME, ("orderflow-after", "2")]).await;
    assert_eq!(idle(&world).await.1["decided_to"], 2);

    world.nats.js.delete_stream(streams::ORDERS).await.unwrap();
    streams::setup(&world.nats, streams::Settings::default()).await;
    for order in ["1", "new", "newer"] {
        let subject = format!("orders.placed.main.DIRECT.{order}");
        world.nats.js.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    }
    let world = World { router: build(&world.server).await, ..world };
    let (status, body) = idle(&world).await;
    assert_eq!((status, &body["fault"]), (409, &json!(true)), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("an older copy"), "{body}");
}
