//! `orderflow journal …`: what was decided, and the operator's ways to go on.

mod show;

use anyhow::{Result, bail};
use axum::http::Method;
use domain::WarehouseId;
use messaging::inventory::{self, Inventory};
use messaging::journal::{self, Applied, Place};
use messaging::{streams, subject};
use serde_json::{Value, json};

use super::{Level, Pipeline, key};
use crate::args::{Global, Journal};
use crate::{clock, output};

pub(crate) async fn run(global: &Global, command: &Journal) -> Result<()> {
    let pipeline = Pipeline::find(global)?;
    match command {
        Journal::Show { from, last, warehouse } => {
            show::run(&pipeline, warehouse, *from, *last).await
        }
        Journal::Verify { warehouse } => verify(&pipeline, warehouse).await,
        Journal::Skip { sequence, reason, warehouse } => {
            skip(&pipeline, warehouse, *sequence, reason).await
        }
        Journal::Rebase { to, reason, warehouse } => {
            rebase(&pipeline, warehouse, *to, reason).await
        }
    }
}

async fn verify(pipeline: &Pipeline, warehouse: &WarehouseId) -> Result<()> {
    let nats = pipeline.nats().await?;
    pipeline.known(&nats, warehouse).await?;
    let subject = subject::inventory_journal(warehouse);
    let book = Inventory::new(warehouse.clone());
    let found = journal::verify(&nats, &subject, &book, clock::now()).await?;
    if pipeline.json {
        let problems: Vec<_> = found
            .problems
            .iter()
            .map(|problem| json!({"entry": problem.entry, "problem": problem.text}))
            .collect();
        output::json(&json!({
            "journal": subject, "entries": found.entries, "first": found.first,
            "last": found.last, "decided_to": found.decided_to, "facts": found.facts,
            "expired": found.expired, "unsettled": found.unsettled,
            "problems": problems, "problems_total": found.problems_total,
        }));
    } else {
        output::line(format_args!(
            "{} {subject}: {} entries, {} to {}, decided to {}",
            if found.problems_total == 0 { "✓" } else { "✗" },
            found.entries,
            found.first,
            found.last,
            found.decided_to.as_ref().map_or(0, |position| position.sequence),
        ));
        output::line(format_args!(
            "{} {} facts, {} of them older than what is kept",
            if found.unsettled == 0 { "✓" } else { "!" },
            found.facts,
            found.expired,
        ));
        if found.unsettled > 0 {
            let count = found.unsettled;
            output::line(format_args!("! {count} facts of the last entry are not published yet"));
        }
        for problem in &found.problems {
            output::line(format_args!("✗ entry {}: {}", problem.entry, problem.text));
        }
    }
    match found.problems_total {
        0 => Ok(()),
        count => bail!("{subject} has {count} problems"),
    }
}

async fn skip(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    sequence: u64,
    reason: &str,
) -> Result<()> {
    let body = json!({"warehouse": warehouse, "sequence": sequence, "reason": reason});
    let more = Some((key(), body.to_string().into()));
    let path = "order-processor/journal/skip";
    let answer: Value = pipeline.call(Level::Admin, Method::POST, path, more).await?;
    if pipeline.json {
        output::json(&answer);
    } else {
        output::line(format_args!("{sequence} is refused; the lane of {warehouse} goes on"));
    }
    Ok(())
}

/// Written to the journal itself: it is needed when no function can go on.
async fn rebase(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    to: Place,
    reason: &str,
) -> Result<()> {
    if reason.trim().is_empty() {
        bail!("the reason is empty");
    }
    let nats = pipeline.nats().await?;
    let to = journal::position(&nats, streams::ORDERS, &subject::placed(warehouse), to).await?;
    let applied = inventory::journal(&nats, warehouse).rebase(&to, reason).await?;
    if pipeline.json {
        output::json(&json!({"decided_to": to, "applied": applied == Applied::Now}));
        return Ok(());
    }
    let what = match applied {
        Applied::Now => "goes on",
        Applied::Before => "goes on already",
    };
    output::line(format_args!("the lane of {warehouse} {what} after {}", to.sequence));
    Ok(())
}
