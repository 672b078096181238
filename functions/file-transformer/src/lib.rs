#![doc = include_str!("../README.md")]

mod control;
mod decisions;
mod decrypt;
pub mod dry_run;
mod failure;
mod holding;
mod http;
mod judged;
mod keyring;
mod letters;
mod memory;
mod names;
mod publish;
mod receipt;
mod results;
mod running;
mod share;
mod spool;
mod steps;
mod unpack;
mod unzip;
mod work;

use crate::keyring::Keyring;
use axum::routing::post;
use chrono::TimeDelta;
use intake::ledger::{Ledger, State};
use intake::partners::{Configuration, Live, Problem, Source};
use messaging::store::Store;
use messaging::{Nats, streams};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use runtime::{BuildError, Door, Env, EnvError, Function, Memory, Routes, Tokens};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Its name in `stack.yml`.
pub const NAME: &str = "file-transformer";
/// Shorter leases end before they can be renewed.
const LEASE_MIN: Duration = Duration::from_secs(1);
/// How long a process may be silent before another goes on with its files.
const LEASE_DEFAULT: Duration = Duration::from_secs(3);
/// Memory of the files in work together.
const FILES_MEMORY_MIB: usize = 256;
/// Beside bodies, with the default of `ORDERFLOW_FILES_MEMORY_MIB`.
pub const MEMORY: Memory = memory_for(FILES_MEMORY_MIB << 20);

/// Makes the function.
///
/// # Errors
/// Settings are missing, or the partners cannot be used; every problem is named with its place.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let settings = Settings::from_env(env)?;
    let nats = Nats::connect(&settings.nats_url, NAME, true)
        .await
        .map_err(|error| BuildError::unavailable("NATS", error))?;
    let ledger = Ledger::new(&nats);
    let store = Store::watch(&nats, &[streams::FILES, streams::ORDERS]);
    let lease = settings.lease;
    let ledger = match TimeDelta::from_std(lease) {
        Ok(lease) => ledger.with_lease(lease),
        Err(_) => ledger,
    };
    let mut registry = Registry::default();
    let figures = Figures::register(&mut registry);
    let inbox = nats.client.new_inbox();
    let app = App {
        owner: format!("{NAME}-{}", inbox.rsplit('.').next().unwrap_or(&inbox)),
        nats: nats.clone(),
        ledger,
        store: Arc::clone(&store),
        partners: settings.partners.follow(&nats, NAME, &mut registry, Arc::clone),
        lease,
        scratch: settings.scratch,
        running: running::Running::default(),
        shares: Mutex::default(),
        memory: memory::Memory::new(settings.memory_max),
        figures,
        letters: letters::Letters::default(),
    };
    let routes = Routes::new(settings.tokens)
        .at(Door::Connector, "/", post(http::receive))
        .with_state(Arc::new(app));
    let ready = move || {
        let store = Arc::clone(&store);
        async move { store.ready().await }
    };
    let memory = memory_for(settings.memory_max);
    Ok(Function::new(NAME, routes).ready(ready).registry(registry).memory(memory))
}

/// What it takes beside bodies when its files may take so many bytes: the process, what it sends and
/// what its allocator keeps come on top.
const fn memory_for(files: usize) -> Memory {
    let process = Memory::new(128, 4);
    Memory { base: process.base + files as u64, copies: process.copies }
}

struct Settings {
    nats_url: String,
    partners: Source,
    scratch: PathBuf,
    lease: Duration,
    memory_max: usize,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.nats_url(NAME);
        let path: Option<PathBuf> = env.required("ORDERFLOW_PARTNERS");
        let scratch = env.or("ORDERFLOW_SCRATCH_DIR", PathBuf::from("/tmp"));
        let lease = env.seconds("ORDERFLOW_LEASE_SECONDS", LEASE_DEFAULT);
        if lease < LEASE_MIN {
            env.problem("ORDERFLOW_LEASE_SECONDS", format!("less than {LEASE_MIN:?}"));
        }
        let memory_max = env.or("ORDERFLOW_FILES_MEMORY_MIB", FILES_MEMORY_MIB) << 20;
        let tokens = Tokens::from_env(env, &[Door::Connector]);
        let secrets = env.secrets();
        let secrets = move |name: &str| secrets(name).map(|secret| secret.expose().to_owned());
        let report = |wrong: Problem| env.problem(wrong.place, wrong.reason);
        let partners = Source::open_for_files(path, Box::new(secrets), wrong, report);
        env.finish(|| {
            Some(Self {
                nats_url: nats_url?,
                partners: partners?,
                scratch,
                lease,
                memory_max,
                tokens,
            })
        })
    }
}

/// What is wrong with a configuration that only who reads files can say.
fn wrong(found: &Configuration) -> Vec<Problem> {
    let mut problems = dry_run::problems(&found.partners);
    let keys =
        found.accounts.values().filter_map(|account| Some((account, account.keys.as_ref()?)));
    problems.extend(keys.filter_map(|(account, keys)| {
        Keyring::read(keys).err().map(|error| error.problem(&account.partner))
    }));
    problems
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabel {
    rule: &'static str,
}

/// What Prometheus sees.
#[derive(Debug)]
struct Figures {
    files: Family<Label, Counter>,
    rows: Family<Label, Counter>,
    rejected: Family<RuleLabel, Counter>,
    orders: Counter,
}

impl Figures {
    fn register(registry: &mut Registry) -> Self {
        let (files, rows) =
            (Family::<Label, Counter>::default(), Family::<Label, Counter>::default());
        let orders = Counter::default();
        let rejected = Family::default();
        registry.register("files", "Files by what became of them", files.clone());
        registry.register("file_rows", "Rows of files by what became of them", rows.clone());
        let help = "Rows that were rejected, by the rule that they broke";
        registry.register("file_rows_rejected", help, rejected.clone());
        registry.register("file_orders", "Orders that came in files", orders.clone());
        // A counter that begins with 1 looks to Prometheus as if nothing had been counted.
        for outcome in [State::Done, State::Refused, State::Duplicate].map(State::as_str) {
            drop(files.get_or_create_owned(&Label { outcome }));
        }
        for outcome in ["accepted", "rejected"] {
            drop(rows.get_or_create_owned(&Label { outcome }));
        }
        Self { files, rows, rejected, orders }
    }
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    /// Who holds a lease: unique for this process.
    owner: String,
    nats: Nats,
    ledger: Ledger,
    /// A file that another store calls new is not moved, and no order is published there.
    store: Arc<Store>,
    partners: Live<Arc<Configuration>>,
    /// How long a silent process keeps its files.
    lease: Duration,
    scratch: PathBuf,
    running: running::Running,
    shares: Mutex<share::Shares>,
    memory: Arc<memory::Memory>,
    figures: Figures,
    letters: letters::Letters,
}
