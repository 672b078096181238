//! A function with every kind of door; the tests run it as a process.

use std::process::ExitCode;
use std::time::Duration;

use axum::routing::{get, post};
use runtime::{BuildError, Door, Env, EnvError, Function, Routes, Tokens};

struct Settings {
    greeting: String,
    work: Duration,
    tokens: Tokens,
}

impl Settings {
    fn from_env(env: &mut Env) -> Result<Self, EnvError> {
        let greeting = env.required("ORDERFLOW_GREETING");
        let work = env.seconds("ORDERFLOW_WORK_SECONDS", Duration::from_secs(1));
        let tokens = Tokens::from_env(env, &[Door::Read, Door::Admin]);
        env.finish(|| Some(Self { greeting: greeting?, work, tokens }))
    }
}

async fn build(env: &mut Env) -> Result<Function, BuildError> {
    let Settings { greeting, work, tokens } = Settings::from_env(env)?;
    let slow = async move || {
        tracing::info!("working");
        tokio::time::sleep(work).await;
        "worked\n"
    };
    let routes = Routes::new(tokens)
        .at(Door::Open, "/", get(async move || greeting))
        .at(Door::Read, "/slow", get(slow))
        .at(Door::Admin, "/echo", post(async |body: String| body));
    Ok(Function::new("hello", routes))
}

fn main() -> ExitCode {
    runtime::run("hello", build)
}
