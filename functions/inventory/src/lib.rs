#![doc = include_str!("../README.md")]

mod ledger;
mod stock;

use ::stock::{KEEP, StockLane};
use chassis::{Api, Journals, Operation, Setup};
use ledger::Ledger;
use messaging::rights::Rights;
use messaging::streams;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use state::fold::{Folded, Metrics};
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "inventory";
/// Beside bodies: the process, and the stock of its warehouses.
pub const MEMORY: Memory = Memory::new(96, 6);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Keeps the products, and says when one is changed.",
    publishes: &["products.changed.>"],
    reads: &[streams::JOURNAL],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings are missing, or NATS cannot be reached.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let keep = setup.env.or("ORDERFLOW_JOURNAL_KEEP", KEEP);
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let partners = setup.partners_if_configured();
    let (mut chassis, partners) =
        setup.connect(tokens, &[streams::JOURNAL], || Some(partners)).await?;
    let metrics = Metrics::register(&mut chassis.registry);
    let ledger = Folded::start(&chassis.nats, NAME, Ledger, &metrics);
    let app = App { journals: chassis.journals(keep, partners), ledger };
    Ok(chassis.serve(api(), Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    stock::routes(Api::default())
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    journals: Journals<StockLane>,
    ledger: Folded<Ledger>,
}
