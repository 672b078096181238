#![doc = include_str!("../README.md")]

mod check;
mod flight;
mod http;
mod look;
mod report;

use axum::routing::get;
use check::Checker;
use intake::partners;
use look::{Credential, Source};
use messaging::Nats;
use prometheus_client::registry::Registry;
use runtime::{BuildError, Door, Env, EnvError, Function, Routes, Tokens};
use std::path::{Path, PathBuf};
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
    let checker = Checker::new(nats.clone(), settings.sources, &mut registry);
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
    sources: Vec<Source>,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let nats_url = env.required("ORDERFLOW_NATS_URL");
        let path: Option<PathBuf> = env.required("ORDERFLOW_PARTNERS");
        let sources = path.map(|path| sources(env, &path)).unwrap_or_default();
        let tokens = Tokens::from_env(env, &[Door::Admin]);
        env.finish(|| Some(Self { nats_url: nats_url?, sources, tokens }))
    }
}

/// The partners that have a server; what is wrong with any partner is noted in `env`.
fn sources(env: &mut Env, path: &Path) -> Vec<Source> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            env.problem("ORDERFLOW_PARTNERS", format!("{}: {error}", path.display()));
            return Vec::new();
        }
    };
    let partners = match partners::load(&text) {
        Ok(partners) => partners,
        Err(problems) => {
            for problem in problems {
                env.problem(problem.place, problem.reason);
            }
            return Vec::new();
        }
    };
    let mut sources = Vec::new();
    for (partner, settings) in partners {
        let Some(server) = settings.sftp else { continue };
        let credential = match (&server.private_key_secret, &server.password_secret) {
            (Some(name), _) => env.secret(name).map(Credential::PrivateKey),
            (None, Some(name)) => env.secret(name).map(Credential::Password),
            (None, None) => None,
        };
        if let Some(credential) = credential {
            sources.push(Source { partner, server, inbox: settings.inbox, credential });
        }
    }
    sources
}
