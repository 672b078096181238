//! Moves cards forward, to what placed orders say.
//!
//! Any number of replicas do it at once, and any of them may end between two steps. A card is moved by one order at a
//! time: it is written at the revision that was read, under a key that the record knows for its last nine changes. Then
//! it is looked whether the order was erased meanwhile, and the position is written last: who begins after one that
//! ended knows by the card's author whether it has to look again.

use crate::card::Card;
use crate::ordered::{self, Ordered, Row};
use crate::position::{Position, Positions};
use chrono::{DateTime, Utc};
use domain::{CustomerId, PartnerId};
use futures_util::{StreamExt as _, stream};
use messaging::Nats;
use messaging::persons::{self, Entry, Said};
use runtime::Stop;
use state::fold::Folded;
use state::record::{Author, Conflict, Found, Key, Records, Revision, When, WriteError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Time between two searches for new orders.
const LOOK: Duration = Duration::from_millis(300);
/// Cards that are moved at once.
const AT_ONCE: usize = 16;
/// Customers of one round; what is left comes in the next one.
const ROUND_MAX: usize = 10_000;
/// How often a card is tried again because somebody else changed it.
const ROUNDS: usize = 16;

/// Why a card is not moved now.
#[derive(Debug)]
enum NotMoved {
    Unclear(String),
    /// Somebody else changed it.
    Changed,
}

impl<E: std::error::Error> From<E> for NotMoved {
    fn from(error: E) -> Self {
        Self::Unclear(error.to_string())
    }
}

/// Moves cards while the function is served.
pub(crate) struct Mover {
    nats: Nats,
    cards: Records<Card>,
    positions: Positions,
    orders: Arc<Folded<Ordered>>,
    /// Up to which order each shard was looked at.
    seen: Vec<u64>,
    /// Orders of cards that could not be moved yet.
    late: Customers,
}

/// Orders by customer, as [`ordered::key`] writes it.
type Customers = BTreeMap<Box<str>, Vec<Step>>;

/// An order that says something of a person.
struct Step {
    at: Position,
    subject: String,
    order: String,
}

impl Mover {
    pub(crate) fn new(nats: Nats, cards: Records<Card>, orders: Arc<Folded<Ordered>>) -> Self {
        let (positions, late) = (Positions::new(&nats), Customers::new());
        Self { positions, nats, cards, orders, seen: Vec::new(), late }
    }

    pub(crate) async fn run(mut self, stop: Stop) {
        loop {
            self.round().await;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.requested() => return,
            }
        }
    }

    async fn round(&mut self) {
        let seen = std::mem::take(&mut self.seen);
        let mut customers = std::mem::take(&mut self.late);
        let (customers, next) = self.orders.look(|shards| {
            let mut next = Vec::with_capacity(shards.len());
            for (index, shard) in shards.iter().enumerate() {
                let mut from = seen.get(index).copied().unwrap_or_default();
                // A stream that was made again begins with 1.
                from = if shard.last() < from { 0 } else { from };
                let mut to = shard.last().max(from);
                for row in shard.said_since(from) {
                    if ROUND_MAX <= customers.len() {
                        to = row.sequence - 1;
                        break;
                    }
                    if let Some(step) = step(row) {
                        customers.entry(row.customer.clone()).or_default().push(step);
                    }
                }
                next.push(to);
            }
            (customers, next)
        });
        let this = &*self;
        let moves = customers.into_iter().map(async |(customer, mut steps)| {
            let (partner, id) = ordered::named(&customer)?;
            steps.sort_by_key(|step| step.at);
            let is_moved = this.forward(&partner, &id, &steps).await;
            (!is_moved).then_some((customer, steps))
        });
        let late = stream::iter(moves).buffer_unordered(AT_ONCE).filter_map(std::future::ready);
        let late = late.collect().await;
        // One that fails is tried again, and the others go on.
        (self.late, self.seen) = (late, next);
    }

    /// Moves one card as far as its orders go.
    async fn forward(&self, partner: &PartnerId, id: &CustomerId, steps: &[Step]) -> bool {
        let mut rounds = 0;
        while rounds < ROUNDS {
            match self.once(partner, id, steps).await {
                Ok(true) => return true,
                Ok(false) => rounds = 0,
                Err(NotMoved::Changed) => rounds += 1,
                Err(NotMoved::Unclear(reason)) => {
                    tracing::warn!(%partner, customer = %id, reason, "a card is moved later");
                    return false;
                }
            }
        }
        false
    }

    /// Moves a card by the next order that says something; true if none is left.
    async fn once(
        &self,
        partner: &PartnerId,
        id: &CustomerId,
        steps: &[Step],
    ) -> Result<bool, NotMoved> {
        let Ok(key) = Key::new([partner.as_str(), id.as_str()]) else { return Ok(true) };
        // The card first: if another replica moves it behind this look, the write below is refused.
        let found = self.cards.get(&key).await?;
        let position = self.positions.get(partner, id).await?;
        let (at, revision) =
            position.map_or((Position::default(), None), |(at, revision)| (at, Some(revision)));
        let Some(last) = steps.last().filter(|step| at < step.at) else { return Ok(true) };
        let mut to = last;
        for step in steps.iter().filter(|step| at < step.at) {
            match persons::read(&self.nats, &step.subject).await {
                Ok(Entry::Said(_, said)) => {
                    self.write(&key, (partner, id), found, &said, step).await?;
                    to = step;
                    break;
                }
                // Erased: no card comes of it, and one that came of it just now goes.
                Ok(Entry::Erased(_)) => self.take_back(&key, found.as_ref(), step).await?,
                Ok(Entry::Nothing) => {}
                Err(persons::ReadError::Unreadable(error)) => {
                    tracing::error!(%error, %partner, order = step.order, "a card is not moved");
                }
                Err(persons::ReadError::Unclear(error)) => return Err(error.into()),
            }
        }
        match self.positions.set(partner, id, to.at, revision).await? {
            true => Ok(to.at == last.at),
            false => Err(NotMoved::Changed),
        }
    }

    /// Writes what one order said, unless the card has changed since it was found.
    async fn write(
        &self,
        key: &Key,
        (partner, id): (&PartnerId, &CustomerId),
        found: Option<Found<Card>>,
        said: &Said,
        step: &Step,
    ) -> Result<(), NotMoved> {
        let when = found.as_ref().map_or(When::Absent, |found| When::Is(found.revision));
        let new = || Card::new(partner.clone(), id.clone());
        let card = found.map_or_else(new, |found| found.value).moved(said);
        let author = author(step);
        let mut done = self.cards.replace(key, card.clone(), when, &author).await;
        if let Err(WriteError::Conflict(Conflict::Taken { .. })) = done {
            // Two persons of one household: the order stands, and the card says so.
            let shared = Card { email_shared: true, ..card };
            done = self.cards.replace(key, shared, when, &author).await;
        }
        written(done)?;
        // Erased meanwhile: erasing takes what is said away first, and the card afterwards.
        match persons::read(&self.nats, &step.subject).await {
            Ok(Entry::Erased(_)) => {
                let found = self.cards.get(key).await?;
                self.take_back(key, found.as_ref(), step).await
            }
            Ok(Entry::Said(..) | Entry::Nothing) => Ok(()),
            Err(error) => Err(NotMoved::Unclear(error.to_string())),
        }
    }

    /// Deletes a card that this order wrote last.
    async fn take_back(
        &self,
        key: &Key,
        found: Option<&Found<Card>>,
        step: &Step,
    ) -> Result<(), NotMoved> {
        let author = author(step);
        let Some(found) = found.filter(|found| found.by == author.by) else { return Ok(()) };
        let author = Author { key: None, ..author };
        match self.cards.delete(key, When::Is(found.revision), &author).await {
            Ok(_) | Err(WriteError::Missing) => Ok(()),
            Err(error) => written(Err(error)),
        }
    }
}

fn written(written: Result<Revision, WriteError>) -> Result<(), NotMoved> {
    match written {
        Ok(_) => Ok(()),
        Err(WriteError::Stale(_) | WriteError::Conflict(Conflict::Exists { .. })) => {
            Err(NotMoved::Changed)
        }
        Err(error) => Err(NotMoved::Unclear(error.to_string())),
    }
}

#[expect(clippy::disallowed_methods, reason = "when a card was moved; decides nothing")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// An order changes a card in its own name, and once.
fn author(step: &Step) -> Author {
    let by = format!("order {}", step.order);
    Author { by, at: now(), key: Some(format!("orders:{}", step.at.sequence)) }
}

fn step(row: &Row) -> Option<Step> {
    let (ordered_ms, digest) = row.said.as_ref()?;
    let (partner, customer) = ordered::named(&row.customer)?;
    let order = ordered::order_id(row)?;
    Some(Step {
        // A date to come counts as the day on which the order was placed: no later order would move the card.
        at: Position { ordered_ms: row.placed_ms.min(*ordered_ms), sequence: row.sequence },
        subject: persons::subject(&partner, Some(&customer), &order, digest),
        order: row.order.to_string(),
    })
}
