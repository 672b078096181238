#![doc = include_str!("../README.md")]

mod app;
mod decide;
mod people;
mod show;

use app::{App, Configured};
use chassis::{Api, Operation, Role, Scope, Setup};
use messaging::rights::Rights;
use messaging::streams;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "billing";
/// Beside bodies: the process and the numbers of its warehouses. A body is here as it came, as events, as orders, as
/// documents with their facts, and as what the client of NATS has not sent yet.
pub const MEMORY: Memory = Memory::new(96, 10);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Writes the journals of invoices, their snapshots and their facts; removes old entries.",
    publishes: &["journal.invoices.*", "invoices.>", "errors.billing.>", "errors.alert.>"],
    asks: &[streams::INVOICES, streams::ERRORS, streams::ORDERS],
    reads: &[streams::JOURNAL],
    writes_buckets: &[streams::JOURNAL_SNAPSHOTS],
    reads_buckets: &[streams::PERSONS],
    purges: &[streams::JOURNAL, "KV_JOURNAL_SNAPSHOTS"],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings are missing, or NATS cannot be reached.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let keep = setup.env.or("ORDERFLOW_JOURNAL_KEEP", invoices::KEEP);
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let partners = setup.partners();
    let needs = &[streams::JOURNAL, streams::INVOICES];
    let (mut chassis, partners) = setup.connect(tokens, needs, || partners).await?;
    let configured = chassis.follow(partners, Configured::of);
    let known = configured.clone();
    let journals = chassis.journals_knowing(keep, move || known.get().warehouses.clone());
    let app = App::new(chassis.nats.clone(), journals, configured, &mut chassis.registry);
    Ok(chassis.serve(api(), Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    let decide = Operation::post("/", "Issues documents", Role::Connector, Scope::AllPartners);
    let look = |path, what| Operation::get(path, what, Role::BillingRead, Scope::Own);
    let act = |path, what| Operation::post(path, what, Role::Billing, Scope::AllPartners);
    Api::default()
        .at(decide, decide::batch)
        .at(look("/invoices/{number}", "An invoice or a credit note"), show::document)
        .at(look("/balances/{partner}/{order}", "How an order stands in the books"), show::balance)
        .at(act("/invoices/credit", "Credits an invoice, or pieces of it"), people::credit)
        .at(act("/invoices/pay", "Records a payment or a refund"), people::pay)
        .at(act("/invoices/retry", "Decides again what of an order is held"), people::retry)
        .journal(|app: &Arc<App>| &app.journals)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
