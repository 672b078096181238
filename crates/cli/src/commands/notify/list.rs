//! `notify list` and `notify show`.

use std::collections::BTreeSet;

use anyhow::Result;
use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use machine::client::{Level, Pipeline, query_value};
use machine::clock;
use messaging::subject::{OrderSubject, token};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terminal::{Failure, output};

use super::which::query;

/// As many as the notifier gives at once.
const PAGE: usize = 1_000;

/// Which messages.
pub(super) struct Wanted<'a> {
    pub(super) state: Option<&'a str>,
    pub(super) channel: Option<&'a str>,
    pub(super) order: Option<&'a str>,
    pub(super) since: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct Page {
    deliveries: Vec<Delivery>,
    next: Option<u64>,
}

/// What became of one message.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Delivery {
    id: String,
    event: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    lane: String,
    state: String,
    answer: Option<String>,
    due: Option<DateTime<Utc>>,
    attempts: u32,
    unknown: u32,
    at: DateTime<Utc>,
}

impl Delivery {
    /// What it is about: an order as PARTNER/ORDER, or the subject of an alert.
    fn about(&self) -> String {
        OrderSubject::parse(&self.subject)
            .map_or_else(|| self.subject.clone(), |of| format!("{}/{}", of.partner, of.order_id))
    }

    fn state(&self) -> String {
        let mark = match self.state.as_str() {
            "sent" => "✓",
            "failed" | "dead" => "✗",
            _ => "·",
        };
        match self.unknown {
            0 => format!("{mark} {}", self.state),
            count => format!("{mark} {}, {count} unknown", self.state),
        }
    }
}

async fn read(pipeline: &Pipeline, query: &str) -> Result<Vec<Delivery>> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("notifier/deliveries?limit={PAGE}{query}{after}");
        let page: Page = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        found.extend(page.deliveries);
        match page.next {
            Some(next) => after = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

/// The numbers of an order's invoices and credit notes. Mails about them are found by these, because they do not name the
/// order. Empty where billing is not deployed.
async fn documents_of(pipeline: &Pipeline, order: &str) -> BTreeSet<String> {
    let Some((partner, id)) = order.split_once('/') else { return BTreeSet::new() };
    let (partner, id) = (query_value(partner), query_value(id));
    let paths = [
        format!("billing/invoices?limit=1000&partner={partner}&order={id}"),
        format!("billing/balances/{partner}/{id}"),
    ];
    let mut numbers = BTreeSet::new();
    for (path, list) in paths.iter().zip(["invoices", "documents"]) {
        let answer: Result<Value> = pipeline.call(Level::Read, Method::GET, path, None).await;
        let Ok(answer) = answer else { continue };
        let listed = answer.get(list).and_then(Value::as_array).into_iter().flatten();
        let number = |document: &Value| document.get("number")?.as_str().map(token);
        numbers.extend(listed.filter_map(number));
    }
    numbers
}

pub(super) async fn run(pipeline: &Pipeline, wanted: &Wanted<'_>, limit: usize) -> Result<()> {
    let since = wanted.since.unwrap_or_else(|| clock::now() - TimeDelta::days(1)).to_rfc3339();
    let pairs =
        [("state", wanted.state), ("lane", wanted.channel), ("since", Some(since.as_str()))];
    let mut found = read(pipeline, &query(pairs)).await?;
    if let Some(order) = wanted.order {
        let numbers = documents_of(pipeline, order).await;
        found.retain(|delivery| {
            let number = delivery.subject.strip_prefix("invoices.issued.");
            let number = number.and_then(|rest| rest.split_once('.')).map(|(_, number)| number);
            delivery.about() == order || number.is_some_and(|number| numbers.contains(number))
        });
    }
    found.reverse();
    let more = found.len().saturating_sub(limit);
    found.truncate(limit);
    if pipeline.json {
        output::json(&json!({"deliveries": found, "more": 0 < more}));
        return Ok(());
    }
    let row = |delivery: &Delivery| {
        vec![
            delivery.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            delivery.lane.clone(),
            output::name(&delivery.about()).into_owned(),
            delivery.state(),
            delivery.attempts.to_string(),
            output::name(delivery.answer.as_deref().unwrap_or_default()).into_owned(),
            output::name(&delivery.event).into_owned(),
        ]
    };
    let head = ["changed", "channel", "about", "state", "attempts", "answer", "event"];
    output::table(&head, &[4], found.iter().map(row));
    if 0 < more {
        output::note(format_args!("{more} more: --limit {}", found.len() + more));
    }
    Ok(())
}

pub(super) async fn show(pipeline: &Pipeline, event: &str) -> Result<()> {
    let found = read(pipeline, &query([("event", Some(event))])).await?;
    if found.is_empty() {
        let what = format!(
            "no message of event {event} was begun; orderflow notify list shows those that were"
        );
        return Err(Failure::NotFound { what }.into());
    }
    if pipeline.json {
        output::json(&json!({"deliveries": found}));
        return Ok(());
    }
    for delivery in &found {
        output::line(format_args!(
            "{} by {}: {}",
            output::name(&delivery.about()),
            delivery.lane,
            delivery.state()
        ));
        output::line(format_args!("  id: {}", delivery.id));
        output::line(format_args!(
            "  event: {} ({})",
            output::name(&delivery.event),
            delivery.kind
        ));
        output::line(format_args!("  since: {}", delivery.at.to_rfc3339()));
        output::line(format_args!(
            "  attempts: {}, without an answer: {}",
            delivery.attempts, delivery.unknown
        ));
        if let Some(answer) = &delivery.answer {
            output::line(format_args!("  answer: {}", output::name(answer)));
        }
        if let Some(due) = delivery.due {
            output::line(format_args!("  next attempt: {}", due.to_rfc3339()));
        }
        if ["failed", "dead"].contains(&delivery.state.as_str()) {
            output::line(format_args!(
                "  to send it again: orderflow notify resend {}",
                delivery.id
            ));
        }
    }
    Ok(())
}
