//! `journal show`: entries as they stand.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use domain::WarehouseId;
use domain::inventory::{Body, Outcome, Verdict};
use machine::client::Pipeline;
use messaging::journal::Record;
use messaging::stored::{self, Standing};
use messaging::streams::JOURNAL;
use messaging::{Nats, header, subject};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use terminal::output;

/// An entry and its sequence.
struct Shown {
    sequence: u64,
    payload: Vec<u8>,
    /// Has it the header of the journal's writers?
    marked: bool,
}

impl From<Standing> for Shown {
    fn from(message: Standing) -> Self {
        let marked = message.headers.get(header::JOURNAL).is_some();
        Self { sequence: message.sequence, payload: message.payload.to_vec(), marked }
    }
}

/// How far back entries are looked for one by one behind a message that is none.
const LOOK_BACK: u64 = 2_000;

pub(super) async fn run(
    pipeline: &Pipeline,
    warehouse: &WarehouseId,
    from: Option<u64>,
    count: u32,
) -> Result<()> {
    let nats = pipeline.nats().await?;
    pipeline.known(&nats, warehouse).await?;
    let subject = subject::inventory_journal(warehouse);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let entries = match from {
        Some(from) => forward(&nats, &subject, from, count).await?,
        None => back(&nats, &subject, count).await?,
    };
    if pipeline.json {
        let entries: Vec<Value> = entries.iter().map(Shown::json).collect();
        output::json(&json!({"journal": subject, "entries": entries}));
        return Ok(());
    }
    output::table(&["entry", "at", "decided to", "what"], &[0, 2], entries.iter().map(Shown::row));
    Ok(())
}

/// The entries from `from` on.
async fn forward(nats: &Nats, subject: &str, from: u64, count: usize) -> Result<Vec<Shown>> {
    let (mut entries, mut at) = (Vec::new(), from.max(1));
    while entries.len() < count {
        let next = stored::first(nats, JOURNAL, subject, at).await.context("the journal")?;
        let Some(message) = next else { break };
        at = message.sequence + 1;
        entries.push(message.into());
    }
    Ok(entries)
}

/// The last entries: each names the one before it.
async fn back(nats: &Nats, subject: &str, count: usize) -> Result<Vec<Shown>> {
    let mut next = stored::last(nats, JOURNAL, subject).await.context("the journal")?;
    let mut entries = Vec::new();
    while let Some(message) = next.take() {
        let Ok(record) = Record::<Box<RawValue>>::parse(&message.payload) else {
            let from = message.sequence.saturating_sub(LOOK_BACK);
            let mut found = forward(nats, subject, from, usize::MAX).await?;
            return Ok(found.split_off(found.len().saturating_sub(count)));
        };
        let prev = record.prev();
        entries.push(message.into());
        if prev == 0 || entries.len() == count {
            break;
        }
        // Nothing is found before the oldest entry that is still kept.
        next = stored::at(nats, JOURNAL, prev).await.context("the journal")?;
    }
    entries.reverse();
    Ok(entries)
}

impl Shown {
    fn json(&self) -> Value {
        match serde_json::from_slice::<Value>(&self.payload) {
            Ok(entry) => json!({"sequence": self.sequence, "entry": entry}),
            Err(error) => json!({"sequence": self.sequence, "unreadable": error.to_string()}),
        }
    }

    fn row(&self) -> Vec<String> {
        let sequence = self.sequence.to_string();
        let record = match Record::<Body>::parse(&self.payload) {
            Ok(record) => record,
            Err(error) => {
                let what = match self.marked {
                    true => error.to_string(),
                    false => "no entry: nobody who writes the journal wrote it".to_owned(),
                };
                return vec![sequence, String::new(), String::new(), what];
            }
        };
        let decided_to = record.decided_to().map_or(0, |position| position.sequence);
        let at = record.at().format("%Y-%m-%d %H:%M:%S%.3f").to_string();
        vec![sequence, at, decided_to.to_string(), what(&record)]
    }
}

/// What an entry says, in one line.
fn what(record: &Record<Body>) -> String {
    let entry = match record {
        Record::Decision(entry) => entry,
        Record::Rebase(rebase) => return format!("goes on elsewhere: {}", rebase.reason),
    };
    match entry.body.content() {
        Body::Orders { outcomes, .. } if outcomes.is_empty() => {
            "nothing was placed up to here".into()
        }
        Body::Orders { outcomes, .. } => orders(outcomes),
        Body::Set { available, .. } => match available.iter().collect::<Vec<_>>()[..] {
            [(product, available)] => format!("{product} set to {available}"),
            _ => format!("{} set", output::count(available.len(), "product")),
        },
        Body::Skip { outcome, .. } => match &outcome.verdict {
            Verdict::Refused(refusal) | Verdict::Kept(refusal) => {
                format!("message {} {refusal}", outcome.sequence)
            }
            Verdict::Confirmed(_) | Verdict::Cancelled { .. } => "unknown".to_owned(),
        },
        Body::First(_) => "unknown".to_owned(),
    }
}

fn orders(outcomes: &[Outcome]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut moved: BTreeMap<_, i64> = BTreeMap::new();
    for outcome in outcomes {
        let verdict = match &outcome.verdict {
            Verdict::Confirmed(_) => "confirmed",
            Verdict::Refused(_) => "refused",
            Verdict::Cancelled { .. } => "cancelled",
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
