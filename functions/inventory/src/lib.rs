#![doc = include_str!("../README.md")]

mod app;
mod ledger;
mod low;
mod routes;

pub use app::NAME;

use app::App;
use chassis::{Api, Kept, Operation, Setup};
use ledger::Ledger;
use low::LowStock;
use messaging::rights::Rights;
use messaging::streams;
use products::Item;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use state::fold::{Folded, Metrics};
use std::sync::Arc;
use stock::KEEP;

/// Beside bodies: the process, the stock of its warehouses, and the movements that it holds. A body is here as it came,
/// as fields, as a product or a command, and as its entry and facts.
pub const MEMORY: Memory = Memory::new(160, 8);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Keeps the products, and writes journals of stock as order-processor does: also the facts of what \
            that one decided and did not publish.",
    publishes: &[
        "products.changed.>",
        "journal.inventory.*",
        "orders.confirmed.>",
        "orders.refused.>",
        "orders.returned.>",
        "orders.shipped.>",
        "inventory.changed.>",
        "errors.undecidable.>",
        "errors.alert.>",
        "errors.low_stock.>",
        "$KV.FOLD_CHECKPOINTS.inventory.>",
    ],
    asks: &[streams::CATALOGUE],
    reads: &[streams::JOURNAL, streams::ORDERS, streams::INVENTORY, streams::ERRORS],
    writes_buckets: &[streams::PRODUCTS, streams::REQUESTS, streams::JOURNAL_SNAPSHOTS],
    reads_buckets: &[streams::FOLD_CHECKPOINTS],
    purges: &["KV_PRODUCTS", streams::JOURNAL, "KV_JOURNAL_SNAPSHOTS", "KV_FOLD_CHECKPOINTS"],
    ..Rights::NONE
};

/// What it depends on: the products, what was told of them, the journals, and what they say of orders.
const STREAMS: &[&str] = &["KV_PRODUCTS", streams::CATALOGUE, streams::JOURNAL, streams::ORDERS];

/// Makes the function.
///
/// # Errors
/// Settings are missing, or NATS cannot be reached.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let keep = setup.env.or("ORDERFLOW_JOURNAL_KEEP", KEEP);
    // Without it the only warehouses that people can ask for are `main` and those with a journal.
    let partners = setup.partners_if_configured();
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let (mut chassis, partners) = setup.connect(tokens, STREAMS, || Some(partners)).await?;
    let metrics = Metrics::register(&mut chassis.registry);
    let products: Kept<Item> = chassis.records();
    let ledger = Arc::new(Folded::start(&chassis.nats, NAME, Ledger, &metrics));
    let app = App {
        nats: chassis.nats.clone(),
        store: Arc::clone(&chassis.store),
        _low: LowStock::start(&chassis.nats, &ledger, products.records().cache()),
        products,
        ledger,
        journals: chassis.journals(keep, partners),
    };
    Ok(chassis.serve(api(), Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    routes::of_stock(Api::default().records(|app: &Arc<App>| &app.products))
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}
