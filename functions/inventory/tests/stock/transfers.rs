//! Transfers between warehouses: two journals, and a crash between any two steps.

use crate::support::{World, product};
use domain::WarehouseId;
use domain::inventory::{self, Body, Cause, Change};
use serde_json::{Value, json};
use state::journal::{BoundKey, Command};

fn going(products: Value) -> Value {
    json!({"from": "main", "to": "west", "products": products})
}

async fn unfinished<S>(world: &World<S>) -> Value {
    let (status, body) = world.get("/stock/transfers?warehouse=main").await;
    assert_eq!(status, 200, "{body}");
    body["transfers"].clone()
}

#[tokio::test]
async fn goods_leave_one_warehouse_and_come_into_the_other_once() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 10, "B": 5}})).await;
    let done = world.does("/stock/transfer", "k1", going(json!({"A": 4, "B": 5}))).await;
    assert_eq!(done["number"], 1);
    let (status, again) = world.ask("/stock/transfer", "k1", going(json!({"A": 4, "B": 5}))).await;
    assert_eq!((status, &again["applied"]), (200, &json!(false)), "{again}");
    assert_eq!(world.does("/stock/transfer", "k2", going(json!({"A": 4}))).await["number"], 2);
    let (status, problem) = world.ask("/stock/transfer", "k3", going(json!({"A": 3}))).await;
    let reason = json!([{"field": "products.A", "reason": "2 available, 3 to be taken"}]);
    assert_eq!((status, &problem["errors"]), (409, &reason));
    assert_eq!((world.available("main", "A").await, world.available("west", "A").await), (2, 8));
    assert_eq!((world.available("main", "B").await, world.available("west", "B").await), (0, 5));
    assert_eq!(unfinished(&world).await, json!([]));
    let finish = json!({"from": "main", "to": "west", "number": 2});
    let (status, again) = world.ask("/stock/transfer/finish", "", finish).await;
    assert_eq!((status, &again["applied"]), (200, &json!(false)), "{again}");
    world.check().await;
}

/// Writes an entry, as a process leaves it that ends behind it.
async fn write(
    world: &World,
    warehouse: &str,
    key: &BoundKey,
    change: impl Fn(&inventory::State) -> Change,
) {
    let journal = stock::journal(&world.nats, &WarehouseId::parse(warehouse).unwrap());
    let written = journal.command(key, |view| {
        let body = Body::Change(Box::new(change(view.state)));
        Ok::<_, ()>(Command::decision(view.state.entry(body)))
    });
    written.await.unwrap().unwrap();
}

/// The first entry of a transfer of 3 pieces.
async fn leave(world: &World, number: u64, key: &str) {
    // As the route binds it.
    let command = going(json!({"A": 3}));
    let bound = BoundKey::new(key, &("transfer", Ordered::of(&command)));
    write(world, "main", &bound, |state| {
        let to = WarehouseId::parse("west").unwrap();
        assert_eq!(state.transfers.next(&to), number);
        let cause = Cause::TransferOut { to, number, command: bound.id(), reference: None };
        Change { cause, moved: [(product("A"), -3)].into(), by: None }
    })
    .await;
}

/// The second entry of a transfer. Its key is forgotten; only the state knows of it.
async fn come(world: &World, number: u64) {
    let forgotten = BoundKey::new(&format!("forgotten {number}"), &());
    write(world, "west", &forgotten, |_| {
        let cause = Cause::TransferIn { from: WarehouseId::main(), number, reference: None };
        Change { cause, moved: [(product("A"), 3)].into(), by: None }
    })
    .await;
}

/// A command in the order of its fields.
#[derive(serde::Serialize)]
struct Ordered<'a> {
    from: &'a Value,
    to: &'a Value,
    products: &'a Value,
}

impl<'a> Ordered<'a> {
    fn of(command: &'a Value) -> Self {
        Self { from: &command["from"], to: &command["to"], products: &command["products"] }
    }
}

#[tokio::test]
async fn what_has_left_is_listed_and_the_same_call_or_its_number_ends_it() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 10}})).await;
    leave(&world, 1, "k1").await;
    leave(&world, 2, "k2").await;
    let left = |number: u64| json!({"to": "west", "number": number, "products": {"A": 3}});
    assert_eq!(unfinished(&world).await, json!([left(1), left(2)]));
    assert_eq!(world.available("main", "A").await, 4);
    // The same call, at a process that knows nothing of it.
    let done = world.does("/stock/transfer", "k1", going(json!({"A": 3}))).await;
    assert_eq!(done["number"], 1);
    assert_eq!(unfinished(&world).await, json!([left(2)]));
    let finish = json!({"from": "main", "to": "west", "number": 2});
    world.does("/stock/transfer/finish", "", finish.clone()).await;
    assert_eq!(unfinished(&world).await, json!([]));
    assert_eq!(world.ask("/stock/transfer/finish", "", finish).await.1["applied"], false);
    assert_eq!((world.available("main", "A").await, world.available("west", "A").await), (4, 6));
    world.check().await;
}

#[tokio::test]
async fn what_has_come_comes_once_also_when_its_key_is_forgotten() {
    let world = World::start().await;
    world.does("/stock", "set", json!({"available": {"A": 10}})).await;
    leave(&world, 1, "k1").await;
    leave(&world, 2, "k2").await;
    come(&world, 2).await;
    come(&world, 1).await;
    world.does("/stock/transfer", "k1", going(json!({"A": 3}))).await;
    let finish = json!({"from": "main", "to": "west", "number": 2});
    world.does("/stock/transfer/finish", "", finish).await;
    assert_eq!(unfinished(&world).await, json!([]));
    assert_eq!((world.available("main", "A").await, world.available("west", "A").await), (4, 6));
    world.check().await;
}
