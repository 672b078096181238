//! Builds the function.

use crate::check::Checker;
use crate::{MEMORY, NAME, http};
use chassis::{Api, Operation, Role, Scope, Setup};
use messaging::streams;
use runtime::{BuildError, Door, Env, Function, Tokens};
use std::sync::Arc;

/// Builds the function.
///
/// # Errors
/// If settings or secrets are missing, or the partners' configuration is wrong; all problems are named.
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

/// Its operations, for the API documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
