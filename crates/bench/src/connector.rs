//! The connector alone: stored messages are delivered to a function that does nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use messaging::{Nats, streams};
use runtime::events::{Answer, Batch, OrderedAnswer};
use runtime::{Secret, ServerSettings};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::made::{Orders, PRODUCTS};
use crate::orders::publish_all;
use crate::row::{Row, median, number};

const SUBJECT: &str = "orders.placed.bench.all";
const LOOK: Duration = Duration::from_millis(10);
const STALL: Duration = Duration::from_secs(30);

pub(crate) async fn run(messages: u64, rounds: u32) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, ordered) in [("in batches of 500, acknowledged", false), ("in stream order", true)] {
        let mut rates = Vec::new();
        for _ in 0..rounds {
            rates.push(number(messages) / round(messages, ordered).await?);
        }
        let note = format!("{messages} messages of 200 bytes, median of {rounds}");
        rows.push(Row::new("connector", what, median(rates), "messages/s", note));
    }
    Ok(rows)
}

/// Seconds from the connector's first list of functions until the last message is settled.
async fn round(messages: u64, ordered: bool) -> Result<f64> {
    let dir = tempfile::tempdir().context("cannot make a folder")?;
    let server = servers::nats::start(servers::nats::Settings::under(dir.path()))?;
    let nats = Nats::connect(&server.url(), "bench", false).await?;
    for step in streams::setup(&nats, streams::Settings::default()).await {
        step.outcome.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    publish_all(&nats, SUBJECT, messages, &Orders::of(1, PRODUCTS)?).await?;
    let function =
        Arc::new(Nothing { ordered, given: AtomicU64::new(0), decided_to: AtomicU64::new(0) });
    let gateway = serve(Arc::clone(&function)).await?;
    let settings = connector::Settings {
        nats_url: server.url(),
        gateway: Some(gateway.parse()?),
        functions: None,
        invoke: connector::Invoke::Gateway,
        poll: Duration::from_secs(1),
        token: Secret::new("bench"),
        basic_auth: None,
        quiet_after: connector::QUIET_AFTER,
        server: ServerSettings::ephemeral(),
    };
    let own = Nats::connect(&server.url(), "connector", false).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let started = Instant::now();
    let task = tokio::spawn(connector::run(settings, own, async { drop(stopped.await) }));
    settled(&nats, &function, messages).await?;
    let seconds = started.elapsed().as_secs_f64();
    let given = function.given.load(Ordering::Relaxed);
    if given < messages {
        bail!("{messages} messages are settled, but the function got {given}");
    }
    drop(stop);
    task.await??;
    Ok(seconds)
}

/// A header that only answers of our functions have.
const SIGNATURE: [(&str, &str); 1] = [("x-duration-seconds", "0.0")];

/// A function that does nothing but answer.
struct Nothing {
    ordered: bool,
    /// Number of events that it got.
    given: AtomicU64,
    decided_to: AtomicU64,
}

async fn serve(function: Arc<Nothing>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the function")?;
    let url = format!("http://{}", listener.local_addr()?);
    let routes = Router::new()
        .route("/system/functions", get(list))
        .route("/function/nothing", post(call))
        .with_state(function);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}

async fn list(State(function): State<Arc<Nothing>>) -> Json<Value> {
    let annotations = match function.ordered {
        true => json!({"topic": "orders.placed.>", "orderflow.batch": "500",
            "orderflow.ordered": "true", "orderflow.lanes": "bench"}),
        false => json!({"topic": "orders.placed.bench.>", "orderflow.batch": "500"}),
    };
    Json(json!([{"name": "nothing", "annotations": annotations}]))
}

async fn call(State(function): State<Arc<Nothing>>, headers: HeaderMap, body: Bytes) -> Response {
    #[derive(Deserialize)]
    struct Sequence {
        sequence: String,
    }
    let answer = match Batch::parse(&headers, &body) {
        Err(problem) => problem.into_response(),
        Ok(batch) => {
            function.given.fetch_add(batch.events.len() as u64, Ordering::Relaxed);
            if !function.ordered {
                return (SIGNATURE, Answer::done()).into_response();
            }
            let last = batch.events.last().and_then(|event| event.parse::<Sequence>().ok());
            if let Some(last) = last.and_then(|last| last.sequence.parse().ok()) {
                function.decided_to.store(last, Ordering::Relaxed);
            }
            OrderedAnswer { decided_to: function.decided_to.load(Ordering::Relaxed) }
                .into_response()
        }
    };
    (SIGNATURE, answer).into_response()
}

/// Waits until every message is acknowledged, or decided.
async fn settled(nats: &Nats, function: &Nothing, messages: u64) -> Result<()> {
    let stream = nats.js.get_stream(streams::ORDERS).await?;
    let durable = connector::durable_name("nothing", "orders.placed.bench.>");
    let (mut last, mut since) = (u64::MAX, Instant::now());
    loop {
        let open = if function.ordered {
            messages.saturating_sub(function.decided_to.load(Ordering::Relaxed))
        } else {
            match stream.consumer_info(&durable).await {
                Ok(info) => info.num_pending + u64::try_from(info.num_ack_pending)?,
                Err(_) => messages,
            }
        };
        if open == 0 {
            return Ok(());
        }
        if open != last {
            (last, since) = (open, Instant::now());
        }
        if STALL < since.elapsed() {
            bail!("{open} messages are left, and there is no progress");
        }
        sleep(LOOK).await;
    }
}
