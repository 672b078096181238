#![doc = include_str!("../README.md")]

use chassis::{Api, Kept, Operation, Setup};
use messaging::rights::Rights;
use messaging::streams;
use products::Item;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "inventory";
/// Beside bodies: the process. A body is here as it came, as fields, as a product, and as its entry.
pub const MEMORY: Memory = Memory::new(48, 6);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Keeps the products, and says when one is changed.",
    publishes: &["products.changed.>"],
    asks: &[streams::CATALOGUE],
    writes_buckets: &[streams::PRODUCTS, streams::REQUESTS],
    purges: &["KV_PRODUCTS"],
    ..Rights::NONE
};

/// What it depends on: the products, and what was told of them.
const STREAMS: &[&str] = &["KV_PRODUCTS", streams::CATALOGUE];

/// Makes the function.
///
/// # Errors
/// Settings are missing, or NATS cannot be reached.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let setup = Setup::new(env, NAME);
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let (mut chassis, ()) = setup.connect(tokens, STREAMS, || Some(())).await?;
    let app = App { products: chassis.records() };
    Ok(chassis.serve(api(), Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    Api::default().records(|app: &Arc<App>| &app.products)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    products: Kept<Item>,
}
