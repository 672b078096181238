//! The journal of a warehouse: which facts its entries have.

use crate::skipped;
use chrono::{DateTime, Utc};
use domain::inventory::{Body, Change, Identity, Outcome, Shipped, State, Verdict};
use domain::stock::Refusal;
use domain::{Kind, ProductId, WarehouseId};
use messaging::inventory::{By, Changed, Decided, HowMuch, SaleReturned, confirmed, kind_name};
use messaging::publish::Outgoing;
use messaging::stored::LookupError;
use messaging::subject::{self, OrderSubject, Stage};
use messaging::summary::Summary;
use messaging::{Nats, events, header, streams};
use serde::Serialize;
use state::journal::rebase::{self, Lane, Move, Survey};
use state::journal::{
    self, Applied, Book, DecidedInput, Entry, InForce, Journal, Keep, Keys, LogError, NatsLog,
    Skip, Verification, VerifyError,
};
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

/// Compares the input of a warehouse's lane with its journal, as [`rebase::survey`] says.
///
/// # Errors
/// The server does not answer, or the journal is damaged.
pub async fn survey(nats: &Nats, warehouse: &WarehouseId) -> Result<Survey, LogError> {
    let place = Names::of(warehouse);
    rebase::survey(nats, &journal(nats, warehouse), &place.lane()).await
}

/// Goes on elsewhere in the input, as [`rebase::apply`] says.
///
/// # Errors
/// The server does not answer, or the journal is damaged.
pub async fn go_on(
    nats: &Nats,
    warehouse: &WarehouseId,
    going: &Move,
    reason: &str,
    progress: impl FnMut(usize),
) -> Result<Applied, journal::Error> {
    let place = Names::of(warehouse);
    let journal = journal(nats, warehouse);
    rebase::apply(nats, &journal, &place.lane(), going, reason, progress).await
}

/// What the lane of a warehouse is called.
struct Names {
    journal: String,
    book: Inventory,
    filter: String,
}

impl Names {
    fn of(warehouse: &WarehouseId) -> Self {
        Self {
            journal: subject::inventory_journal(warehouse),
            book: Inventory::new(warehouse.clone()),
            filter: subject::placed(warehouse),
        }
    }

    fn lane(&self) -> Lane<'_, Inventory> {
        let Self { journal, book, filter } = self;
        Lane { journal, book, stream: streams::ORDERS, filter }
    }
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
        [
            "orders.confirmed",
            "orders.refused",
            "orders.returned",
            "orders.shipped",
            "inventory.changed",
            "errors.undecidable",
        ]
        .map(of)
        .into()
    }

    async fn in_force(&self, nats: &Nats, subject: &str) -> Result<Option<InForce>, LookupError> {
        let Some(OrderSubject { warehouse, partner, order_id, .. }) = OrderSubject::parse(subject)
        else {
            return Ok(None);
        };
        let found = confirmed(nats, &warehouse, &partner, &order_id).await?;
        Ok(found.map(|found| skipped::in_force(&found.in_force)))
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
            DecidedInput {
                sequence: outcome.sequence,
                subject: id.map(placed),
                once,
                attempt: id.map_or(1, |id| id.attempt),
            }
        };
        body.outcomes().iter().map(decided).collect()
    }

    fn input_of(&self, fact: &str) -> Option<String> {
        let of = |stage: &str| fact.strip_prefix(&format!("orders.{stage}.{}.", self.warehouse));
        let order = of("confirmed").or_else(|| of("refused"))?;
        Some(format!("orders.placed.{}.{order}", self.warehouse))
    }

    fn key_in_body<'a>(&self, body: &'a Body) -> Option<&'a str> {
        body.key()
    }

    fn keys_in_state(&self, state: &mut State) -> Keys {
        std::mem::take(&mut state.keys).into()
    }

    fn skip_facts(&self, _: u64, entry: &Entry<Box<Skip>>) -> Vec<Outgoing> {
        vec![Facts { book: self, entry }.order(&skipped::outcome(&entry.body))]
    }

    fn facts(&self, _: u64, entry: &Entry<Body>) -> Vec<Outgoing> {
        let facts = Facts { book: self, entry };
        let outcomes = entry.body.outcomes();
        let orders = outcomes.iter().map(|outcome| facts.order(outcome));
        let sales = outcomes.iter().filter_map(|outcome| facts.returned(outcome));
        let shipped = facts.shipped();
        orders.chain(sales).chain(shipped).chain(facts.changed(self.changed(&entry.body))).collect()
    }
}

