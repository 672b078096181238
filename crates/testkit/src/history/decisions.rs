//! Entries of the journals, in short.

use super::facts::{Saying, sale_digest, shipped_digest};
use super::message::{Message, digest};
use domain::inventory::{self, Body, Identity, Shipped, Verdict};
use domain::order::{Amends, Cancels};
use domain::partner::StockPolicy;
use domain::stock::Refusal;
use domain::{Kind, Order, OrderId, PartnerId, ProductId, WarehouseId};
use messaging::events::{
    ORDER_CANCELLING, ORDER_CONFIRMED, ORDER_KEPT, ORDER_REFUSED, ORDER_UNDECIDABLE,
};
use messaging::header;
use messaging::inventory::{By, SaleReturned};
use messaging::subject::{self, OrderSubject, Stage};
use state::journal::{Position, Record, Skip};
use std::collections::BTreeMap;

/// One message of a journal.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) journal: Box<str>,
    pub(super) warehouse: WarehouseId,
    pub(super) sequence: u64,
    pub(super) id: Box<str>,
    pub(super) prev: u64,
    pub(super) decided_to: Option<Position>,
    /// Does it say that nothing was in stock before it? Nothing of an entry that is no decision.
    pub(super) is_first: Option<bool>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Orders(Vec<Outcome>),
    Set(BTreeMap<ProductId, i64>),
    /// What people moved, by product.
    Change(BTreeMap<ProductId, i64>),
    /// A shipment of a sale, and the fact about it: where it belongs, and a hash of what it must say.
    Shipped(Box<Shipped>, Box<str>, u64),
    /// The input goes on elsewhere; the position says where.
    Rebase,
    /// An operator's refusal of the next message.
    Skip(Box<Outcome>),
}

impl Content {
    pub(super) fn outcomes(&self) -> &[Outcome] {
        match self {
            Self::Orders(outcomes) => outcomes,
            Self::Skip(outcome) => std::slice::from_ref(outcome),
            Self::Set(_) | Self::Change(_) | Self::Shipped(..) | Self::Rebase => &[],
        }
    }
}

/// What became of one order.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) placed: u64,
    pub(super) verdict: Verdict,
    /// What the order wants; nothing if the outcome repeats no order that can be read.
    pub(super) wanted: Option<Wanted>,
    /// Hash of the order as the outcome repeats it.
    pub(super) data: Option<u64>,
    /// `<warehouse>.<partner>.<order>`.
    pub(super) key: Option<Box<str>>,
    /// The attempt that stays confirmed, where something else than its cancellation was refused.
    pub(super) in_force: Option<u64>,
    /// Where its fact belongs.
    pub(super) fact: Box<str>,
    /// Hash of what the fact must say.
    pub(super) said: u64,
    /// Where what is returned of its sale belongs, and a hash of what that must say.
    pub(super) sale: Option<(Box<str>, u64)>,
}

/// What an order wants of the stock.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) policy: StockPolicy,
    /// Pieces to take by product, below zero where they are given back. Wide enough for any sum.
    pub(super) pieces: Vec<(ProductId, i128)>,
    /// The confirmed attempt that it takes back.
    pub(super) cancels: Option<Cancels>,
    /// The confirmed attempt whose place it takes.
    pub(super) amends: Option<Amends>,
    /// The sale that it returns.
    pub(super) returns: Option<OrderId>,
}

impl Entry {
    pub(super) fn of(message: &Message<'_>) -> anyhow::Result<Self> {
        let name = message.subject.strip_prefix("journal.inventory.").unwrap_or_default();
        let warehouse = WarehouseId::parse(name)?;
        let record = Record::<Body>::parse(message.payload)?;
        let outcome = |outcome| Outcome::of(message, &warehouse, record.id(), outcome);
        let content = match &record {
            Record::Rebase(_) => Content::Rebase,
            Record::Quiet(_) => Content::Orders(Vec::new()),
            Record::Skip(entry) => Content::Skip(outcome(&skipped(&entry.body)).into()),
            Record::Decision(entry) => match entry.body.content() {
                Body::Orders { outcomes, .. } => {
                    Content::Orders(outcomes.iter().map(outcome).collect())
                }
                Body::Set { available, .. } => Content::Set(available.clone()),
                Body::Change(change) => Content::Change(change.moved.clone()),
                Body::Shipped(shipped) => {
                    let Shipped { partner, order_id, .. } = &**shipped;
                    let fact = subject::order(Stage::Shipped, &warehouse, partner, order_id);
                    let said = shipped_digest(&entry.id, message.sequence, shipped);
                    Content::Shipped(shipped.clone(), fact.into(), said)
                }
                Body::Skip { outcome: skipped, .. } => Content::Skip(outcome(skipped).into()),
                Body::First(_) => anyhow::bail!("an entry without content"),
            },
        };
        let is_first = match &record {
            Record::Decision(entry) => Some(matches!(entry.body, Body::First(_))),
            Record::Skip(_) | Record::Quiet(_) | Record::Rebase(_) => None,
        };
        Ok(Self {
            journal: message.subject.into(),
            warehouse,
            sequence: message.sequence,
            id: record.id().into(),
            prev: record.prev(),
            decided_to: record.decided_to().cloned(),
            is_first,
            content,
        })
    }
}

