//! The start of a function.

use crate::api::Api;
use crate::journals::{Journals, Lane, of_partners};
use crate::records::{Kept, Resource};
use crate::tokens::Known;
use domain::WarehouseId;
use futures_util::future::BoxFuture;
use intake::partners::{Check, Configuration, Live, Problem, Source};
use messaging::store::Store;
use messaging::{Nats, metrics};
use prometheus_client::registry::Registry;
use runtime::{BuildError, Env, Function, Memory, Stop, Tokens};
use state::effect::{Effects, Metrics, Outside, Settings};
use state::journal::Keep;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

const PARTNERS: &str = "ORDERFLOW_PARTNERS";

/// Reads the settings of a function: first those that all have, then its own from `env`.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Its own settings are read from here.
    pub env: &'a mut Env,
    name: &'static str,
    nats_url: Option<String>,
}

impl<'a> Setup<'a> {
    /// For the function of this name in `stack.yml`.
    pub fn new(env: &'a mut Env, name: &'static str) -> Self {
        let nats_url = env.nats_url(name);
        Self { env, name, nats_url }
    }

    /// The partners' configuration, without logins to their folders.
    pub fn partners(&mut self) -> Option<Source> {
        let path = self.env.required(PARTNERS);
        self.open(path)
    }

    /// As [`Setup::partners`]; nothing if it is not configured.
    pub fn partners_if_configured(&mut self) -> Option<Source> {
        let path = self.env.optional(PARTNERS);
        self.open(path)
    }

    fn open(&mut self, path: Option<PathBuf>) -> Option<Source> {
        // A function that reaches no folder needs no login to one.
        let secrets = |_: &str| Ok(String::new());
        let report = |wrong: Problem| self.env.problem(wrong.place, wrong.reason);
        Source::open(path, Box::new(secrets), report)
    }

    /// The partners' configuration with the logins to their folders.
    pub fn partners_with_folders(&mut self) -> Option<Source> {
        let path = self.env.required(PARTNERS);
        let secrets = self.env.secrets();
        let secrets = move |name: &str| secrets(name).map(|secret| secret.expose().to_owned());
        let report = |wrong: Problem| self.env.problem(wrong.place, wrong.reason);
        Source::open(path, Box::new(secrets), report)
    }

    /// As [`Setup::partners_with_folders`], for who reads files: with their tables, and with what `check`
    /// finds wrong.
    pub fn partners_with_files(&mut self, check: Check) -> Option<Source> {
        let path = self.env.required(PARTNERS);
        let secrets = self.env.secrets();
        let secrets = move |name: &str| secrets(name).map(|secret| secret.expose().to_owned());
        let report = |wrong: Problem| self.env.problem(wrong.place, wrong.reason);
        Source::open_for_files(path, Box::new(secrets), check, report)
    }

    /// Ends the reading of settings and connects to NATS, for as long as it takes.
    ///
    /// `streams` are those whose state the function depends on: it is not ready while they are missing,
    /// made again or older than before. `settings` are its own; nothing if one is missing that must be
    /// there.
    ///
    /// # Errors
    /// Everything that is wrong with the settings, by name; or NATS refuses the login.
    pub async fn connect<T>(
        self,
        tokens: Tokens,
        streams: &'static [&'static str],
        settings: impl FnOnce() -> Option<T>,
    ) -> Result<(Chassis, T), BuildError> {
        let Self { env, name, nats_url } = self;
        let (nats_url, settings) = env.finish(|| Some((nats_url?, settings()?)))?;
        let nats = Nats::connect(&nats_url, name, true)
            .await
            .map_err(|error| BuildError::unavailable("NATS", error))?;
        let store = Store::watch(&nats, streams);
        let mut registry = Registry::default();
        metrics::register(&nats, &mut registry);
        tracing::info!(function = name, version = env!("CARGO_PKG_VERSION"), "connected");
        let background = Vec::new();
        let tokens = tokens.with_directory(Known::follow(&nats));
        Ok((Chassis { name, nats, store, registry, tokens, background }, settings))
    }
}

