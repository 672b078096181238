//! `notify test`.

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use machine::client::{Level, Pipeline};
use serde_json::{Value, json};
use terminal::output;

use super::which::Which;

pub(super) async fn run(pipeline: &Pipeline, to: &str, channel: &str, which: &Which) -> Result<()> {
    let Which { notice, language, partner } = which;
    let body = json!({"to": to, "channel": channel, "notice": notice, "language": language, "partner": partner});
    let body = serde_json::to_vec(&body).context("the message")?;
    let more = Some((String::new(), body));
    let tried: Value = pipeline.call(Level::Admin, Method::POST, "notifier/test", more).await?;
    if pipeline.json {
        output::json(&tried);
    }
    let text = |name: &str| tried.get(name).and_then(Value::as_str).unwrap_or_default();
    let (outcome, answer) = (text("outcome"), output::name(text("answer")));
    match outcome {
        "sent" if pipeline.json => Ok(()),
        "sent" => {
            output::line(format_args!("✓ taken: {answer}"));
            Ok(())
        }
        "again" => bail!("not now; a message to a customer would be tried again: {answer}"),
        "away" => bail!("the provider takes nothing from us just now: {answer}"),
        "never" => bail!("refused for ever: {answer}"),
        _ => bail!("it may have arrived or not: {answer}"),
    }
}
