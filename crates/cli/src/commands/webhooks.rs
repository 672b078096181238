//! `orderflow webhooks …`: endpoints of shops, over HTTP on the function webhooks.

mod deliveries;
mod endpoint;

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use domain::PartnerId;
use machine::client::{Level, Pipeline, key, query_value};
use machine::clock;
use serde_json::{Value, json};
use terminal::output;

use endpoint::{Name, name, send};

use crate::commands::orders::again::since;
use crate::confirm::{Yes, confirm};
use crate::global::Global;

const EXAMPLES: &str = "Examples:
  orderflow webhooks add US1/shop https://shop.example/hooks --type order.confirmed --type order.shipped
  orderflow webhooks add \"*/audit\" https://audit.example/hooks
  orderflow webhooks list
  orderflow webhooks secret US1/shop
  orderflow webhooks test US1/shop
  orderflow webhooks deliveries US1/shop --state dead
  orderflow webhooks resend US1/shop --since 24h
  orderflow webhooks rotate US1/shop
  orderflow webhooks pause US1/shop
  orderflow webhooks remove US1/shop";

const ADD: &str = "Types: order.confirmed, order.refused, order.cancelled, order.shipped, invoice.issued, credit_note.issued,
file.received, file.reported, file.refused and stock.low, which is told to */NAME only.

Addresses that are not public, and other ports than 443, are refused unless ORDERFLOW_OUTGOING_NETWORKS and
ORDERFLOW_OUTGOING_PORTS of the function allow them.

Examples:
  orderflow webhooks add US1/shop https://shop.example/hooks --type order.shipped";

/// Endpoints of shops that are told what becomes of orders, files and invoices.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Webhooks {
    /// Subscribe an endpoint, and show what its messages are signed with.
    #[command(after_help = ADD)]
    Add {
        /// As PARTNER/NAME; `*/NAME` is told of all partners.
        #[arg(value_parser = name)]
        endpoint: Name,
        /// Where messages are posted.
        url: String,
        /// What it is told of; several times for more. Without it, of everything.
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// What it is for.
        #[arg(long)]
        note: Option<String>,
    },
    /// List endpoints.
    List,
    /// Show the signing secret of an endpoint, for libraries of Standard Webhooks.
    Secret {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
    },
    /// Give an endpoint another signing secret; for some hours messages are signed with both.
    Rotate {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
        /// How long the old one goes on.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=720))]
        hours: u32,
    },
    /// Post a test message at once, and show what the endpoint answers.
    Test {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
    },
    /// Keep messages to an endpoint back, for 30 days at most.
    Pause {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
    },
    /// Send to an endpoint again that was paused or switched off.
    Resume {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
    },
    /// Take an endpoint away. What waits for it is not sent any more.
    Remove {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
        #[command(flatten)]
        yes: Yes,
    },
    /// List what became of messages to an endpoint.
    Deliveries {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
        /// In this state: sending, waiting, sent, failed or dead.
        #[arg(long)]
        state: Option<String>,
        /// Changed since then; a day if nothing is said.
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<DateTime<Utc>>,
        /// At most so many, the newest.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
        limit: u16,
    },
    /// Send a message again, or all that failed or were given up since a time.
    Resend {
        /// As PARTNER/NAME.
        #[arg(value_parser = name)]
        endpoint: Name,
        /// The message, as `deliveries` names it.
        #[arg(required_unless_present = "since")]
        id: Option<String>,
        /// All that failed or were given up since then.
        #[arg(long, value_name = "TIME", value_parser = since, conflicts_with = "id")]
        since: Option<DateTime<Utc>>,
    },
}

pub(crate) async fn run(global: &Global, command: &Webhooks) -> Result<()> {
    let pipeline = global.pipeline()?;
    let pipeline = &pipeline;
    match command {
        Webhooks::Add { endpoint, url, types, note } => {
            add(pipeline, endpoint, (url, types, note.as_deref())).await
        }
        Webhooks::List => list(pipeline).await,
        Webhooks::Secret { endpoint } => secret(pipeline, endpoint).await,
        Webhooks::Rotate { endpoint, hours } => rotate(pipeline, endpoint, *hours).await,
        Webhooks::Test { endpoint } => test(pipeline, endpoint).await,
        Webhooks::Pause { endpoint } => {
            change(pipeline, endpoint, &json!({"active": false})).await?;
            said(
                pipeline,
                &format!("✓ {endpoint} is paused; its messages wait for 30 days at most"),
            )
        }
        Webhooks::Resume { endpoint } => {
            change(pipeline, endpoint, &json!({"active": true, "disabled": null})).await?;
            said(pipeline, &format!("✓ {endpoint} is active; what waits is sent"))
        }
        Webhooks::Remove { endpoint, yes } => remove(pipeline, endpoint, *yes).await,
        Webhooks::Deliveries { endpoint, state, since, limit } => {
            let page = (*since, usize::from(*limit));
            deliveries::list(pipeline, endpoint, state.as_deref(), page).await
        }
        Webhooks::Resend { endpoint, id, since } => {
            deliveries::resend(pipeline, endpoint, id.as_deref(), *since).await
        }
    }
}

fn said(pipeline: &Pipeline, text: &str) -> Result<()> {
    if !pipeline.json {
        output::line(text);
    }
    Ok(())
}

