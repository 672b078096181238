#![doc = include_str!("../README.md")]

mod depots;
mod files;
mod http;

use axum::routing::get;
use intake::ledger::Ledger;
use intake::partners::{Configuration, Live, Problem, Source};
use messaging::rights::Rights;
use messaging::store::Store;
use messaging::views::Orders;
use messaging::{Nats, streams};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use runtime::{BuildError, Door, Env, EnvError, Function, Memory, Routes, Tokens};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Its name in `stack.yml`.
pub const NAME: &str = "status-checker";
/// Beside bodies, of which it takes none: the process, its fold of all orders, and answers.
pub const MEMORY: Memory = Memory::new(160, 2);

/// What it does at NATS.
pub const RIGHTS: Rights = Rights {
    about: "Reads, and says so when the partners' configuration is wrong.",
    publishes: &["errors.alert.>"],
    reads: &[streams::FILES, streams::ORDERS, streams::ERRORS],
    reads_buckets: &[streams::FILES_LEDGER, streams::FILES_CONTENT],
    ..Rights::NONE
};

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing, or the partners' configuration is wrong; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let settings = Settings::from_env(env)?;
    let nats = Nats::connect(&settings.nats_url, NAME, true)
        .await
        .map_err(|error| BuildError::unavailable("NATS", error))?;
    let ledger = Ledger::new(&nats);
    let mut registry = Registry::default();
    let depot_files = Gauge::default();
    registry.register("depot_files", "Files in all depots", depot_files.clone());
    let store = Store::watch(&nats, &[streams::ORDERS, streams::FILES]);
    let app = App {
        nats: nats.clone(),
        store: Arc::clone(&store),
        ledger,
        partners: settings.partners.follow(&nats, NAME, &mut registry, Arc::clone),
        orders: Mutex::default(),
        looks: Semaphore::new(LOOKS_MAX),
        depot_files,
    };
    let routes = Routes::new(settings.tokens)
        .at(Door::Read, "/", get(http::status).post(http::status))
        .with_state(Arc::new(app));
    let ready = move || {
        let store = Arc::clone(&store);
        async move { store.ready().await }
    };
    Ok(Function::new(NAME, routes).ready(ready).registry(registry).memory(MEMORY))
}

struct Settings {
    nats_url: String,
    partners: Source,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.nats_url(NAME);
        let path: Option<PathBuf> = env.required("ORDERFLOW_PARTNERS");
        let tokens = Tokens::from_env(env, &[Door::Read]);
        let secrets = env.secrets();
        let secrets = move |name: &str| secrets(name).map(|secret| secret.expose().to_owned());
        let report = |wrong: Problem| env.problem(wrong.place, wrong.reason);
        let partners = Source::open(path, Box::new(secrets), report);
        env.finish(|| Some(Self { nats_url: nats_url?, partners: partners?, tokens }))
    }
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    nats: Nats,
    /// What another store, or an older copy, says is not told.
    store: Arc<Store>,
    ledger: Ledger,
    partners: Live<Arc<Configuration>>,
    orders: Mutex<Orders>,
    /// Places for answers in the making, each of which may hold everything.
    looks: Semaphore,
    depot_files: Gauge,
}

/// Answers that are made at a time; others wait.
const LOOKS_MAX: usize = 4;
