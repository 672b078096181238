#![doc = include_str!("../README.md")]

mod app;
mod closed;
mod control;
mod decisions;
mod decrypt;
pub mod dry_run;
mod failure;
mod figures;
mod given;
mod holding;
mod http;
mod judged;
mod keyring;
mod letters;
mod memory;
mod names;
mod packed;
mod publish;
mod receipt;
mod results;
mod running;
mod share;
mod spool;
mod steps;
mod threads;
mod unpack;
mod unzip;
mod work;

use crate::app::App;
use crate::figures::Figures;
use crate::keyring::Keyring;
use chassis::{Api, Operation, Role, Scope, Setup};
use chrono::TimeDelta;
use intake::ledger::Ledger;
use intake::partners::{Configuration, Problem};
use messaging::rights::{Reach, Rights};
use messaging::streams;
use runtime::{BuildError, Env, Function, Memory, Tokens};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Its name in `stack.yml`.
pub const NAME: &str = "file-transformer";
/// Shorter leases would expire before they can be renewed.
const LEASE_MIN: Duration = Duration::from_secs(1);
/// How long a process may be silent before another process takes over its files.
const LEASE_DEFAULT: Duration = Duration::from_secs(3);
/// Memory of all files in work together.
const FILES_MEMORY_MIB: usize = 256;
/// Memory besides bodies, with the default of `ORDERFLOW_FILES_MEMORY_MIB`.
pub const MEMORY: Memory = memory_for(FILES_MEMORY_MIB << 20);

/// Its permissions at NATS.
pub const RIGHTS: Rights = Rights {
    about: "What became of files, and their orders.",
    publishes: &["files.transformed.>", "files.failed.>", "orders", "errors.alert.>"],
    reads: &[streams::FILES, streams::INTAKE, streams::ORDERS, streams::ERRORS],
    writes_buckets: &[streams::FILES_LEDGER, streams::FILES_CONTENT],
    reaches: &[Reach::Sftp],
    ..Rights::NONE
};

/// Builds the function.
///
/// # Errors
/// If settings are missing or the partners cannot be used; every problem is named with its place.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let mut setup = Setup::new(env, NAME);
    let scratch = setup.env.or("ORDERFLOW_SCRATCH_DIR", PathBuf::from("/tmp"));
    let lease = setup.env.seconds("ORDERFLOW_LEASE_SECONDS", LEASE_DEFAULT);
    if lease < LEASE_MIN {
        setup.env.problem("ORDERFLOW_LEASE_SECONDS", format!("less than {LEASE_MIN:?}"));
    }
    let memory_max = setup.env.or("ORDERFLOW_FILES_MEMORY_MIB", FILES_MEMORY_MIB) << 20;
    let tokens = Tokens::from_env(setup.env, &api().doors());
    let partners = setup.partners_with_files(wrong);
    let streams = &[streams::FILES, streams::INTAKE, streams::ORDERS];
    let (mut chassis, partners) = setup.connect(tokens, streams, || partners).await?;
    let nats = chassis.nats.clone();
    let ledger = Ledger::new(&nats);
    let ledger = match TimeDelta::from_std(lease) {
        Ok(lease) => ledger.with_lease(lease),
        Err(_) => ledger,
    };
    let app = App {
        owner: format!("{NAME}-{}", nats.unique()),
        nats,
        ledger,
        store: Arc::clone(&chassis.store),
        partners: chassis.follow(partners, Arc::clone),
        lease,
        scratch,
        running: running::Running::default(),
        shares: Mutex::default(),
        memory: memory::Memory::new(memory_max),
        figures: Figures::register(&mut chassis.registry),
        letters: letters::Letters::default(),
    };
    Ok(chassis.serve(api(), Arc::new(app), memory_for(memory_max)))
}

fn api() -> Api<Arc<App>> {
    let what = "Transforms the files that arrived";
    Api::default()
        .at(Operation::post("/", what, Role::Connector, Scope::AllPartners), http::receive)
}

/// Its operations, for the API documents.
#[must_use]
pub fn operations() -> Vec<Operation> {
    api().operations()
}

/// Memory besides bodies, if files may use this many bytes: the process itself, outgoing messages and
/// the allocator's overhead are added.
const fn memory_for(files: usize) -> Memory {
    let process = Memory::new(128, 4);
    Memory { base: process.base + files as u64, copies: process.copies }
}

/// Problems of a configuration that only the reader of files can detect.
fn wrong(found: &Configuration) -> Vec<Problem> {
    let mut problems = dry_run::problems(&found.partners);
    let keys =
        found.accounts.values().filter_map(|account| Some((account, account.keys.as_ref()?)));
    problems.extend(keys.filter_map(|(account, keys)| {
        Keyring::read(keys).err().map(|error| error.problem(&account.partner))
    }));
    problems
}
