#![doc = include_str!("../README.md")]

mod cancelled;
mod decide;
mod key;
mod older;
mod skip;
mod stock;
mod warehouse;

use ::stock::InventoryJournal;
use axum::routing::{get, post, put};
use domain::WarehouseId;
use intake::partners::{self, Live, Source};
use messaging::rights::Rights;
use messaging::store::Store;
use messaging::{Nats, streams};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use runtime::{
    BuildError, Door, Entrance, Env, EnvError, Function, Memory, Problem, Routes, Tokens,
};
use state::journal::evidence::Seen;
use state::journal::{Error, Figures, Keep};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use warehouse::Warehouses;

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
    let settings = Settings::from_env(env)?;
    let nats = Nats::connect(&settings.nats_url, NAME, true)
        .await
        .map_err(|error| BuildError::unavailable("NATS", error))?;
    let mut registry = Registry::default();
    let known = settings
        .partners
        .map(|partners| partners.follow(&nats, NAME, &mut registry, warehouse::of_partners));
    let store = Store::watch(&nats, &[streams::JOURNAL]);
    let app = App::new(nats, settings.keep, known, &mut registry);
    let routes = Routes::new(settings.tokens)
        .at(Door::Connector, "/", post(decide::batch))
        .at(Door::Read, "/stock", get(stock::list))
        .at(Entrance::from(Door::Admin).bodies_up_to(stock::BYTES_MAX), "/stock", put(stock::set))
        .at(Door::Admin, "/journal/skip", post(skip::skip))
        .with_state(Arc::new(app));
    let ready = move || {
        let store = Arc::clone(&store);
        async move { store.ready().await }
    };
    Ok(Function::new(NAME, routes).ready(ready).registry(registry).memory(MEMORY))
}

struct Settings {
    nats_url: String,
    keep: Keep,
    /// Nothing: the only warehouses that people can ask for are `main` and those with a journal.
    partners: Option<Source>,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.nats_url(NAME);
        let keep = env.or("ORDERFLOW_JOURNAL_KEEP", KEEP);
        let tokens = Tokens::from_env(env, &[Door::Connector, Door::Read, Door::Admin]);
        let path: Option<PathBuf> = env.optional("ORDERFLOW_PARTNERS");
        // A function that reaches no folder needs no login to one.
        let secrets = |_: &str| Ok(String::new());
        let report = |wrong: partners::Problem| env.problem(wrong.place, wrong.reason);
        let partners = Source::open(path, Box::new(secrets), report);
        env.finish(|| Some(Self { nats_url: nats_url?, keep, partners, tokens }))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    verdict: &'static str,
    /// Of a refusal, else empty.
    reason: &'static str,
}

/// What the handlers share: one journal per warehouse, and the figures.
#[derive(Debug)]
struct App {
    nats: Nats,
    journals: Mutex<HashMap<WarehouseId, Arc<InventoryJournal>>>,
    decided: Family<Label, Counter>,
    decision_seconds: Histogram,
    figures: Figures,
    keep: Keep,
    known: Option<Live<Warehouses>>,
    /// Journals whose input was seen to be the one that they decided.
    seen: Seen,
}

impl App {
    fn new(
        nats: Nats,
        keep: Keep,
        known: Option<Live<Warehouses>>,
        registry: &mut Registry,
    ) -> Self {
        let decided = Family::default();
        registry.register("orders_decided", "Orders decided by this process", decided.clone());
        let decision_seconds = Histogram::new(SECONDS);
        registry.register_with_unit(
            "order_decision",
            "Time from when an order came to when all that follows from its decision was stored",
            Unit::Seconds,
            decision_seconds.clone(),
        );
        let figures = Figures::new(registry, "warehouse");
        Self {
            nats,
            journals: Mutex::default(),
            decided,
            decision_seconds,
            figures,
            keep,
            known,
            seen: Seen::default(),
        }
    }

    /// The journal of a warehouse that the connector or [`App::known_journal`] vouches for: each that
    /// is opened stays in memory.
    fn journal(&self, warehouse: &WarehouseId) -> Arc<InventoryJournal> {
        let mut journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(::stock::journal_keeping(&self.nats, warehouse, self.keep));
        journals.entry(warehouse.clone()).or_insert_with(made).clone()
    }

    /// Brings the figures of a journal up to date. The connector calls every few seconds.
    fn observe(&self, warehouse: &WarehouseId, journal: &InventoryJournal) {
        self.figures.set(warehouse.as_str(), journal.status());
    }
}

/// Trying again may help, or somebody has to look: in both cases the input stays where it is.
fn unavailable(error: &Error) -> Problem {
    tracing::error!(%error, "not decided");
    match error {
        Error::Unavailable { .. } => {
            Problem::unavailable("the journal does not answer; sending the same again is safe")
        }
        Error::Damaged { .. } => Problem::internal().detail("the journal is damaged; see the log"),
        Error::TooLarge { .. } => {
            Problem::internal().detail("a decision is too large; see the log")
        }
    }
}
