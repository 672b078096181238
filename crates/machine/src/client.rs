//! A running pipeline, here or elsewhere, and calls of its functions.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use axum::http::{Method, StatusCode};
use domain::order::Terms;
use domain::partner::Partners;
use domain::{PartnerId, WarehouseId};
use messaging::{Nats, stored, streams, subject};
use runtime::Problem;
use runtime::door::{ADMIN_TOKEN, READ_TOKEN};
use serde::de::DeserializeOwned;
use terminal::Failure;

use crate::dir::{DataDir, Run};
use crate::http::{Call, Http};

/// How long a function may take for people.
const CALL_MAX: Duration = Duration::from_secs(90);

/// A running pipeline.
pub struct Pipeline {
    /// Where it keeps what it has.
    pub dir: DataDir,
    /// What runs where.
    pub run: Run,
    /// Answers are for scripts, in JSON.
    pub json: bool,
    http: Http,
}

/// Which token a call carries.
#[derive(Clone, Copy)]
pub enum Level {
    /// For what only tells.
    Read,
    /// For what changes something.
    Admin,
}

impl Pipeline {
    /// The one in the data directory.
    ///
    /// # Errors
    /// [`Failure::NotRunning`].
    pub fn find(data_dir: &Path, json: bool) -> Result<Self> {
        let dir = DataDir::at(data_dir);
        let run = dir.running()?;
        Ok(Self { dir, run, json, http: Http::new() })
    }

    /// A connection to its NATS.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn nats(&self) -> Result<Nats> {
        Ok(Nats::connect(&self.run.nats, "orderflow", false).await?)
    }

    /// The partners as far as they can be read; none where they are configured elsewhere.
    pub fn partners(&self) -> Partners {
        intake::partners::configured(Some(&self.dir.partners()), drop)
    }

    /// Is this one of the configured partners? Where none are known here, every one counts.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub fn partner_known(&self, partner: &PartnerId) -> Result<()> {
        let partners = self.partners();
        let is_direct = *partner == Terms::direct().partner;
        if partners.is_empty() || is_direct || partners.contains_key(partner) {
            return Ok(());
        }
        let names: Vec<&str> = partners.keys().map(PartnerId::as_str).collect();
        let what = format!("partner {partner}; configured are {}", names.join(", "));
        Err(Failure::NotFound { what }.into())
    }

    /// Is there such a warehouse: `main`, one of a partner's, or one with a journal?
    ///
    /// # Errors
    /// [`Failure::NotFound`], or NATS does not answer.
    pub async fn known(&self, nats: &Nats, warehouse: &WarehouseId) -> Result<()> {
        let partners = self.partners();
        let of_partner = partners.values().any(|partner| partner.warehouse == *warehouse);
        if of_partner || *warehouse == WarehouseId::main() {
            return Ok(());
        }
        let journal = subject::inventory_journal(warehouse);
        if stored::last(nats, streams::JOURNAL, &journal).await?.is_some() {
            return Ok(());
        }
        let of_partners = partners.values().map(|partner| partner.warehouse.clone());
        let names: BTreeSet<WarehouseId> = of_partners.chain([WarehouseId::main()]).collect();
        let names: Vec<&str> = names.iter().map(WarehouseId::as_str).collect();
        let what = format!("warehouse {warehouse}; partners.yml has {}", names.join(", "));
        Err(Failure::NotFound { what }.into())
    }

    /// Calls a function, through the gateway or at its own address, and reads its JSON.
    pub async fn call<T: DeserializeOwned>(
        &self,
        level: Level,
        method: Method,
        path: &str,
        more: Option<(String, Vec<u8>)>,
    ) -> Result<T> {
        self.call_at(level, method, path, &[], more).await
    }

    /// The same with further headers. An answer without a body is JSON's `null`.
    pub async fn call_at<T: DeserializeOwned>(
        &self,
        level: Level,
        method: Method,
        path: &str,
        at: &[(&str, &str)],
        more: Option<(String, Vec<u8>)>,
    ) -> Result<T> {
        let token = self.dir.secret(match level {
            Level::Read => READ_TOKEN,
            Level::Admin => ADMIN_TOKEN,
        })?;
        let authorization = format!("Bearer {token}");
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(at);
        let (key, body) = more.unwrap_or_default();
        if !key.is_empty() {
            headers.push(("idempotency-key", &key));
            headers.push(("content-type", "application/json"));
        }
        let url = self.run.url(path)?;
        let body = body.into();
        let answer = self.http.send(Call { method, url, headers, body, timeout: CALL_MAX }).await?;
        if answer.status.is_success() {
            let body = if answer.body.is_empty() { b"null" } else { &answer.body[..] };
            return serde_json::from_slice(body).with_context(|| format!("the answer of {path}"));
        }
        Err(refusal(path, answer.status, &answer.body))
    }
}

/// A function refused what it was asked: nothing was done, and the same again is refused again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// A new idempotency key.
pub fn key() -> String {
    format!("cli-{:032x}", fastrand::u128(..))
}

/// What a function says is wrong, in one line for each thing.
fn refusal(path: &str, status: StatusCode, body: &[u8]) -> anyhow::Error {
    let function = path.split(['/', '?']).next().unwrap_or(path);
    if status == StatusCode::BAD_GATEWAY && body.is_empty() {
        return anyhow!("{function} cannot be reached just now");
    }
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return anyhow!("{function} answered {status}");
    };
    let detail = problem.detail.clone().unwrap_or_else(|| problem.title.clone());
    if status == StatusCode::NOT_FOUND {
        return Failure::NotFound { what: detail }.into();
    }
    let fields = problem.errors.iter();
    let fields: String = fields.map(|e| format!("\n{}: {}", e.field, e.reason)).collect();
    let text = format!("{function}: {detail}{fields}");
    match status.is_client_error() {
        true => Refused(text).into(),
        false => anyhow!(text),
    }
}

/// `text` as one value of a query.
pub fn query_value(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A connection for commands that also work with a server elsewhere.
pub async fn nats_at(url: &str) -> Result<Nats> {
    if url.is_empty() {
        bail!("the URL of NATS is empty");
    }
    Ok(Nats::connect(url, "orderflow", false).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_function_detail_and_fields() {
        let body = br#"{"type":"about:blank","title":"t","status":422,"detail":"no",
            "errors":[{"field":"available.A","reason":"is -1"}]}"#;
        let text = refusal("order-processor/stock", StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(text.to_string(), "order-processor: no\navailable.A: is -1");
        let text = refusal("order-processor?x", StatusCode::BAD_GATEWAY, b"");
        assert_eq!(text.to_string(), "order-processor cannot be reached just now");
        let text = refusal("a", StatusCode::INTERNAL_SERVER_ERROR, b"oops");
        assert_eq!(text.to_string(), "a answered 500 Internal Server Error");
    }

    #[test]
    fn what_a_function_does_not_find_is_not_found() {
        let body = br#"{"type":"about:blank","title":"t","status":404,"detail":"no product X"}"#;
        let error = refusal("a", StatusCode::NOT_FOUND, body);
        assert!(matches!(error.downcast_ref(), Some(Failure::NotFound { .. })));
        assert_eq!(error.to_string(), "not found: no product X");
    }

    #[test]
    fn any_text_is_one_value_of_a_query() {
        assert_eq!(query_value("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }
}
