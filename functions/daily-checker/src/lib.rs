#![doc = include_str!("../README.md")]

mod arrivals;
mod check;
mod flight;
mod http;
mod look;
mod overdue;
mod recent;
mod report;
mod turns;

use axum::routing::get;
use check::Checker;
use intake::partners::{Problem, Source};
use messaging::store::Store;
use messaging::{Nats, streams};
use prometheus_client::registry::Registry;
use runtime::{BuildError, Door, Env, EnvError, Function, Memory, Routes, Tokens};
use std::path::PathBuf;
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "daily-checker";
/// Beside bodies, of which it takes none: the process, and sessions with partners' servers.
pub const MEMORY: Memory = Memory::new(40, 1);

/// Makes the function.
///
/// # Errors
/// Settings or secrets are missing, or the partners' configuration is wrong; everything is named.
pub async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let settings = Settings::from_env(env)?;
    let nats = Nats::connect(&settings.nats_url, NAME, true)
        .await
        .map_err(|error| BuildError::unavailable("NATS", error))?;
    let mut registry = Registry::default();
    let partners = settings.partners.follow(&nats, NAME, &mut registry, Arc::clone);
    let store = Store::watch(&nats, &[streams::FILES, streams::ORDERS]);
    let checker = Checker::new(nats, Arc::clone(&store), partners, &mut registry);
    let app = Arc::new(http::App::new(checker));
    let routes = Routes::new(settings.tokens)
        .at(Door::Open, "/", get(http::check).post(http::check))
        .with_state(app);
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
        let secrets = env.secrets();
        let secrets = move |name: &str| secrets(name).map(|secret| secret.expose().to_owned());
        let report = |wrong: Problem| env.problem(wrong.place, wrong.reason);
        let partners = Source::open(path, Box::new(secrets), report);
        let tokens = Tokens::from_env_with(env, &[Door::Admin], &[Door::Read]);
        env.finish(|| Some(Self { nats_url: nats_url?, partners: partners?, tokens }))
    }
}