/// What every function uses: its connection, the state of its streams, its metrics.
pub struct Chassis {
    /// Its name in `stack.yml`.
    pub name: &'static str,
    /// The connection.
    pub nats: Nats,
    /// Are the streams those that they were?
    pub store: Arc<Store>,
    /// Its metrics.
    pub registry: Registry,
    tokens: Tokens,
    background: Vec<(&'static str, Task)>,
}

/// A background task.
type Task = Box<dyn FnOnce(Stop) -> BoxFuture<'static, ()> + Send>;

impl Chassis {
    /// The records of a type. While the function is served it takes the steps that processes left which ended
    /// between two of them.
    #[must_use]
    pub fn records<T: Resource>(&mut self) -> Kept<T> {
        let kept = Kept::new(self.nats.clone());
        let settling = kept.records().clone().keep_settled();
        self.beside("records", async |stop| {
            tokio::select! {
                () = settling => {}
                () = stop.requested() => {}
            }
        });
        kept
    }

    /// The journals of warehouses. `keep` says how long entries are kept that a start does not need.
    /// People can ask for `main`, for the warehouses of `partners`, and for those that have a journal.
    #[must_use]
    pub fn journals<L: Lane>(&mut self, keep: Keep, partners: Option<Source>) -> Journals<L> {
        let known = partners.map(|partners| self.follow(partners, of_partners));
        let known = move || known.as_ref().map(|known| known.get().as_ref().clone());
        self.journals_knowing(keep, move || known().unwrap_or_default())
    }

    /// As [`Self::journals`], for who follows the configuration by itself: `known` says which warehouses it has now.
    #[must_use]
    pub fn journals_knowing<L: Lane>(
        &mut self,
        keep: Keep,
        known: impl Fn() -> BTreeSet<WarehouseId> + Send + Sync + 'static,
    ) -> Journals<L> {
        Journals::new(self.nats.clone(), keep, Box::new(known), &mut self.registry)
    }

    /// What a function sends to the world outside. While it is served one of its replicas sends; its metrics begin
    /// at 0.
    #[must_use]
    pub fn effects<O: Outside>(&mut self, outside: O, settings: Settings) -> Effects<O> {
        let effects = Effects::new(self.nats.clone(), outside, settings);
        let effects = effects.metrics(Metrics::register(&mut self.registry));
        let sending = effects.clone();
        self.beside("effects", async |stop| sending.run(stop.requested()).await);
        effects
    }

    /// Runs `task` while the function is served; it should end soon after [`Stop::requested`].
    pub fn beside<T, F>(&mut self, name: &'static str, task: T)
    where
        T: FnOnce(Stop) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.background.push((name, Box::new(|stop| Box::pin(task(stop)))));
    }

    /// Follows the partners' configuration, and makes a `T` of it each time.
    pub fn follow<T: Send + Sync + 'static>(
        &mut self,
        partners: Source,
        make: impl Fn(&Arc<Configuration>) -> T + Send + 'static,
    ) -> Live<T> {
        partners.follow(&self.nats, self.name, &mut self.registry, make)
    }

    /// The function, with `state` for its handlers. It is ready when NATS and its streams are.
    pub fn serve<S: Clone + Send + Sync + 'static>(
        self,
        api: Api<S>,
        state: S,
        memory: Memory,
    ) -> Function {
        let routes = api.into_routes(self.tokens, state);
        let store = self.store;
        let ready = move || {
            let store = Arc::clone(&store);
            async move { store.ready().await }
        };
        let function = Function::new(self.name, routes).ready(ready).registry(self.registry);
        let beside = |function: Function, (name, task): (&'static str, Task)| {
            function.background(name, task)
        };
        self.background.into_iter().fold(function.memory(memory), beside)
    }
}

impl fmt::Debug for Chassis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chassis").field("name", &self.name).finish_non_exhaustive()
    }
}
