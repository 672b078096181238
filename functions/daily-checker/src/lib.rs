#![doc = include_str!("../README.md")]

mod arrivals;
mod check;
mod flight;
mod http;
mod look;
mod overdue;
mod recent;
mod report;
mod turns;

use chassis::{Api, Operation, Role, Scope, Setup};
use check::Checker;
use messaging::rights::Rights;
use messaging::streams;
use runtime::{BuildError, Door, Env, Function, Memory, Tokens};
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "daily-checker";
/// Beside bodies, of which it takes none: the process, and sessions with partners' servers.
pub const MEMORY: Memory = Memory::new(40, 1);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Files that arrived, files that are missing.",
    publishes: &["files.arrived.>", "errors.alert.>"],
    reads: &[streams::FILES, streams::ORDERS],
    writes_buckets: &[streams::FILES_LEDGER],
    reads_buckets: &[streams::FILES_CONTENT],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing, or the partners' configuration is wrong; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let partners = setup.partners_with_folders();
    let tokens = Tokens::from_env_with(setup.env, &[Door::Admin], &[Door::Read]);
    let streams = &[streams::FILES, streams::ORDERS];
    let (mut chassis, partners) = setup.connect(tokens, streams, || partners).await?;
    let partners = chassis.follow(partners, Arc::clone);
    let (nats, store) = (chassis.nats.clone(), Arc::clone(&chassis.store));
    let checker = Checker::new(nats, store, partners, &mut chassis.registry);
    Ok(chassis.serve(api(), Arc::new(http::App::new(checker)), MEMORY))
}

fn api() -> Api<Arc<http::App>> {
    let what = "Looks into the inboxes; names of partners and files only with a token";
    let operation = |of: fn(_, _, _, _) -> Operation| {
        of("/", what, Role::Anyone, Scope::AllPartners)
            .more_for(Role::OrdersRead)
            .more_for(Role::Admin)
    };
    Api::default()
        .at(operation(Operation::get), http::check)
        .at(operation(Operation::post), http::check)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
