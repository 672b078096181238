#![doc = include_str!("../README.md")]

mod app;
mod bills;
mod books;
mod decide;
mod lists;
mod payments;
mod people;
mod place;
mod retry;
mod show;

use app::{App, Configured};
use books::{Books, Sums};
use chassis::{Api, Operation, Role, Scope, Setup};
use messaging::rights::Rights;
use messaging::streams;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use state::fold::{Folded, Metrics};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "billing";
/// Documents that are held for lists, unless `ORDERFLOW_BILLING_DOCUMENTS_MAX` says otherwise.
const DOCUMENTS_MAX: NonZeroUsize =
    NonZeroUsize::new(250_000).expect("a quarter of a million is not 0");

/// About what a document and the balance of its order take.
const DOCUMENT_BYTES: u64 = 800;
/// Beside bodies and documents: the process, the numbers of its warehouses, and totals of customers.
const BASE_MIB: u64 = 128;
/// A body is here as it came, as events, as orders, as documents with their facts, and as what the client of NATS has
/// not sent yet.
const BODIES: u64 = 10;

/// What it takes with as many documents as it holds by default.
pub const MEMORY: Memory = memory(DOCUMENTS_MAX.get());

const fn memory(documents: usize) -> Memory {
    Memory::new(BASE_MIB + documents as u64 * DOCUMENT_BYTES / (1024 * 1024), BODIES)
}

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Writes the journals of invoices, their snapshots and their facts; removes old entries; reads what was issued.",
    publishes: &[
        "journal.invoices.*",
        "invoices.>",
        "errors.billing.>",
        "errors.alert.>",
        "$KV.FOLD_CHECKPOINTS.billing.>",
    ],
    asks: &[streams::ERRORS, streams::ORDERS],
    reads: &[streams::JOURNAL, streams::INVOICES],
    writes_buckets: &[streams::JOURNAL_SNAPSHOTS],
    reads_buckets: &[streams::PERSONS, streams::FOLD_CHECKPOINTS],
    purges: &[streams::JOURNAL, "KV_JOURNAL_SNAPSHOTS", "KV_FOLD_CHECKPOINTS"],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings are missing, or NATS cannot be reached.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let keep = setup.env.or("ORDERFLOW_JOURNAL_KEEP", invoices::KEEP);
    let documents_max = setup.env.or("ORDERFLOW_BILLING_DOCUMENTS_MAX", DOCUMENTS_MAX).get();
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let partners = setup.partners();
    let needs = &[streams::JOURNAL, streams::INVOICES];
    let (mut chassis, partners) = setup.connect(tokens, needs, || partners).await?;
    let configured = chassis.follow(partners, Configured::of);
    let known = configured.clone();
    let journals = chassis.journals_knowing(keep, move || known.get().warehouses.clone());
    let metrics = Metrics::register(&mut chassis.registry);
    let books = Folded::start(&chassis.nats, NAME, Books::up_to(documents_max), &metrics);
    let store = Arc::clone(&chassis.store);
    let sums = Folded::start(&chassis.nats, NAME, Sums, &metrics);
    let (nats, folds) = (chassis.nats.clone(), (store, books, sums));
    let app = App::new(nats, journals, configured, folds, &mut chassis.registry);
    Ok(chassis.serve(api(), Arc::new(app), memory(documents_max)))
}

fn api() -> Api<Arc<App>> {
    let decide = Operation::post("/", "Issues documents", Role::Connector, Scope::AllPartners);
    let look = |path, what| Operation::get(path, what, Role::BillingRead, Scope::Own);
    let days = Operation::get(
        "/days",
        "What was issued on each day",
        Role::BillingRead,
        Scope::AllPartners,
    );
    let rates = Operation::get(
        "/days/rates",
        "What was issued on each day, by rate of tax",
        Role::BillingRead,
        Scope::AllPartners,
    );
    let act = |path, what| Operation::post(path, what, Role::Billing, Scope::AllPartners);
    Api::default()
        .at(decide, decide::batch)
        .at(look("/invoices", "Lists invoices and credit notes, newest first"), lists::list)
        .at(look("/invoices/{number}", "An invoice or a credit note"), show::document)
        .at(
            look("/invoices/{number}/pdf", "The same as PDF/A-3 with its XML"),
            show::file::<show::Pdf>,
        )
        .at(look("/invoices/{number}/html", "The same as a page"), show::file::<show::Html>)
        .at(look("/invoices/{number}/xml", "The same as XML of EN 16931"), show::file::<show::Xml>)
        .at(look("/balances/{partner}/{order}", "How an order stands in the books"), show::balance)
        .at(look("/bills/{id}", "The same in the shape of a Spring sample"), bills::bill)
        .at(look("/fullBill/{id}", "The same with customer and products"), bills::full)
        .at(look("/open-items", "What is open, overdue or held"), lists::open_items)
        .at(look("/customers/totals", "What was invoiced to each customer"), lists::totals)
        .at(days, lists::days)
        .at(rates, lists::day_rates)
        .at(act("/invoices/credit", "Credits an invoice, or pieces of it"), people::credit)
        .at(act("/invoices/pay", "Records a payment or a refund"), people::pay)
        .at(
            act(
                "/invoices/payments",
                "Records payments of a CSV file: number, amount, paid_on, reference",
            ),
            payments::payments,
        )
        .at(act("/invoices/retry", "Decides again what of an order is held"), retry::retry)
        .journal(|app: &Arc<App>| &app.journals)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