async fn change(pipeline: &Pipeline, endpoint: &Name, body: &Value) -> Result<Value> {
    let changed = send(pipeline, Method::PATCH, &endpoint.path(""), body).await?;
    if pipeline.json {
        output::json(&changed);
    }
    Ok(changed)
}

async fn add(
    pipeline: &Pipeline,
    endpoint: &Name,
    (url, types, note): (&str, &[String], Option<&str>),
) -> Result<()> {
    let Name { partner, id } = endpoint;
    // One that is none is refused by the function, with the field.
    if let Ok(partner) = PartnerId::parse(partner) {
        pipeline.partner_known(&partner)?;
    }
    let mut body = json!({"partner": partner, "id": id, "url": url, "types": types});
    if let (Some(note), Some(fields)) = (note, body.as_object_mut()) {
        fields.insert("note".to_owned(), note.into());
    }
    send(pipeline, Method::POST, "webhooks/subscriptions", &body).await?;
    said(
        pipeline,
        &format!("✓ {endpoint} is told from now on; to try it: orderflow webhooks test {endpoint}"),
    )?;
    secret(pipeline, endpoint).await
}

async fn secret(pipeline: &Pipeline, endpoint: &Name) -> Result<()> {
    let path = endpoint.path("/secret");
    let found: Value = pipeline.call(Level::Admin, Method::GET, &path, None).await?;
    if pipeline.json {
        output::json(&found);
        return Ok(());
    }
    let text = |name: &str| found.get(name).and_then(Value::as_str);
    output::line(text("secret").unwrap_or_default());
    if let (Some(old), Some(until)) = (text("old_secret"), text("old_secret_until")) {
        output::line(format_args!("until {until} also: {old}"));
    }
    Ok(())
}

async fn rotate(pipeline: &Pipeline, endpoint: &Name, hours: u32) -> Result<()> {
    let path = endpoint.path("");
    let now: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    let version = now.get("secret_version").and_then(Value::as_u64).unwrap_or(1);
    let until = (0 < hours).then(|| clock::now() + TimeDelta::hours(hours.into()));
    let body = json!({"secret_version": version + 1, "old_secret_until": until});
    let body = serde_json::to_vec(&body).context("the request")?;
    // Two rotations at once would take the old secret away.
    let revision = now.get("revision").map(ToString::to_string).unwrap_or_default();
    let at = [("if-match", format!("\"{revision}\""))];
    let at: Vec<(&str, &str)> = at.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let more = Some((key(), body));
    let _: Value = pipeline.call_at(Level::Admin, Method::PATCH, &path, &at, more).await?;
    secret(pipeline, endpoint).await
}

async fn test(pipeline: &Pipeline, endpoint: &Name) -> Result<()> {
    let path = endpoint.path("/test");
    let tested: Value = pipeline.call(Level::Admin, Method::POST, &path, None).await?;
    if pipeline.json {
        output::json(&tested);
        return Ok(());
    }
    let text = |name: &str| tested.get(name).and_then(Value::as_str).unwrap_or_default();
    let mark = if text("outcome") == "sent" { "✓" } else { "✗" };
    output::line(format_args!("{mark} {}: {}", text("outcome"), output::name(text("answer"))));
    Ok(())
}

async fn remove(pipeline: &Pipeline, endpoint: &Name, yes: Yes) -> Result<()> {
    let path = endpoint.path("");
    let now: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
    let url = now.get("url").and_then(Value::as_str).unwrap_or_default();
    let preview = [format!("{endpoint} is {}", output::name(url))];
    confirm(&preview, &format!("Remove {endpoint}?"), yes)?;
    let _: Value = pipeline.call(Level::Admin, Method::DELETE, &path, None).await?;
    said(pipeline, &format!("✓ {endpoint} is removed"))
}

async fn list(pipeline: &Pipeline) -> Result<()> {
    let (mut all, mut after): (Vec<Value>, String) = (Vec::new(), String::new());
    loop {
        let path = format!("webhooks/subscriptions?limit=1000{after}");
        let page: Value = pipeline.call(Level::Read, Method::GET, &path, None).await?;
        let listed = page.get("subscriptions").and_then(Value::as_array).cloned();
        all.extend(listed.unwrap_or_default());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => {
                after.clear();
                write!(after, "&cursor={}", query_value(next)).context("a cursor")?;
            }
            None => break,
        }
    }
    if pipeline.json {
        output::json(&all);
        return Ok(());
    }
    if all.is_empty() {
        output::line("no endpoints; orderflow webhooks add PARTNER/NAME URL makes one");
        return Ok(());
    }
    let row = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let types = one.get("types").and_then(Value::as_array).map(Vec::as_slice);
        let types: Vec<&str> = types.unwrap_or_default().iter().filter_map(Value::as_str).collect();
        let state = match (one.get("active"), one.get("disabled").and_then(Value::as_str)) {
            (Some(Value::Bool(false)), Some(why)) => format!("✗ off: {why}"),
            (Some(Value::Bool(false)), None) => "· paused".to_owned(),
            _ => "✓ active".to_owned(),
        };
        vec![
            format!("{}/{}", text("partner"), text("id")),
            output::name(text("url")).into_owned(),
            if types.is_empty() { "everything".to_owned() } else { types.join(" ") },
            output::name(&state).into_owned(),
        ]
    };
    output::table(&["ENDPOINT", "URL", "TYPES", "STATE"], &[], all.iter().map(row));
    Ok(())
}
