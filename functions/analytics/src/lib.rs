#![doc = include_str!("../README.md")]

mod archiver;
mod csv;
mod http;
mod invoiced;
mod sales;
mod windows;

use archive::{Archive, amount, issued};
use archiver::Archiver;
use chassis::{Api, Operation, Role, Scope, Setup};
use http::App;
use invoiced::Invoiced;
use messaging::rights::Rights;
use messaging::streams;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use sales::Sales;
use state::fold::{Every, Folded, Metrics};
use std::sync::Arc;
use std::time::Duration;
use windows::{Closer, Windows};

/// Its name in `stack.yml`.
pub const NAME: &str = "analytics";

/// The process, a checkpoint or a file of a day in the making, and answers.
const BASE_MIB: u64 = 128;
/// Rows of orders, customers, seconds of a week, and sums of days, all at their limits.
const HELD_BYTES: u64 = (sales::ROWS_MAX * sales::ROW_BYTES
    + invoiced::CUSTOMERS_MAX * invoiced::CUSTOMER_BYTES) as u64
    + windows::HELD_SECONDS.unsigned_abs() * windows::SECOND_BYTES
    + archive::BYTES_MAX as u64;

/// What it takes beside bodies; it takes none.
pub const MEMORY: Memory = Memory::new(BASE_MIB + HELD_BYTES / (1024 * 1024), 2);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Reads orders and invoices, says what windows of time come to, archives days, and keeps how far it has read.",
    publishes: &["analytics.>", "$KV.FOLD_CHECKPOINTS.analytics.>", "$O.ARCHIVE.>"],
    reads: &[streams::ORDERS, streams::INVOICES, streams::ANALYTICS, streams::ARCHIVE_OBJECTS],
    writes_buckets: &[streams::ARCHIVE],
    reads_buckets: &[streams::FOLD_CHECKPOINTS],
    purges: &["KV_FOLD_CHECKPOINTS", streams::ARCHIVE_OBJECTS],
    ..Rights::NONE
};

/// When checkpoints of large states are written: a lost one costs the time to read so much again.
const SELDOM: Every = Every {
    time: Duration::from_secs(15),
    events: 50_000,
    age: Duration::from_secs(7 * 24 * 3_600),
};

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing, or NATS refuses the login.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let setup = Setup::new(env, NAME);
    let api = api();
    let tokens = Tokens::from_env(setup.env, &api.doors());
    let needs = &[streams::ORDERS, streams::INVOICES];
    let (mut chassis, ()) = setup.connect(tokens, needs, || Some(())).await?;
    let metrics = Metrics::register(&mut chassis.registry);
    let nats = chassis.nats.clone();
    let closing = windows::Metrics::register(&mut chassis.registry);
    let clock = windows::Clock::default();
    clock.begin(&nats).await;
    let windows = Arc::new(Folded::start(&nats, NAME, Windows, &metrics));
    let archive = Arc::new(Archive::new(&nats));
    let app = App::new(
        Arc::clone(&chassis.store),
        Folded::start_every(&nats, NAME, Sales, &metrics, SELDOM),
        Folded::start_every(&nats, NAME, Invoiced, &metrics, SELDOM),
        Arc::clone(&windows),
        clock.clone(),
        Arc::clone(&archive),
    );
    let archiver = Archiver {
        store: Arc::clone(&chassis.store),
        archive,
        metrics: archiver::Metrics::register(&mut chassis.registry),
    };
    chassis.beside("archive", |stop| archiver.run(stop));
    let closer = Closer { nats, windows, clock, metrics: closing };
    chassis.beside("windows", |stop| closer.run(stop));
    Ok(chassis.serve(api, Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    let orders = |path, what| Operation::get(path, what, Role::OrdersRead, Scope::Own);
    let money = |path, what, scope| Operation::get(path, what, Role::BillingRead, scope);
    let health = Operation::get("/health", "Whether it counts", Role::Anyone, Scope::NoPartner);
    Api::default()
        .at(orders("/", "What all orders come to"), http::totals)
        .at(health, http::health)
        .at(orders("/by/{dimension}", "Orders by region, category, product and more"), http::by)
        .at(money("/query", "Sums over days, also of what has expired", Scope::Own), http::sums)
        .at(
            money("/customers/top", "Customers to whom most was invoiced", Scope::Own),
            http::customers,
        )
        .at(
            money("/windows", "What was invoiced in windows of time", Scope::AllPartners),
            http::windows,
        )
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
