//! Commands that a function does once, however often they are sent.

use anyhow::{Context as _, Result};
use axum::http::Method;
use clap::Args;
use machine::client::{Level, Pipeline, Refused, key};
use serde_json::{Map, Value};
use terminal::{Failure, output};

/// What makes a command the same command when it is sent again.
#[derive(Debug, Args)]
pub(crate) struct Again {
    /// An idempotency key of your own, so that the same call again does nothing twice; a new one if nothing is said.
    #[arg(long)]
    pub(crate) key: Option<String>,
}

/// Sends a command to a function, as `inventory/stock/restock`, under a key.
///
/// # Errors
/// The function refuses it, or its answer does not arrive. In the second case the text names the key to repeat it with.
pub(crate) async fn send(
    pipeline: &Pipeline,
    path: &str,
    body: Value,
    again: &Again,
) -> Result<Value> {
    let body = body.as_object().cloned().unwrap_or_default();
    // What nothing is said of is left out.
    let body: Map<String, Value> = body.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let key = again.key.clone().unwrap_or_else(key);
    let more = Some((key.clone(), serde_json::to_vec(&body).context("the command")?));
    let done = pipeline.call(Level::Admin, Method::POST, path, more).await;
    done.map_err(|error| match error.is::<Refused>() || error.is::<Failure>() {
        true => error,
        false => error.context(format!(
            "whether it was done is not known; the same call with --key {key} does nothing twice"
        )),
    })
}

/// Did this call do it?
pub(crate) fn is_applied(done: &Value) -> bool {
    done.get("applied").and_then(Value::as_bool).unwrap_or(true)
}

/// Prints an answer: as it came, or as text.
pub(crate) fn say(pipeline: &Pipeline, done: &Value, text: &str) {
    if pipeline.json { output::json(done) } else { output::line(text) }
}