/// What must become of a message that an operator passed over, by its subject and headers.
fn skipped(skip: &Skip) -> inventory::Outcome {
    let id = OrderSubject::parse(&skip.subject).map(|order| Identity {
        partner: order.partner,
        order_id: order.order_id,
        kind: if skip.header(header::KIND) == Some("return") { Kind::Return } else { Kind::Sale },
        attempt: skip.header(header::ATTEMPT).and_then(|n| n.parse().ok()).unwrap_or(1),
        file: skip.header(header::FILE).map(str::to_owned),
    });
    let refusal = Refusal::Skipped { detail: skip.reason.clone() };
    let is_cancellation = skip.kind.as_deref() == Some(ORDER_CANCELLING);
    let in_force = skip.in_force.as_ref().filter(|_| !is_cancellation && id.is_some());
    let verdict = match is_cancellation || in_force.is_some() {
        true => Verdict::Kept(refusal),
        false => Verdict::Refused(refusal),
    };
    let id = match (id, in_force) {
        (Some(id), Some(in_force)) => {
            let header = |name| in_force.headers.get(name).map(String::as_str);
            let attempt = header(header::ATTEMPT).and_then(|n| n.parse().ok()).unwrap_or(1);
            let is_return = header(header::KIND) == Some("return");
            let kind = if is_return { Kind::Return } else { Kind::Sale };
            Some(Identity { attempt, kind, file: None, ..id })
        }
        (id, _) => id,
    };
    let in_force = in_force.map(|in_force| in_force.sequence);
    inventory::Outcome { sequence: skip.sequence, order: None, id, verdict, in_force }
}

impl Outcome {
    fn of(
        message: &Message<'_>,
        warehouse: &WarehouseId,
        decision: &str,
        outcome: &inventory::Outcome,
    ) -> Self {
        let (stage, kind, refusal) = match outcome.verdict.clone() {
            Verdict::Confirmed(_) | Verdict::Amended { .. } | Verdict::Returned { .. } => {
                (Stage::Confirmed, ORDER_CONFIRMED, None)
            }
            Verdict::Refused(refusal) => (Stage::Refused, ORDER_REFUSED, Some(refusal)),
            Verdict::Cancelled { attempt, .. } | Verdict::ReturnCancelled { attempt, .. } => {
                (Stage::Refused, ORDER_REFUSED, Some(Refusal::Cancelled { attempt }))
            }
            Verdict::Kept(refusal) => (Stage::Confirmed, ORDER_KEPT, Some(refusal)),
        };
        let named = |stage, (partner, order): (&PartnerId, &OrderId)| {
            subject::order(stage, warehouse, partner, order)
        };
        let id = outcome.id.as_ref();
        let pair = id.map(|id| (&id.partner, &id.order_id));
        let (fact, kind) = match pair {
            Some(pair) => (named(stage, pair), kind),
            None => {
                let token = subject::token(decision);
                let subject =
                    format!("errors.undecidable.{warehouse}.{token}-{}", outcome.sequence);
                (subject, ORDER_UNDECIDABLE)
            }
        };
        let order = outcome.order.as_ref().map(|order| order.get());
        let said = Saying {
            kind,
            decision,
            number: message.sequence,
            placed: outcome.sequence,
            id,
            refusal: refusal.as_ref(),
            in_force: outcome.in_force,
            order: if id.is_some() { order } else { None },
        };
        let key = pair.map(|pair| {
            let subject = named(Stage::Placed, pair);
            subject.strip_prefix("orders.placed.").unwrap_or_default().into()
        });
        Self {
            placed: outcome.sequence,
            verdict: outcome.verdict.clone(),
            wanted: order.and_then(|order| serde_json::from_str(order).ok()).map(Wanted::of),
            data: order.map(|order| digest(&order)),
            in_force: outcome.in_force,
            key,
            said: said.digest(),
            fact: fact.into(),
            sale: id.and_then(|id| {
                let sale = outcome.verdict.sale()?;
                let subject = named(Stage::Returned, (&id.partner, &sale.order_id));
                let by = By {
                    order_id: id.order_id.clone(),
                    attempt: id.attempt,
                    placed: outcome.sequence,
                    cancelled: matches!(outcome.verdict, Verdict::ReturnCancelled { .. }),
                };
                let data = SaleReturned { partner: id.partner.clone(), sale: sale.clone(), by };
                Some((subject.into(), sale_digest(decision, message.sequence, &data)))
            }),
        }
    }
}

impl Wanted {
    fn of(order: Order) -> Self {
        let sign = if order.cancels.is_some() { -1 } else { 1 };
        let mut pieces: BTreeMap<ProductId, i128> = BTreeMap::new();
        for line in &order.lines {
            *pieces.entry(line.product_id.clone()).or_default() += sign * i128::from(line.quantity);
        }
        let pieces = pieces.into_iter().collect();
        let Order { stock: policy, cancels, amends, returns, .. } = order;
        Self { policy, pieces, cancels, amends, returns }
    }
}
