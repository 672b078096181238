//! Which endpoint a command is about, and calls of its function.

use anyhow::{Context as _, Result};
use axum::http::Method;
use machine::client::{Level, Pipeline, key, query_value};
use serde_json::Value;

/// A partner, or `*`, and the name of an endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(super) partner: String,
    pub(super) id: String,
}

pub(super) fn name(text: &str) -> Result<Name, String> {
    let (partner, id) = text.split_once('/').ok_or("is no PARTNER/NAME, such as US1/shop")?;
    Ok(Name { partner: partner.to_owned(), id: id.to_owned() })
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.partner, self.id)
    }
}

impl Name {
    pub(super) fn path(&self, behind: &str) -> String {
        let (partner, id) = (query_value(&self.partner), query_value(&self.id));
        format!("webhooks/subscriptions/{partner}/{id}{behind}")
    }
}

/// Calls with a body of JSON.
pub(super) async fn send(
    pipeline: &Pipeline,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Value> {
    let body = serde_json::to_vec(body).context("the request")?;
    pipeline.call(Level::Admin, method, path, Some((key(), body))).await
}
