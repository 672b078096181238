#![doc = include_str!("../README.md")]

mod depots;
mod files;
mod http;
mod ledger;
mod memory;
mod orders;

pub use memory::MEMORY;
pub use orders::Status;

use chassis::{Api, Operation, Role, Scope, Setup};
use messaging::rights::{Reach, Rights};
use messaging::streams;
use runtime::{BuildError, Door, Env, Function, Tokens};
use state::fold::{Folded, Metrics};
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "status-checker";

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Reads, keeps how far it has read, and says so when the partners' configuration is wrong.",
    publishes: &["errors.alert.>", "$KV.FOLD_CHECKPOINTS.status-checker.>"],
    reads: &[streams::FILES, streams::ORDERS, streams::ERRORS],
    reads_buckets: &[streams::FILES_LEDGER, streams::FILES_CONTENT, streams::FOLD_CHECKPOINTS],
    purges: &["KV_FOLD_CHECKPOINTS"],
    reaches: &[Reach::Sftp],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing, or the partners' configuration is wrong; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let partners = setup.partners_with_folders();
    let orders_max = setup.env.or("ORDERFLOW_STATUS_ORDERS_MAX", memory::ORDERS_MAX).get();
    let tokens = Tokens::from_env(setup.env, &[Door::Read]);
    let streams = &[streams::ORDERS, streams::FILES];
    let (mut chassis, partners) = setup.connect(tokens, streams, || partners).await?;
    let metrics = Metrics::register(&mut chassis.registry);
    let (nats, orders) = (chassis.nats.clone(), orders::Orders::up_to(orders_max));
    let app = http::App {
        store: Arc::clone(&chassis.store),
        partners: chassis.follow(partners, Arc::clone),
        orders: Folded::start(&nats, NAME, orders, &metrics),
        files: Folded::start(&nats, NAME, ledger::Files, &metrics),
        looks: http::Looks::register(&mut chassis.registry),
        nats,
    };
    Ok(chassis.serve(api(), Arc::new(app), memory::with(orders_max)))
}

fn api() -> Api<Arc<http::App>> {
    let get = |path, what| Operation::get(path, what, Role::OrdersRead, Scope::AllPartners);
    let what = "What is in every depot and inbox, and what became of every file";
    let by_post = Operation::post("/", what, Role::OrdersRead, Scope::AllPartners);
    Api::default()
        .at(get("/", what), http::status)
        .at(by_post, http::status)
        .at(get("/orders", "What became of the orders, newest first"), http::list)
        .at(get("/orders/{partner}/{order}", "What became of one order"), http::one)
        .at(get("/counts", "How many orders there are, by partner and by file"), http::counts)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
