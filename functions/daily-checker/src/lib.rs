#![doc = include_str!("../README.md")]

mod check;
mod flight;
mod http;
mod look;
mod report;

use axum::routing::get;
use check::Checker;
use intake::access::{self, Account};
use intake::partners::configured;
use messaging::Nats;
use prometheus_client::registry::Registry;
use runtime::{BuildError, Door, Env, EnvError, Function, Routes, Tokens};
use std::path::PathBuf;
use std::sync::Arc;

/// Its name in `stack.yml`.
pub const NAME: &str = "daily-checker";

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
    let checker = Checker::new(nats.clone(), settings.accounts, &mut registry);
    let app = Arc::new(http::App::new(checker));
    let routes = Routes::new(settings.tokens)
        .at(Door::Open, "/", get(http::check).post(http::check))
        .with_state(app);
    let ready = move || {
        let nats = nats.clone();
        async move { nats.ready().await }
    };
    Ok(Function::new(NAME, routes).ready(ready).registry(registry))
}

struct Settings {
    nats_url: String,
    accounts: Vec<Account>,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.required("ORDERFLOW_NATS_URL");
        let path: Option<PathBuf> = env.required("ORDERFLOW_PARTNERS");
        let partners = configured(path.as_deref(), |wrong| env.problem(wrong.place, wrong.reason));
        let accounts = access::accounts(&partners, |name| {
            env.secret(name).map(|secret| secret.expose().to_owned())
        });
        let tokens = Tokens::from_env(env, &[Door::Admin]);
        env.finish(|| Some(Self { nats_url: nats_url?, accounts, tokens }))
    }
}
