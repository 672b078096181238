//! A small HTTP client for this machine.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A client with its connections.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Body>,
}

/// What is sent.
#[derive(Clone, Default)]
pub struct Call<'a> {
    /// GET where none is named.
    pub method: Method,
    /// `http://…` only.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'a str, &'a str)>,
    /// May be empty.
    pub body: Bytes,
    /// Until the whole answer is read.
    pub timeout: Duration,
}

/// What comes back.
pub struct Answer {
    /// Whatever it is.
    pub status: StatusCode,
    /// At most 256 MiB.
    pub body: Bytes,
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Http {
    /// Without connections yet.
    #[must_use]
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        Self { client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Sends and reads the whole answer, whatever its status is.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer> {
        let Call { method, url, headers, body, timeout } = call;
        let what = format!("{method} {url}");
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).with_context(|| what.clone())?;
        let exchange = async {
            let answer = self.client.request(request).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
            anyhow::Ok(Answer { status: parts.status, body })
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(answer) => answer.with_context(|| what),
            Err(_) => bail!("{what}: no answer after {} s", timeout.as_secs()),
        }
    }
}
