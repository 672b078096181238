//! `POST /`: an ordered batch of placed orders.

use crate::{App, Label, StockLane, cancelled};
use axum::extract::State;
use chassis::Given;
use chrono::{DateTime, Utc};
use domain::WarehouseId;
use domain::inventory::{Confirmed, Input, Outcome, Verdict, decide};
use messaging::Event;
use messaging::subject::{OrderSubject, Stage};
use runtime::events::{Batch, OrderedAnswer};
use runtime::{Problem, heavy};
use serde::Deserialize;
use serde_json::value::RawValue;
use state::journal::Decided;
use state::journal::input::Link;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One placed order of the batch.
struct Placed {
    link: Link,
    /// Nothing if it cannot be read; that is decided as well, and must not hold what is behind it.
    event: Option<Event<Box<RawValue>>>,
    /// The order that its subject names; nothing if that is not a placed order of the warehouse.
    subject: Option<OrderSubject>,
}

impl Placed {
    fn data(&self) -> Option<&RawValue> {
        self.event.as_ref().and_then(|event| event.data.as_deref())
    }
}

/// Where an event says that it stands.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    subject: Option<String>,
}

pub(crate) async fn batch(
    State(app): State<Arc<App>>,
    batch: Batch,
) -> Result<OrderedAnswer, Problem> {
    let bytes = batch.bytes();
    let (given, placed) = heavy(bytes, || read(&batch))?;
    let Given { warehouse, claim, .. } = &given;
    let bytes_max = app.journals.body_bytes_max();
    // By the last sequence of each append: one that was unclear may be decided anew.
    let mut tallies = BTreeMap::new();
    let looked_at = placed.iter().map(|placed| (placed.link.sequence, placed.data()));
    let confirmed = cancelled::look(&app, warehouse, looked_at).await?;
    let answer = app.journals.batch(&given, |state, index| {
        let rest = placed.get(index..).unwrap_or_default();
        let inputs: Vec<Input<'_>> = rest.iter().map(|placed| input(placed, &confirmed)).collect();
        let decision = heavy(bytes, || decide(&state.stock, warehouse, &inputs, bytes_max));
        let to = decision.outcomes.last().map_or(claim.after, |outcome| outcome.sequence);
        tallies.insert(to, Tally::of(&decision.outcomes, rest));
        Decided { body: state.entry(decision.into()), to }
    });
    let answer = answer.await?;
    let now = now();
    tallies.into_values().for_each(|tally| tally.count(&app, now));
    Ok(answer)
}

/// What is counted of a decision once it stands.
struct Tally {
    verdicts: BTreeMap<(&'static str, &'static str), u64>,
    came: Vec<DateTime<Utc>>,
}

impl Tally {
    /// `outcomes` are those of the first of `placed`.
    fn of(outcomes: &[Outcome], placed: &[Placed]) -> Self {
        let mut verdicts = BTreeMap::new();
        for outcome in outcomes {
            let verdict = match &outcome.verdict {
                Verdict::Confirmed(_) => ("confirmed", ""),
                Verdict::Refused(refusal) => ("refused", refusal.code()),
                Verdict::Cancelled { .. } => ("cancelled", ""),
                Verdict::Kept(refusal) => ("kept", refusal.code()),
            };
            *verdicts.entry(verdict).or_default() += 1;
        }
        let decided = placed.iter().take(outcomes.len());
        let came = decided.filter_map(|placed| placed.event.as_ref()?.time).collect();
        Self { verdicts, came }
    }

    fn count(self, app: &App, now: DateTime<Utc>) {
        for ((verdict, reason), n) in self.verdicts {
            app.decided.get_or_create(&Label { verdict, reason }).inc_by(n);
        }
        for came in self.came {
            // Clocks differ from machine to machine; nothing is decided before it came.
            let took = (now - came).to_std().unwrap_or_default();
            app.decision_seconds.observe(took.as_secs_f64());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a decision took; decides nothing")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn input<'a>(placed: &'a Placed, confirmed: &BTreeMap<u64, Confirmed>) -> Input<'a> {
    let named = placed.subject.clone();
    Input {
        sequence: placed.link.sequence,
        data: placed.data(),
        file: placed.event.as_ref().and_then(|event| event.file.clone()),
        named: named.map(|subject| (subject.partner, subject.order_id)),
        confirmed: confirmed.get(&placed.link.sequence).cloned(),
    }
}

/// Takes the request apart: whose stock, from where on, and what.
fn read(batch: &Batch) -> Result<(Given, Vec<Placed>), Problem> {
    let given = Given::of::<StockLane>(batch)?;
    let links = given.links.iter().copied();
    let placed = batch.events.iter().zip(links);
    let placed = placed.map(|(event, link)| self::placed(&given.warehouse, event, link)).collect();
    Ok((given, placed))
}

fn placed(warehouse: &WarehouseId, event: &runtime::events::Event, link: Link) -> Placed {
    let read: Option<Event<Box<RawValue>>> = event.parse().ok();
    let subject = match &read {
        Some(event) => event.subject.clone(),
        None => event.parse().ok().and_then(|named: Named| named.subject),
    };
    let ours =
        |subject: &OrderSubject| (subject.stage, &subject.warehouse) == (Stage::Placed, warehouse);
    let subject = subject.as_deref().and_then(OrderSubject::parse).filter(ours);
    Placed { link, event: read, subject }
}
