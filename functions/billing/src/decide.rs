//! `POST /`: an ordered batch of what was placed and decided in a warehouse.

use crate::app::{App, Done, Issued, unavailable};
use axum::extract::State;
use chassis::Given;
use domain::invoice::{Account, Body, Desk, Event, HeldWhat, Outcome, State as Books, Unknown};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use invoices::{Asking, InvoiceLane, Looked, Reading};
use messaging::stored::LookupError;
use runtime::events::{Batch, OrderedAnswer};
use runtime::{Problem, heavy};
use state::journal::input::Link;
use state::journal::{Decided, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Messages that are read at once.
const AT_ONCE: usize = 64;

/// What has to be known before a batch is decided.
enum Question {
    /// What its messages ask for.
    Facts,
    /// How orders stand after decision `at`, and documents.
    Books { at: u64, unknown: Vec<Unknown> },
}

/// A message of the batch that asks for a document, by its place in the batch.
type Asks = (usize, Box<Event>);

pub(crate) async fn batch(
    State(app): State<Arc<App>>,
    batch: Batch,
) -> Result<OrderedAnswer, Problem> {
    let bytes = batch.bytes();
    let given = Given::of::<InvoiceLane>(&batch)?;
    if !given.links.is_empty() {
        app.check_clock().await?;
    }
    let messages = batch.events.iter().zip(&given.links);
    let asking = messages.map(|(event, link)| Asking::of(link.sequence, event.raw()));
    let asking: Vec<Option<Asking>> = asking.collect();
    let configured = app.configured.get();
    let (mut facts, mut looked) = (None, app.looked(&given.warehouse));
    // By the last sequence of each entry: one whose append was unclear may be decided again.
    let mut tallies = BTreeMap::new();
    let answer = loop {
        let answer = app.journals.batch(&given, |part| {
            let batch = Decision {
                asking: &asking,
                links: &given.links,
                facts: facts.as_ref(),
                looked: &looked,
                bytes_max: app.journals.body_bytes_max(),
            };
            let nobody_sells = configured.is_without_sellers();
            let desk = Desk::new(configured.terms(), &given.warehouse, part.now, part.state);
            heavy(bytes, || batch.decide(desk, nobody_sells, part, &mut tallies))
        });
        match answer.await? {
            Ok(answer) => break answer,
            Err(Question::Facts) => facts = Some(read(&app, &asking).await?),
            Err(Question::Books { at, unknown }) => {
                let new = facts.as_ref().map(Facts::new_orders).unwrap_or_default();
                let is_new = |account: &Account| new.contains(account);
                app.look(&mut looked, &given.warehouse, (at, unknown), is_new).await?;
            }
        }
    };
    tallies.into_values().for_each(|tally: Tally| tally.count(&app));
    Ok(answer)
}

/// What the messages of a batch ask for.
struct Facts {
    asks: Vec<Asks>,
    /// Places of messages that ask for a document, and nothing says of which order.
    unreadable: BTreeMap<usize, String>,
}

impl Facts {
    /// Orders whose first attempt was confirmed: nothing was issued for them before.
    fn new_orders(&self) -> BTreeSet<Account> {
        let first = |event: &&Asks| event.1.what == HeldWhat::Invoice && event.1.attempt == 1;
        self.asks.iter().filter(first).map(|(_, event)| event.account()).collect()
    }
}

/// What one entry is made of.
struct Decision<'a> {
    asking: &'a [Option<Asking>],
    links: &'a [Link],
    facts: Option<&'a Facts>,
    looked: &'a Looked,
    bytes_max: usize,
}

impl Decision<'_> {
    fn decide(
        &self,
        mut desk: Desk<'_>,
        nobody_sells: bool,
        part: Part<'_, Books>,
        tallies: &mut BTreeMap<u64, Tally>,
    ) -> Result<Decided<Body>, Question> {
        let last = self.links.last().map_or(part.decided_to, |link| link.sequence);
        let mut tally = Tally::default();
        let rest = self.asking.get(part.from..).unwrap_or_default();
        let asks = u64::try_from(rest.iter().flatten().count()).unwrap_or(u64::MAX);
        let is_idle = nobody_sells && part.state.is_new();
        if asks == 0 || is_idle {
            *tally.done.entry(Done::NoSeller).or_default() += asks;
            return Ok(tally.end(desk, last, tallies));
        }
        let Some(facts) = self.facts else { return Err(Question::Facts) };
        let open = facts.asks.iter().filter(|(place, _)| part.from <= *place);
        let mut unknown = BTreeSet::new();
        for (_, event) in open.clone() {
            unknown.extend(self.looked.give(&mut desk, part.state, |desk| desk.unknown(event)));
        }
        if !unknown.is_empty() {
            let (at, unknown) = (part.state.decisions, unknown.into_iter().collect());
            return Err(Question::Books { at, unknown });
        }
        let mut to = last;
        for (place, event) in open {
            let Some(outcome) = desk.decide(event, self.bytes_max) else {
                // It is the next entry's.
                to = place.checked_sub(1).and_then(|before| self.links.get(before)).map_or(to, at);
                break;
            };
            *tally.done.entry(outcome.into()).or_default() += 1;
        }
        for (place, why) in facts.unreadable.range(part.from..) {
            if self.links.get(*place).is_some_and(|link| link.sequence <= to) {
                tally.unreadable.push(why.clone());
            }
        }
        Ok(tally.end(desk, to, tallies))
    }
}

fn at(link: &Link) -> u64 {
    link.sequence
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Issued => Self::Issued,
            Outcome::Held(code) => Self::Held(code),
            Outcome::NoSeller => Self::NoSeller,
            Outcome::Nothing => Self::Nothing,
        }
    }
}

/// What is counted of an entry once it is there.
#[derive(Default)]
struct Tally {
    done: BTreeMap<Done, u64>,
    issued: BTreeMap<Issued, u64>,
    unreadable: Vec<String>,
}

impl Tally {
    fn end(mut self, desk: Desk<'_>, to: u64, tallies: &mut BTreeMap<u64, Self>) -> Decided<Body> {
        let body = desk.into_body(None);
        for made in &body.documents {
            *self.issued.entry(Issued(made.document.kind)).or_default() += 1;
        }
        tallies.insert(to, self);
        Decided { body, to }
    }

    fn count(self, app: &App) {
        self.done.into_iter().for_each(|(done, count)| app.done.add_many(done, count));
        self.issued.into_iter().for_each(|(kind, count)| app.issued.add_many(kind, count));
        for why in self.unreadable {
            app.done.add(Done::Unreadable);
            tracing::error!(alert = "billing unreadable", why, "an order is not invoiced");
        }
    }
}

/// Reads what the messages of a batch ask for.
async fn read(app: &App, asking: &[Option<Asking>]) -> Result<Facts, Problem> {
    let asking = asking.iter().enumerate().filter_map(|(place, asking)| Some((place, (*asking)?)));
    let asking: Vec<(usize, Asking)> = asking.collect();
    let reading = stream::iter(asking).map(|(place, asking)| async move {
        Ok::<_, LookupError>((place, invoices::read(&app.nats, asking).await?))
    });
    let read: Vec<_> =
        reading.buffered(AT_ONCE).try_collect().await.map_err(|error| unavailable(&error))?;
    let mut facts = Facts { asks: Vec::new(), unreadable: BTreeMap::new() };
    for (place, reading) in read {
        match reading {
            Reading::Asks(event) => facts.asks.push((place, event)),
            Reading::Unreadable(why) => drop(facts.unreadable.insert(place, why)),
            Reading::Nothing | Reading::Gone => {}
        }
    }
    Ok(facts)
}
