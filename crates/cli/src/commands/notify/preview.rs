//! `notify preview`.

use anyhow::Result;
use axum::http::Method;
use machine::client::{Level, Pipeline};
use serde_json::Value;
use terminal::output;

use super::which::{Which, query};

pub(super) async fn run(pipeline: &Pipeline, which: &Which) -> Result<()> {
    let Which { notice, language, partner } = which;
    let partner = partner.as_ref().map(domain::PartnerId::as_str);
    let pairs = [
        ("notice", Some(notice.as_str())),
        ("language", language.as_deref()),
        ("partner", partner),
    ];
    let query = query(pairs);
    let path = format!("notifier/preview?{}", query.trim_start_matches('&'));
    let shown: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&shown);
        return Ok(());
    }
    let text = |name: &str| shown.get(name).and_then(Value::as_str).unwrap_or_default();
    output::line(format_args!("From: {}", text("from")));
    output::line(format_args!("Subject: {}", text("subject")));
    output::line("");
    output::line(text("text").trim_end());
    if let Some(size) = shown.get("sms_size") {
        let number = |name: &str| size.get(name).and_then(Value::as_u64).unwrap_or_default();
        let encoding = size.get("encoding").and_then(Value::as_str).unwrap_or_default();
        let (segments, units) = (number("segments"), number("units"));
        output::line("");
        output::line(format_args!("SMS: {}", text("sms")));
        let messages = output::count(segments, "message");
        output::note(format_args!("the SMS takes {messages}: {units} places of {encoding}"));
    }
    output::note("--json shows the HTML as well");
    Ok(())
}
