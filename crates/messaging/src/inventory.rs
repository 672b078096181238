//! The journal of a warehouse: which facts its entries have.

use crate::envelope::Event;
use crate::journal::{
    self, Book, DecidedInput, Entry, Journal, Keep, NatsLog, Verification, VerifyError,
};
use crate::publish::Outgoing;
use crate::stored::{self, LookupError};
use crate::subject::{self, Stage};
use crate::{Nats, events, header, streams, views};
use chrono::{DateTime, Utc};
use domain::inventory::{Body, Confirmed, Identity, Outcome, State, Verdict};
use domain::order::Cancels;
use domain::stock::Refusal;
use domain::{Order, OrderId, PartnerId, ProductId, WarehouseId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Longest text of a file that a fact repeats in a header; a SHA-256 has 64.
const FILE_BYTES_MAX: usize = 1_024;

/// `source` of all of them.
pub const SOURCE: &str = "/functions/order-processor";

/// The book of one warehouse.
#[derive(Clone, Debug)]
pub struct Inventory {
    warehouse: WarehouseId,
}

impl Inventory {
    /// The book of `warehouse`.
    #[must_use]
    pub fn new(warehouse: WarehouseId) -> Self {
        Self { warehouse }
    }
}

/// The journal of one warehouse on NATS.
pub type InventoryJournal = Journal<Inventory, NatsLog>;

/// Opens the journal of `warehouse`, of which nothing is removed.
#[must_use]
pub fn journal(nats: &Nats, warehouse: &WarehouseId) -> InventoryJournal {
    journal_keeping(nats, warehouse, Keep::Forever)
}

/// Opens the journal of `warehouse`, from which what is older than `keep` is removed.
#[must_use]
pub fn journal_keeping(nats: &Nats, warehouse: &WarehouseId, keep: Keep) -> InventoryJournal {
    let subject = subject::inventory_journal(warehouse);
    let log = NatsLog::new(nats.clone(), subject.clone()).keep(keep);
    Journal::new(subject, Inventory { warehouse: warehouse.clone() }, log)
}

/// Reads the whole journal of `warehouse` and all its facts.
///
/// # Errors
/// The server does not answer.
pub async fn verify(
    nats: &Nats,
    warehouse: &WarehouseId,
    now: DateTime<Utc>,
) -> Result<Verification<State>, VerifyError> {
    let book = Inventory { warehouse: warehouse.clone() };
    journal::verify(nats, &subject::inventory_journal(warehouse), &book, now).await
}

/// The attempt of an order that is confirmed and was not cancelled: it holds its stock.
///
/// # Errors
/// The server does not answer.
pub async fn confirmed(
    nats: &Nats,
    warehouse: &WarehouseId,
    partner: &PartnerId,
    order_id: &OrderId,
) -> Result<Option<Confirmed>, LookupError> {
    let views::Messages { confirmed, refused, .. } =
        views::lookup(nats, warehouse, partner, order_id).await?;
    let ended = refused.map_or(0, |refused| refused.sequence);
    let Some(fact) = confirmed.filter(|fact| ended < fact.sequence) else { return Ok(None) };
    let event: Option<Event<Decided>> = serde_json::from_slice(&fact.payload).ok();
    let Some(decided) = event.and_then(|event| event.data) else { return Ok(None) };
    let order: Option<Order> = match &decided.order {
        Some(order) => serde_json::from_str(order.get()).ok(),
        // A cancellation that an operator skipped is not repeated in its fact.
        None => {
            let placed = stored::at(nats, streams::ORDERS, decided.placed).await?;
            let event = placed
                .and_then(|placed| serde_json::from_slice::<Event<Order>>(&placed.payload).ok());
            event.and_then(|event| event.data)
        }
    };
    Ok(order.map(|order| match order.cancels {
        // It stays confirmed after a cancellation that could not be.
        Some(Cancels { attempt, placed, .. }) => Confirmed { attempt, placed, lines: order.lines },
        None => Confirmed { attempt: order.attempt, placed: decided.placed, lines: order.lines },
    }))
}

/// Data of `orders.confirmed.…` and `orders.refused.…`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's number.
    pub order_id: OrderId,
    /// Sale or return.
    pub kind: domain::Kind,
    /// Which try.
    pub attempt: u32,
    /// Stream sequence of the order that was placed.
    pub placed: u64,
    /// Why it was refused, with the numbers; in `orderflow.order.kept.v1`, why it stays confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The order as it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<RawValue>>,
}

/// Data of `inventory.changed.…`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Changed {
    /// The warehouse.
    pub warehouse: WarehouseId,
    /// What the decision added (took, if below zero), by product, all its orders together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moved: BTreeMap<ProductId, i64>,
    /// What an operator set as available, by product.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<ProductId, i64>,
}

impl Book for Inventory {
    type Body = Body;
    type State = State;

    fn initial(&self) -> State {
        State::default()
    }

    fn apply(&self, state: &mut State, body: &Body) {
        state.apply(body);
    }

    fn fact_filters(&self) -> Vec<String> {
        let of = |facts: &str| format!("{facts}.{}.>", self.warehouse);
        ["orders.confirmed", "orders.refused", "inventory.changed", "errors.undecidable"]
            .map(of)
            .into()
    }

