#![doc = include_str!("../README.md")]

mod card;
mod directory;
mod erase;
mod http;
mod mover;
mod ordered;
mod position;

use chassis::{Api, Operation, Role, Scope, Setup};
use http::App;
use messaging::rights::Rights;
use messaging::streams;
use mover::Mover;
use ordered::Ordered;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use state::fold::{Folded, Metrics};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "customers";

/// Orders that are held, unless `ORDERFLOW_CUSTOMERS_ORDERS_MAX` says otherwise.
const ORDERS_MAX: NonZeroUsize = NonZeroUsize::new(500_000).expect("half a million is not 0");
/// One order with its ids and the digest of what it says of a person.
const ORDER_BYTES: u64 = 200;
/// The process, cards and answers, and 64 MiB for totals.
const BASE_MIB: u64 = 128;
/// What it takes beside bodies, with as many orders as it holds by default.
pub const MEMORY: Memory = memory(ORDERS_MAX.get());

const fn memory(orders: usize) -> Memory {
    Memory::new(BASE_MIB + orders as u64 * ORDER_BYTES / (1024 * 1024), 6)
}

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Keeps cards of customers, moves them by what orders say, and takes them away.",
    publishes: &["customers.changed.>", "$KV.FOLD_CHECKPOINTS.customers.>"],
    asks: &[streams::CUSTOMERS],
    reads: &[streams::ORDERS, streams::ERRORS, streams::INTAKE, streams::OUTBOX],
    writes_buckets: &[streams::CUSTOMER_CARDS, streams::PERSONS, streams::REQUESTS],
    reads_buckets: &[streams::FOLD_CHECKPOINTS],
    purges: &["KV_FOLD_CHECKPOINTS", "KV_CUSTOMER_CARDS"],
    deletes: &[streams::ERRORS, streams::INTAKE, streams::OUTBOX],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let setup = Setup::new(env, NAME);
    let orders_max = setup.env.or("ORDERFLOW_CUSTOMERS_ORDERS_MAX", ORDERS_MAX).get();
    let api = api();
    let tokens = Tokens::from_env(setup.env, &api.doors());
    let (mut chassis, ()) = setup.connect(tokens, &[streams::ORDERS], || Some(())).await?;
    let metrics = Metrics::register(&mut chassis.registry);
    let cards = chassis.records();
    let orders = Folded::start(&chassis.nats, NAME, Ordered::up_to(orders_max), &metrics);
    let orders = Arc::new(orders);
    let records = cards.records().clone();
    let mover = Mover::new(chassis.nats.clone(), records.clone(), Arc::clone(&orders));
    chassis.beside("cards", |stop| mover.run(stop));
    let (nats, store) = (chassis.nats.clone(), Arc::clone(&chassis.store));
    let app = App { nats, store, directory: records.keep(), cards, orders };
    Ok(chassis.serve(api, Arc::new(app), memory(orders_max)))
}

fn api() -> Api<Arc<App>> {
    let find = Operation::get("/search", "Finds customers", Role::CustomersRead, Scope::Own);
    let path = "/customers/{partner}/{id}/orders";
    let orders = Operation::get(path, "What a customer ordered", Role::CustomersRead, Scope::Own);
    let path = "/customers/{partner}/{id}/erase";
    let what = "Takes away what is known of a customer, and says what stays";
    let erase = Operation::post(path, what, Role::Customers, Scope::Own);
    Api::default()
        .records(|app: &Arc<App>| &app.cards)
        .at(find, http::search)
        .at(orders, http::orders)
        .at(erase, erase::erase)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
