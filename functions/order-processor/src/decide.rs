//! `POST /`: an ordered batch of placed orders.

use crate::looked::{Asked, Looked};
use crate::{App, Label};
use ::stock::StockLane;
use axum::extract::State;
use chassis::Given;
use chrono::{DateTime, Utc};
use domain::inventory::{Input, Lookup, Outcome, Unknown, Verdict, decide};
use domain::{OrderId, WarehouseId};
use messaging::Event;
use messaging::subject::{OrderSubject, Stage};
use runtime::events::{Batch, OrderedAnswer};
use runtime::{Problem, heavy};
use serde::Deserialize;
use serde_json::value::RawValue;
use state::journal::input::Link;
use state::journal::{Decided, Part};
use std::collections::{BTreeMap, BTreeSet};
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
    // By the last sequence of each append: an unclear one may be decided again.
    let mut tallies = BTreeMap::new();
    let mut looked = Looked::default();
    let answer = loop {
        let answer = app.journals.batch(&given, |Part { state, entry, from, .. }| {
            let rest = placed.get(from..).unwrap_or_default();
            let inputs = rest.iter().map(|placed| {
                let (own, sale) = looked.of(entry, placed.link.sequence);
                input(placed, own, sale)
            });
            let inputs: Vec<_> = inputs.collect();
            let decision = heavy(bytes, || decide(&state.stock, warehouse, &inputs, bytes_max));
            let decision = decision.map_err(|unknown| (entry, unknown))?;
            let to = decision.outcomes.last().map_or(claim.after, |outcome| outcome.sequence);
            tallies.insert(to, Tally::of(&decision.outcomes, rest));
            Ok(Decided { body: state.entry(decision.into()), to })
        });
        match answer.await? {
            Ok(answer) => break answer,
            Err((entry, unknown)) => {
                looked.look(&app.nats, entry, asked(&placed, &unknown)).await?;
            }
        }
    };
    let now = now();
    tallies.into_values().for_each(|tally: Tally| tally.count(&app, now));
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
                Verdict::Confirmed(_) | Verdict::Returned { .. } => ("confirmed", ""),
                Verdict::Amended { .. } => ("amended", ""),
                Verdict::Refused(refusal) => ("refused", refusal.code()),
                Verdict::Cancelled { .. } | Verdict::ReturnCancelled { .. } => ("cancelled", ""),
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

fn input(placed: &Placed, looked: Lookup, sale: Lookup) -> Input<'_> {
    let named = placed.subject.clone();
    Input {
        sequence: placed.link.sequence,
        data: placed.data(),
        file: placed.event.as_ref().and_then(|event| event.file.clone()),
        named: named.map(|subject| (subject.partner, subject.order_id)),
        looked,
        sale,
    }
}

/// What has to be looked up of these messages.
fn asked(placed: &[Placed], Unknown(sequences): &Unknown) -> Vec<Asked> {
    /// What of it can be read by itself.
    #[derive(Deserialize)]
    struct Attempt {
        attempt: u32,
    }
    #[derive(Deserialize)]
    struct Return {
        returns: OrderId,
    }
    let sequences: BTreeSet<u64> = sequences.iter().copied().collect();
    let unknown = placed.iter().filter(|placed| sequences.contains(&placed.link.sequence));
    let asked = |placed: &Placed| {
        let data = placed.data().map(RawValue::get);
        let attempt = data.and_then(|data| serde_json::from_str(data).ok());
        let sale = data.and_then(|data| serde_json::from_str(data).ok());
        Some(Asked {
            sequence: placed.link.sequence,
            order: placed.subject.clone()?,
            attempt: attempt.map(|Attempt { attempt }| attempt),
            sale: sale.map(|Return { returns }| returns),
        })
    };
    unknown.filter_map(asked).collect()
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
