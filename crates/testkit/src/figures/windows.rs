//! Checks what is said of windows on `analytics.invoices.5s.>`.

use super::count::{Documents, Figures, by_window, units};
use anyhow::{Context as _, Result, ensure};
use messaging::{Nats, tail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The seconds of a window.
const SECONDS: i64 = 5;

/// What was said of one window.
#[derive(Debug, Default)]
struct Said {
    finals: u32,
    counted_to: u64,
    sums: Documents,
    corrected: BTreeSet<u64>,
    /// When the final result was stored, milliseconds since 1970.
    at_ms: i128,
}

/// How many final results and corrections there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Final results.
    pub finals: usize,
    /// Corrections.
    pub corrections: usize,
    /// From the end of a window to its final result, milliseconds: the longest.
    pub late_ms_max: i128,
}

impl Figures {
    /// Has each window with documents exactly one final result, and does it come with its corrections to what was
    /// counted?
    ///
    /// # Errors
    /// The window that has not; or the server does not answer.
    pub async fn check_closed(&self, nats: &Nats) -> Result<Closed> {
        let said = said(nats).await?;
        let counted = by_window(&self.seconds, SECONDS);
        for (start, sums) in &counted {
            let one = said.get(start).with_context(|| format!("window {start} has no result"))?;
            ensure!(one.finals == 1, "window {start} has {} final results", one.finals);
            ensure!(one.sums == *sums, "window {start} is {one:?}, counted: {sums:?}");
            let early = one.corrected.iter().find(|sequence| **sequence <= one.counted_to);
            ensure!(early.is_none(), "window {start} corrects what it has counted: {one:?}");
        }
        let more = said.keys().find(|start| !counted.contains_key(start));
        ensure!(more.is_none(), "window {more:?} has a result and no documents");
        let corrections = said.values().map(|one| one.corrected.len()).sum();
        let late =
            said.iter().map(|(start, one)| one.at_ms - i128::from((start + SECONDS) * 1_000));
        let late_ms_max = late.max().unwrap_or_default();
        Ok(Closed { finals: said.len(), corrections, late_ms_max })
    }
}

async fn said(nats: &Nats) -> Result<BTreeMap<i64, Said>> {
    let (mut said, mut wrong) = (BTreeMap::<i64, Said>::new(), None);
    let each = |message: &async_nats::jetstream::Message| {
        let read = read(&mut said, message);
        wrong = wrong.take().or(read.err());
    };
    tail::read(nats, "ANALYTICS", "analytics.>", 1, false, each).await?;
    wrong.map_or(Ok(said), Err)
}

fn read(said: &mut BTreeMap<i64, Said>, message: &async_nats::jetstream::Message) -> Result<()> {
    let event: Value = serde_json::from_slice(&message.payload)?;
    let (data, kind) = (&event["data"], event["type"].as_str().unwrap_or_default());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let start: chrono::DateTime<chrono::Utc> = text(&data["start"]).parse()?;
    let subject = format!("analytics.invoices.5s.{}", start.format("%Y%m%dT%H%M%SZ"));
    let one = said.entry(start.timestamp()).or_default();
    match kind {
        "orderflow.window.closed.v1" => {
            ensure!(message.subject.as_str() == subject, "{} holds {data}", message.subject);
            one.finals += 1;
            let info = message.info().map_err(|error| anyhow::anyhow!("{error}"))?;
            one.at_ms = info.published.unix_timestamp_nanos() / 1_000_000;
            one.counted_to = data["counted_to"].as_u64().context("no sequence")?;
            for (currency, sum) in data["totals"].as_object().context("no totals")? {
                let count = |field: &str| sum[field].as_u64().unwrap_or_default();
                let of = one.sums.entry(currency.clone()).or_default();
                of.0 += count("invoices") + count("credit_notes");
                of.1 += units(&sum["total"])?;
            }
        }
        "orderflow.window.corrected.v1" => {
            let sequence = data["sequence"].as_u64().context("no sequence")?;
            let subject = format!("{subject}.{sequence}");
            ensure!(message.subject.as_str() == subject, "{} holds {data}", message.subject);
            ensure!(one.corrected.insert(sequence), "document {sequence} is corrected twice");
            let of = one.sums.entry(text(&data["currency"])).or_default();
            of.0 += 1;
            of.1 += units(&data["amount"])?;
        }
        other => anyhow::bail!("{} is of the type {other}", message.subject),
    }
    Ok(())
}
