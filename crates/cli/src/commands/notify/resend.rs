//! `notify resend`.

use anyhow::{Context as _, Result};
use axum::http::Method;
use chrono::{DateTime, Utc};
use machine::client::{Level, Pipeline};
use serde_json::{Value, json};
use terminal::output;

use crate::confirm::{Yes, confirm};

const PATH: &str = "notifier/deliveries/again";

async fn ask(pipeline: &Pipeline, body: &Value) -> Result<()> {
    let body = serde_json::to_vec(body).context("the request")?;
    let more = Some((String::new(), body));
    let asked: Value = pipeline.call(Level::Admin, Method::POST, PATH, more).await?;
    tell(pipeline, &asked);
    Ok(())
}

/// Says how many messages are sent again, and which are not.
pub(crate) fn tell(pipeline: &Pipeline, asked: &Value) {
    if pipeline.json {
        return output::json(asked);
    }
    let count = |name: &str| asked.get(name).and_then(Value::as_u64).unwrap_or_default();
    output::line(format_args!("✓ {} sent again", output::count(count("again"), "message")));
    for (name, why) in
        [("gone", "not kept any more (30 days)"), ("under_way", "under way; ask again later")]
    {
        if 0 < count(name) {
            output::line(format_args!("! {}: {why}", output::count(count(name), "message")));
        }
    }
}

pub(super) async fn one(pipeline: &Pipeline, id: &str) -> Result<()> {
    ask(pipeline, &json!({"id": id})).await
}

pub(super) async fn all(
    pipeline: &Pipeline,
    since: Option<DateTime<Utc>>,
    channel: Option<&str>,
    yes: Yes,
) -> Result<()> {
    let since = since.context("--since TIME")?;
    let preview = [format!(
        "messages that failed or were given up since {} are sent again; customers may get old news",
        since.to_rfc3339()
    )];
    confirm(&preview, "Send them again?", yes)?;
    let mut body = json!({"since": since});
    if let (Some(channel), Some(members)) = (channel, body.as_object_mut()) {
        members.insert("lane".to_owned(), channel.into());
    }
    ask(pipeline, &body).await
}
