//! `webhooks deliveries` and `webhooks resend`.

use anyhow::Result;
use axum::http::Method;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use machine::client::{Level, Pipeline, query_value};
use machine::clock;
use serde::Deserialize;
use serde_json::{Value, json};
use terminal::output;

use super::endpoint::{Name, send};
use crate::commands::notify::resend::tell;

/// As many as the function gives at once.
const PAGE: usize = 1_000;

#[derive(Debug, Deserialize)]
struct Page {
    deliveries: Vec<Value>,
    next: Option<u64>,
}

pub(super) async fn list(
    pipeline: &Pipeline,
    endpoint: &Name,
    state: Option<&str>,
    (since, limit): (Option<DateTime<Utc>>, usize),
) -> Result<()> {
    let since = since.unwrap_or_else(|| clock::now() - TimeDelta::days(1));
    let since = query_value(&since.to_rfc3339_opts(SecondsFormat::Secs, true));
    let state = state.map(|state| format!("&state={}", query_value(state))).unwrap_or_default();
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/deliveries?limit={PAGE}&since={since}{state}{after}");
        let path = endpoint.path(&path);
        let page: Page = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        all.extend(page.deliveries);
        match page.next {
            Some(next) => after = format!("&cursor={next}"),
            None => break,
        }
    }
    // The newest first.
    all.reverse();
    let more = all.len().saturating_sub(limit);
    all.truncate(limit);
    if pipeline.json {
        output::json(&json!({"deliveries": all, "more": 0 < more}));
        return Ok(());
    }
    let row = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let mark = match text("state") {
            "sent" => "✓",
            "failed" | "dead" => "✗",
            _ => "·",
        };
        vec![
            text("at").to_owned(),
            output::name(text("subject")).into_owned(),
            format!("{mark} {}", text("state")),
            one.get("attempts").map(ToString::to_string).unwrap_or_default(),
            output::name(text("answer")).into_owned(),
            text("id").to_owned(),
        ]
    };
    let head = ["CHANGED", "ABOUT", "STATE", "ATTEMPTS", "ANSWER", "ID"];
    output::table(&head, &[3], all.iter().map(row));
    if 0 < more {
        output::note(format_args!("{more} more: --limit {}", all.len() + more));
    }
    Ok(())
}

pub(super) async fn resend(
    pipeline: &Pipeline,
    endpoint: &Name,
    id: Option<&str>,
    since: Option<DateTime<Utc>>,
) -> Result<()> {
    let body = match id {
        Some(id) => json!({"id": id}),
        None => json!({"since": since}),
    };
    let path = endpoint.path("/deliveries/again");
    let asked = send(pipeline, Method::POST, &path, &body).await?;
    tell(pipeline, &asked);
    Ok(())
}
