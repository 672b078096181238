#![doc = include_str!("../README.md")]

mod again;
mod check;
mod envelope;
mod http;
mod media;
mod place;

pub use check::placement;

use axum::routing::post;
use chrono::{DateTime, Utc};
use domain::PartnerId;
use domain::order::Terms;
use domain::partner::Partners;
use envelope::Types;
use intake::partners::{Configuration, Live, Problem, Source};
use messaging::store::Store;
use messaging::{Nats, streams};
use place::Placed;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use runtime::{BuildError, Door, Env, EnvError, Function, Memory, Routes, Tokens};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Its name in `stack.yml`.
pub const NAME: &str = "order-ingest";
/// Beside bodies: the process, and the orders that are being read. A body is here as it came, as events,
/// as orders, as messages, and as what the client of NATS has not sent yet.
pub const MEMORY: Memory = Memory::new(24 + 8 * READING_MAX as u64, 6);
/// Requests whose orders are read at a time; an order of 256 KiB takes up to 8 MiB meanwhile.
const READING_MAX: usize = 4;

/// Makes the function.
///
/// # Errors
/// Settings are missing, or the partners cannot be used; every problem is named with its place.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let settings = Settings::from_env(env)?;
    let nats = Nats::connect(&settings.nats_url, NAME, true)
        .await
        .map_err(|error| BuildError::unavailable("NATS", error))?;
    let mut registry = Registry::default();
    let received = Family::<Label, Counter>::default();
    registry.register("orders_received", "Orders by what became of them", received.clone());
    for outcome in Placed::LABELS.into_iter().chain(OTHERS) {
        // A counter that begins with 1 looks to Prometheus as if nothing had been counted.
        drop(received.get_or_create_owned(&Label { outcome }));
    }
    let make = |now: &Arc<Configuration>| terms(&now.partners);
    let terms = settings.partners.follow(&nats, NAME, &mut registry, make);
    let Settings { open, types, .. } = settings;
    let reading = Semaphore::new(READING_MAX);
    let store = Store::watch(&nats, &[streams::ORDERS]);
    let app = App { nats, store: Arc::clone(&store), terms, types, reading, received };
    let routes = Routes::new(settings.tokens)
        .at(http::entrance(open), "/", post(http::receive))
        .at(Door::Admin, "/retry", post(again::retry))
        .at(Door::Admin, "/cancel", post(again::cancel))
        .with_state(Arc::new(app));
    let ready = move || {
        let store = Arc::clone(&store);
        async move { store.ready().await }
    };
    Ok(Function::new(NAME, routes).ready(ready).registry(registry).memory(MEMORY))
}

/// What is counted beside [`Placed::LABELS`].
const OTHERS: [&str; 3] = ["rejected", "retried", "cancelling"];

struct Settings {
    nats_url: String,
    partners: Source,
    open: bool,
    types: Types,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.nats_url(NAME);
        let path: Option<PathBuf> = env.required("ORDERFLOW_PARTNERS");
        let open = env.or("ORDERFLOW_OPEN_INGEST", false);
        let types = Types::with(&env.or("ORDERFLOW_ORDER_TYPES", String::new()));
        let tokens = Tokens::from_env(env, &[Door::Connector, Door::Orders, Door::Admin]);
        // A function that reaches no folder needs no login to one.
        let secrets = |_: &str| Ok(String::new());
        let report = |wrong: Problem| env.problem(wrong.place, wrong.reason);
        let partners = Source::open(path, Box::new(secrets), report);
        env.finish(|| Some(Self { nats_url: nats_url?, partners: partners?, open, types, tokens }))
    }
}

/// Terms of every configured partner, and of the built-in one.
fn terms(partners: &Partners) -> HashMap<PartnerId, Terms> {
    let direct = (PartnerId::direct(), Terms::direct());
    let configured =
        partners.iter().map(|(name, partner)| (name.clone(), Terms::of(name, partner)));
    std::iter::once(direct).chain(configured).collect()
}

#[expect(clippy::disallowed_methods, reason = "the time at which something came in by HTTP")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    outcome: &'static str,
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    nats: Nats,
    /// An order that another store, or an older copy, calls new is not placed.
    store: Arc<Store>,
    terms: Live<HashMap<PartnerId, Terms>>,
    types: Types,
    /// Orders are read as many at a time: the tree of a malicious one takes up to 32 times its bytes.
    reading: Semaphore,
    received: Family<Label, Counter>,
}