impl Inventory {
    fn changed(&self, body: &Body) -> Changed {
        let mut changed = Changed {
            warehouse: self.warehouse.clone(),
            moved: moved(body.outcomes()),
            set: BTreeMap::new(),
            cause: None,
            by: None,
        };
        match body.content() {
            Body::Set { available, .. } => changed.set.clone_from(available),
            Body::Change(change) => {
                let Change { cause, moved, by } = change.as_ref().clone();
                (changed.cause, changed.moved, changed.by) = (Some(cause), moved, by);
            }
            Body::Orders { .. } | Body::Skip { .. } | Body::Shipped(_) | Body::First(_) => {}
        }
        changed
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

struct Facts<'a, T> {
    book: &'a Inventory,
    entry: &'a Entry<T>,
}

impl<T> Facts<'_, T> {
    fn outgoing<D: Serialize>(
        &self,
        subject: String,
        part: &str,
        kind: &str,
        data: D,
        id: Option<&Identity>,
    ) -> Outgoing {
        let mut event = self.entry.event(part, SOURCE, kind, &subject, data);
        event.partner = id.map(|id| id.partner.clone());
        event.file = id.and_then(|id| id.file.clone());
        Outgoing::new(subject, event.to_bytes())
    }

    fn order(&self, outcome: &Outcome) -> Outgoing {
        let cancelled;
        let (stage, kind, refusal) = match &outcome.verdict {
            Verdict::Confirmed(_) | Verdict::Returned { .. } => {
                (Stage::Confirmed, events::ORDER_CONFIRMED, None)
            }
            Verdict::Refused(refusal) => (Stage::Refused, events::ORDER_REFUSED, Some(refusal)),
            Verdict::Cancelled { attempt, .. } | Verdict::ReturnCancelled { attempt, .. } => {
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
            in_force: outcome.in_force,
            refusal: refusal.cloned(),
            order: outcome.order.clone(),
        };
        let mut message = self
            .outgoing(subject, &part, kind, data, Some(id))
            .header(header::ATTEMPT, &id.attempt.to_string())
            .header(header::KIND, kind_name(id.kind));
        let summary = outcome.order.as_deref().and_then(Summary::of_raw);
        if let Some(summary) = summary {
            message = message.header(header::SUMMARY, &summary.to_string());
        }
        // A placed message may name any text; one that no header can carry would stop the lane.
        if let Some(file) = id.file.as_deref().filter(|file| file.len() <= FILE_BYTES_MAX) {
            message = message.header(header::FILE, file);
        }
        // The reason of a message that was refused later is not the reason of the order's state.
        match (outcome.in_force, refusal) {
            (Some(in_force), _) => message.header(header::IN_FORCE, &in_force.to_string()),
            (None, Some(refusal)) => message.header(header::REASON, refusal.code()),
            (None, None) => message,
        }
    }

    /// What is returned of the sale that a return names. The sale's own facts say nothing of it: they stay as they
    /// are, and this one is read beside them.
    fn returned(&self, outcome: &Outcome) -> Option<Outgoing> {
        let (id, sale) = (outcome.id.as_ref()?, outcome.verdict.sale()?);
        let Identity { partner, order_id, attempt, .. } = id;
        let subject =
            subject::order(Stage::Returned, &self.book.warehouse, partner, &sale.order_id);
        let cancelled = matches!(outcome.verdict, Verdict::ReturnCancelled { .. });
        let by = By {
            order_id: order_id.clone(),
            attempt: *attempt,
            placed: outcome.sequence,
            cancelled,
        };
        let data = SaleReturned { partner: partner.clone(), sale: sale.clone(), by };
        let part = format!("{}.sale", outcome.sequence);
        let message = self.outgoing(subject, &part, events::ORDER_RETURNED, data, Some(id));
        let message = message
            .header(header::ATTEMPT, &sale.attempt.to_string())
            .header(header::KIND, kind_name(Kind::Sale))
            .header(header::RETURNED, HowMuch::from(sale).as_str());
        Some(message)
    }

    /// One message for all products: one for each would be most of what the server stores.
    fn changed(&self, data: Changed) -> Option<Outgoing> {
        if data.moved.is_empty() && data.set.is_empty() {
            return None;
        }
        let subject = subject::inventory_changed(&self.book.warehouse, &self.entry.id);
        Some(self.outgoing(subject, "stock", events::INVENTORY_CHANGED, data, None))
    }
}

impl Facts<'_, Body> {
    /// What was shipped of a sale. The sale's own facts stay as they are, as with what is returned of it.
    fn shipped(&self) -> Option<Outgoing> {
        let Body::Shipped(shipped) = self.entry.body.content() else { return None };
        let Shipped { partner, order_id, attempt, .. } = &**shipped;
        let subject = subject::order(Stage::Shipped, &self.book.warehouse, partner, order_id);
        let mut event =
            self.entry.event("shipped", SOURCE, events::ORDER_SHIPPED, &subject, shipped);
        event.partner = Some(partner.clone());
        let message = Outgoing::new(subject, event.to_bytes())
            .header(header::ATTEMPT, &attempt.to_string())
            .header(header::KIND, kind_name(Kind::Sale))
            .header(header::SHIPPED, HowMuch::from(&**shipped).as_str());
        Some(message)
    }
}
