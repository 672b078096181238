#![doc = include_str!("../README.md")]

mod decide;
mod looked;
mod stock;

use ::stock::StockLane;
use chassis::{Api, Journals, Operation, Role, Scope, Setup};
use messaging::rights::Rights;
use messaging::{Nats, streams};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use runtime::{BuildError, Env, Function, Memory, Tokens};
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "order-processor";
/// Beside bodies: the process, and the stock of its warehouses. A body is here as it came, as events, as
/// orders, as the decision and its facts, and as what the client of NATS has not sent yet.
pub const MEMORY: Memory = Memory::new(96, 8);

/// An order alone takes some 20 ms; one that waited for a function or for NATS, as long as that.
const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3_600.0];

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Writes journals, their snapshots and their facts; removes old entries.",
    publishes: &[
        "journal.inventory.*",
        "orders.confirmed.>",
        "orders.refused.>",
        "orders.returned.>",
        "orders.shipped.>",
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
    let keep = setup.env.or("ORDERFLOW_JOURNAL_KEEP", ::stock::KEEP);
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
        .at(set.bodies_up_to(::stock::BYTES_MAX), stock::set)
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
