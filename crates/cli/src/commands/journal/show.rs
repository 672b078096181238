//! `journal show`: entries as they stand.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use domain::WarehouseId;
use domain::inventory::{Body, Cause, Change, Outcome, Shipped, Verdict};
use machine::client::Pipeline;
use serde_json::{Value, json};
use state::journal::{Row, Shown, show};
use terminal::output;

use super::of::Of;

pub(super) async fn run(
    pipeline: &Pipeline,
    of: Of,
    warehouse: &WarehouseId,
    (from, count): (Option<u64>, u32),
) -> Result<()> {
    let nats = pipeline.nats().await?;
    pipeline.known(&nats, warehouse).await?;
    let subject = of.journal(warehouse);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let entries = show(&nats, &subject, from, count).await.context("the journal")?;
    if pipeline.json {
        let entries: Vec<Value> = entries.iter().map(Shown::json).collect();
        output::json(&json!({"journal": subject, "entries": entries}));
        return Ok(());
    }
    let row = |shown: &Shown| {
        let Row { sequence, at, decided_to, what } = match of {
            Of::Stock => shown.row(what),
            Of::Invoices => shown.row(billed),
        };
        vec![sequence.to_string(), at, decided_to, what]
    };
    output::table(&["entry", "at", "decided to", "what"], &[0, 2], entries.iter().map(row));
    Ok(())
}

/// What a decision about invoices says, in one line.
fn billed(body: &invoices::Body) -> String {
    let numbers = body.documents.iter().map(|made| made.document.number.as_str());
    let held = body.balances.iter().filter(|balance| !balance.held.is_empty()).count();
    let mut said: Vec<String> = Vec::new();
    match numbers.collect::<Vec<_>>()[..] {
        [] => {}
        [number] => said.push(number.to_owned()),
        [first, .., last] => {
            said.push(format!(
                "{}: {first} … {last}",
                output::count(body.documents.len(), "document")
            ));
        }
    }
    if 0 < held {
        said.push(format!("{} held", output::count(held, "order")));
    }
    match (said.is_empty(), body.balances.is_empty()) {
        (true, true) => "nothing asks for a document up to here".to_owned(),
        (true, false) => format!("{} changed", output::count(body.balances.len(), "balance")),
        (false, _) => said.join("; "),
    }
}

/// What a decision says, in one line.
fn what(body: &Body) -> String {
    match body.content() {
        Body::Orders { outcomes, .. } if outcomes.is_empty() => {
            "nothing new in the input up to here".into()
        }
        Body::Orders { outcomes, .. } => orders(outcomes),
        Body::Set { available, .. } => match available.iter().collect::<Vec<_>>()[..] {
            [(product, available)] => format!("{product} set to {available}"),
            _ => format!("{} set", output::count(available.len(), "product")),
        },
        Body::Change(change) => changed(change),
        Body::Shipped(shipped) => {
            let Shipped { partner, order_id, shipment, .. } = &**shipped;
            let pieces: i64 = shipment.products.values().sum();
            let pieces = usize::try_from(pieces).unwrap_or_default();
            let pieces = output::count(pieces, "piece");
            format!("shipment {} of {partner}/{order_id}: {pieces}", shipment.number)
        }
        Body::Skip { outcome, .. } => match &outcome.verdict {
            Verdict::Refused(refusal) | Verdict::Kept(refusal) => {
                format!("message {} {refusal}", outcome.sequence)
            }
            Verdict::Confirmed(_)
            | Verdict::Amended { .. }
            | Verdict::Returned { .. }
            | Verdict::Cancelled { .. }
            | Verdict::ReturnCancelled { .. } => "unknown".to_owned(),
        },
        Body::First(_) => "unknown".to_owned(),
    }
}

fn changed(change: &Change) -> String {
    let about = match &change.cause {
        Cause::Restock { reference } => reference.clone(),
        Cause::Adjustment { reason } => Some(reason.clone()),
        Cause::Count { reason } => reason.clone(),
        Cause::TransferOut { to, number, .. } => Some(format!("number {number} to {to}")),
        Cause::TransferIn { from, number, .. } => Some(format!("number {number} from {from}")),
        Cause::TransferDone { to, number } => Some(format!("number {number} is in {to}")),
    };
    let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
    let moved = match change.moved.iter().collect::<Vec<_>>()[..] {
        [] => String::new(),
        [(product, delta)] => format!(": {product} {delta:+}"),
        _ => format!(": {}", output::count(change.moved.len(), "product")),
    };
    format!("{}{about}{moved}", change.cause.kind().replace('_', " "))
}

fn orders(outcomes: &[Outcome]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut moved: BTreeMap<_, i64> = BTreeMap::new();
    for outcome in outcomes {
        let verdict = match &outcome.verdict {
            Verdict::Confirmed(_) | Verdict::Returned { .. } => "confirmed",
            Verdict::Amended { .. } => "amended",
            Verdict::Refused(_) => "refused",
            Verdict::Cancelled { .. } | Verdict::ReturnCancelled { .. } => "cancelled",
            Verdict::Kept(_) if outcome.in_force.is_some() => "refused behind confirmed orders",
            Verdict::Kept(_) => "not cancelled",
        };
        *counts.entry(verdict).or_default() += 1;
        for movement in outcome.verdict.movements() {
            let sum = moved.entry(&movement.product).or_default();
            *sum = sum.saturating_add(movement.delta);
        }
    }
    let counts: Vec<String> =
        counts.into_iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let counts = counts.join(", ");
    const PRODUCTS_SHOWN: usize = 3;
    let shown: Vec<String> = moved
        .iter()
        .take(PRODUCTS_SHOWN)
        .map(|(product, delta)| format!("{product} {delta:+}"))
        .collect();
    match (shown.is_empty(), moved.len().saturating_sub(PRODUCTS_SHOWN)) {
        (true, _) => counts,
        (false, 0) => format!("{counts}: {}", shown.join(", ")),
        (false, more) => format!("{counts}: {} and {more} more products", shown.join(", ")),
    }
}
