//! A process that is killed between any two steps of a request, which then comes again.

use crate::support::{World, replica_on, told};
use serde_json::{Value, json};
use testkit::ends::Ends;

/// Sends `request` to a process that ends after so many steps, and then to one that does not, until the first
/// one comes to its end. `check` gets the number of kills.
async fn killed_anywhere(
    world: &World,
    method: &str,
    request: impl Fn(usize) -> (String, Value),
    prepare: impl AsyncFn(usize),
    check: impl AsyncFn(usize, &crate::support::Answered),
) {
    let mut whole = 0;
    for steps in 0..60 {
        prepare(steps).await;
        let (path, body) = request(steps);
        let key = format!("{method} {steps}");
        let headers = [("idempotency-key", &*key)];
        let ends = Ends::after(&world.nats, steps);
        let killed = replica_on(ends.wire()).await.send(method, &path, &headers, &body).await;
        let is_over = ends.is_over();
        assert!(is_over || killed.status < 300, "{killed:?}");
        let again = world.shops[0].send(method, &path, &headers, &body).await;
        assert!(again.status < 300, "after {steps} steps: {again:?}");
        check(steps, &again).await;
        whole = if is_over { 0 } else { whole + 1 };
        if whole == 2 {
            assert!(6 < steps, "it takes more steps than {steps}");
            return;
        }
    }
    panic!("it does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_made_is_made_once() {
    let world = World::start(1).await;
    let of = |steps: usize| ("/products".to_owned(), json!({"name": format!("Tea {steps}")}));
    killed_anywhere(
        &world,
        "POST",
        of,
        async |_| {},
        async |steps, answered| {
            let told = told(&world.nats, "analytics.products.>").await;
            assert_eq!(told.len(), steps + 1, "one event for each");
            let id = answered.body["id"].as_str().unwrap();
            assert_eq!(world.shops[0].get(&format!("/products/{id}")).await.status, 200);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_came_through_is_not_made_again() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let of = |steps: usize| {
        (format!("/products/{steps}"), json!({"name": format!("Green {steps}"), "cents": 1}))
    };
    let prepare = async |steps: usize| {
        let body = json!({"id": steps.to_string(), "name": format!("Tea {steps}")});
        assert_eq!(shop.post("/products", &body).await.status, 201);
    };
    killed_anywhere(&world, "PATCH", of, prepare, async |steps, answered| {
        assert_eq!(answered.body["cents"], 1, "{answered:?}");
        let told = told(&world.nats, &format!("analytics.products.{steps}")).await;
        let changes: Vec<_> = told.iter().map(|it| it["change"].as_str().unwrap()).collect();
        assert_eq!(changes, ["created", "changed"], "after {steps} steps");
        // The name that it had is free.
        let body = json!({"name": format!("Tea {steps}")});
        assert_eq!(shop.post("/products", &body).await.status, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_deleted_is_deleted_once_whoever_makes_another_meanwhile() {
    let world = World::start(1).await;
    let shop = world.shops[0];
    let of = |steps: usize| (format!("/products/{steps}"), json!({}));
    let body = |steps: usize| json!({"id": steps.to_string(), "name": format!("Tea {steps}")});
    let prepare = async |steps: usize| {
        assert_eq!(shop.post("/products", &body(steps)).await.status, 201);
    };
    killed_anywhere(&world, "DELETE", of, prepare, async |steps, _| {
        assert_eq!(shop.post("/products", &body(steps)).await.status, 201);
        let key = format!("DELETE {steps}");
        let headers = [("idempotency-key", &*key)];
        let again = shop.send("DELETE", &format!("/products/{steps}"), &headers, "{}").await;
        assert_eq!(again.status, 204, "{again:?}");
        assert_eq!(shop.get(&format!("/products/{steps}")).await.status, 200, "the next one");
    })
    .await;
}
