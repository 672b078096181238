#![doc = include_str!("../README.md")]

mod decide;
mod looked;
mod stock;

use ::stock::Inventory;
use chassis::{Api, Journals, Lane, Operation, Role, Scope, Setup};
use domain::WarehouseId;
use messaging::rights::Rights;
use messaging::{Nats, streams, subject};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use runtime::{BuildError, Env, Function, Memory, Tokens};
use state::journal::Keep;
use std::sync::Arc;
use std::time::Duration;

/// Its name in `stack.yml`.
pub const NAME: &str = "order-processor";
/// Beside bodies: the process, and the stock of its warehouses. A body is here as it came, as events, as
/// orders, as the decision and its facts, and as what the client of NATS has not sent yet.
pub const MEMORY: Memory = Memory::new(96, 8);

/// What of the journals is kept beyond what a start needs: as long as the facts that follow from it.
const KEEP: Keep = Keep::For(Duration::from_secs(90 * 24 * 60 * 60));

/// An order alone takes some 20 ms; one that waited for a function or for NATS, as long as that.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3_600.0];

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "The only writer of journals, their snapshots and their facts; removes old entries.",
    publishes: &[
        "journal.inventory.*",
        "orders.confirmed.>",
        "orders.refused.>",
        "orders.returned.>",
        "inventory.changed.>",
        "errors.undecidable.>",
        "errors.alert.>",
    ],
    reads: &[streams::JOURNAL, streams::ORDERS, streams::INVENTORY, streams::ERRORS],
    writes_buckets: &[streams::JOURNAL_SNAPSHOTS],
    purges: &[streams::JOURNAL, "KV_JOURNAL_SNAPSHOTS"],
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
    // Without it the only warehouses that people can ask for are `main` and those with a journal.
    let partners = setup.partners_if_configured();
    let (mut chassis, partners) =
        setup.connect(tokens, &[streams::JOURNAL], || Some(partners)).await?;
    let journals = chassis.journals(keep, partners);
    let app = App::new(chassis.nats.clone(), journals, &mut chassis.registry);
    Ok(chassis.serve(api(), Arc::new(app), MEMORY))
}

fn api() -> Api<Arc<App>> {
    let decide = Operation::post("/", "Decides orders", Role::Connector, Scope::AllPartners);
    let list = Operation::get("/stock", "Stock of a warehouse", Role::StockRead, Scope::NoPartner);
    let set = Operation::put("/stock", "Sets stock", Role::Stock, Scope::NoPartner);
    Api::default()
        .at(decide, decide::batch)
        .at(list, stock::list)
        .at(set.bodies_up_to(stock::BYTES_MAX), stock::set)
        .journal(|app: &Arc<App>| &app.journals)
}

/// What its routes do, for the documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    verdict: &'static str,
    /// Of a refusal, else empty.
    reason: &'static str,
}

/// The journal of the stock, which decides what is placed.
#[derive(Debug)]
struct StockLane;

impl Lane for StockLane {
    type Book = Inventory;

    const INPUT: &'static str = streams::ORDERS;
    const READ: Role = Role::StockRead;
    const REBASE: &'static str = "orderflow journal rebase";

    fn book(warehouse: &WarehouseId) -> Inventory {
        Inventory::new(warehouse.clone())
    }

    fn subject(warehouse: &WarehouseId) -> String {
        subject::inventory_journal(warehouse)
    }

    fn filter(warehouse: &WarehouseId) -> String {
        subject::placed(warehouse)
    }

    fn warehouse(filter: &str) -> Option<WarehouseId> {
        subject::lane(filter)
    }
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    nats: Nats,
    journals: Journals<StockLane>,
    decided: Family<Label, Counter>,
    decision_seconds: Histogram,
}

impl App {
    fn new(nats: Nats, journals: Journals<StockLane>, registry: &mut Registry) -> Self {
        let decided = Family::default();
        registry.register("orders_decided", "Orders decided by this process", decided.clone());
        let decision_seconds = Histogram::new(SECONDS);
        registry.register_with_unit(
            "order_decision",
            "Time from when an order came to when all that follows from its decision was stored",
            Unit::Seconds,
            decision_seconds.clone(),
        );
        Self { nats, journals, decided, decision_seconds }
    }
}