    fn decides(&self, body: &Body) -> Vec<DecidedInput> {
        let placed = |id: &Identity| {
            subject::order(Stage::Placed, &self.warehouse, &id.partner, &id.order_id)
        };
        let decided = |outcome: &Outcome| {
            let moves = !outcome.verdict.movements().is_empty();
            let id = outcome.id.as_ref();
            let once = id.filter(|_| moves).map(|id| {
                format!("attempt {} of order {} of {}", id.attempt, id.order_id, id.partner)
            });
            DecidedInput { sequence: outcome.sequence, subject: id.map(placed), once }
        };
        body.outcomes().iter().map(decided).collect()
    }

    fn facts(&self, _: u64, entry: &Entry<Body>) -> Vec<Outgoing> {
        let facts = Facts { book: self, entry };
        let outcomes = entry.body.outcomes();
        let set = match entry.body.content() {
            Body::Set { available, .. } => available.clone(),
            Body::Orders { .. } | Body::Skip { .. } | Body::First(_) => BTreeMap::new(),
        };
        let orders = outcomes.iter().map(|outcome| facts.order(outcome));
        orders.chain(facts.changed(moved(outcomes), set)).collect()
    }
}

/// The movements of all outcomes, by product.
fn moved(outcomes: &[Outcome]) -> BTreeMap<ProductId, i64> {
    let mut moved: BTreeMap<ProductId, i64> = BTreeMap::new();
    for movement in outcomes.iter().flat_map(|outcome| outcome.verdict.movements()) {
        let sum = moved.entry(movement.product.clone()).or_default();
        *sum = sum.saturating_add(movement.delta);
    }
    moved
}

struct Facts<'a> {
    book: &'a Inventory,
    entry: &'a Entry<Body>,
}

impl Facts<'_> {
    fn outgoing<D: Serialize>(
        &self,
        subject: String,
        part: &str,
        kind: &str,
        data: D,
        id: Option<&Identity>,
    ) -> Outgoing {
        let mut event =
            Event::new(format!("{}:{part}", self.entry.id), SOURCE, kind, &subject, data);
        event.time = Some(self.entry.at);
        event.partner = id.map(|id| id.partner.clone());
        event.file = id.and_then(|id| id.file.clone());
        Outgoing::new(subject, event.to_bytes())
    }

    fn order(&self, outcome: &Outcome) -> Outgoing {
        let cancelled;
        let (stage, kind, refusal) = match &outcome.verdict {
            Verdict::Confirmed(_) => (Stage::Confirmed, events::ORDER_CONFIRMED, None),
            Verdict::Refused(refusal) => (Stage::Refused, events::ORDER_REFUSED, Some(refusal)),
            Verdict::Cancelled { attempt, .. } => {
                cancelled = Refusal::Cancelled { attempt: *attempt };
                (Stage::Refused, events::ORDER_REFUSED, Some(&cancelled))
            }
            Verdict::Kept(refusal) => (Stage::Confirmed, events::ORDER_KEPT, Some(refusal)),
        };
        let part = outcome.sequence.to_string();
        let Some(id) = &outcome.id else {
            let decision = subject::token(&self.entry.id);
            let subject = format!("errors.undecidable.{}.{decision}-{part}", self.book.warehouse);
            let data = serde_json::json!({"placed": outcome.sequence, "refusal": refusal});
            return self.outgoing(subject, &part, events::ORDER_UNDECIDABLE, data, None);
        };
        let subject = subject::order(stage, &self.book.warehouse, &id.partner, &id.order_id);
        let data = Decided {
            partner: id.partner.clone(),
            order_id: id.order_id.clone(),
            kind: id.kind,
            attempt: id.attempt,
            placed: outcome.sequence,
            refusal: refusal.cloned(),
            order: outcome.order.clone(),
        };
        let mut message = self
            .outgoing(subject, &part, kind, data, Some(id))
            .header(header::ATTEMPT, &id.attempt.to_string())
            .header(header::KIND, kind_name(id.kind));
        // A placed message may name any text; one that no header can carry would stop the lane.
        if let Some(file) = id.file.as_deref().filter(|file| file.len() <= FILE_BYTES_MAX) {
            message = message.header(header::FILE, file);
        }
        if let Some(refusal) = refusal {
            message = message.header(header::REASON, refusal.code());
        }
        message
    }

    /// One message for all products: one for each would be most of what the server stores.
    fn changed(
        &self,
        moved: BTreeMap<ProductId, i64>,
        set: BTreeMap<ProductId, i64>,
    ) -> Option<Outgoing> {
        if moved.is_empty() && set.is_empty() {
            return None;
        }
        let warehouse = &self.book.warehouse;
        let subject = subject::inventory_changed(warehouse, &self.entry.id);
        let data = Changed { warehouse: warehouse.clone(), moved, set };
        Some(self.outgoing(subject, "stock", events::INVENTORY_CHANGED, data, None))
    }
}

/// `sale` or `return`.
#[must_use]
pub fn kind_name(kind: domain::Kind) -> &'static str {
    match kind {
        domain::Kind::Sale => "sale",
        domain::Kind::Return => "return",
    }
}
