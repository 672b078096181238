//! Placed orders, and what was published of the decisions.

use super::message::{Message, digest};
use domain::inventory::{Identity, Shipped};
use domain::order::Cancels;
use domain::stock::Refusal;
use domain::{Kind, Order, ProductId};
use messaging::inventory::{self, Decided, SaleReturned};
use messaging::subject::OrderSubject;
use messaging::{Event, events, header};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `orders.placed.<warehouse>.<partner>.<order>`.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) sequence: u64,
    pub(super) stored_ms: i64,
    pub(super) subject: Box<str>,
    pub(super) attempt: u32,
    pub(super) is_return: bool,
    /// What it comes to, in units of an amount.
    pub(super) total: Option<i64>,
    /// The confirmed attempt that it takes back, by number and sequence.
    pub(super) cancels: Option<(u32, u64)>,
    /// The confirmed attempt whose place it takes, by number and sequence.
    pub(super) amends: Option<(u32, u64)>,
    /// Does it say another content than the attempt before it?
    pub(super) is_amended: bool,
    /// Hash of the order without what tells its attempts apart.
    pub(super) order: Option<u64>,
    /// Is it an order that can be decided?
    pub(super) readable: bool,
    /// Hash of the order, as it stands there.
    pub(super) data: Option<u64>,
    /// Hash of what the sender said, by the header.
    pub(super) content: Option<u64>,
    /// Hash of the id of the event that brought it, if that came on `orders`.
    pub(super) event: Option<u64>,
}

impl Placed {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let event: Option<Event> = serde_json::from_slice(message.payload).ok();
        let data = event.as_ref().and_then(|event| event.data.as_ref());
        let placed = data.and_then(|data| domain::order::amend::placed(data).ok());
        let (order, text) = placed.unzip();
        let text = text.as_ref().or(data);
        let readable = order.as_ref().is_some_and(|order| {
            let early = |cancels: &Cancels| order.attempt <= cancels.attempt;
            !order.cancels.as_ref().is_some_and(early)
                && keeps_to_the_rules(order)
                && OrderSubject::parse(message.subject).is_some_and(|subject| {
                    (&subject.warehouse, &subject.partner, &subject.order_id)
                        == (&order.warehouse, &order.partner, &order.order_id)
                })
        });
        let cancels = order.as_ref().and_then(|order| order.cancels.as_ref());
        let cancels = cancels.map(|cancels| (cancels.attempt, cancels.placed));
        let amends = order.as_ref().and_then(|order| order.amends.as_ref());
        let amends = amends.map(|amends| (amends.attempt, amends.placed));
        let same = order.as_ref().map(|order| Order { attempt: 0, ..order.again() });
        let event = message.header(header::EVENT).filter(|event| !event.starts_with("http=3A"));
        Self {
            sequence: message.sequence,
            stored_ms: message.stored_ms,
            subject: message.subject.into(),
            attempt: order.as_ref().map_or(1, |order| order.attempt),
            total: order.as_ref().map(|order| order.total.units()),
            is_return: order.is_some_and(|order| order.kind == Kind::Return),
            cancels,
            amends,
            is_amended: message.header(header::AMENDS).is_some(),
            order: same.map(|order| digest(&order)),
            readable,
            data: text.map(|text| digest(&text.get())),
            content: message.header(header::CONTENT).map(|content| digest(&content)),
            event: event.map(|event| digest(&event)),
        }
    }

    /// Are both attempts of the same order, with the same content?
    pub(super) fn is_same_order(&self, other: &Self) -> bool {
        self.order == other.order
    }

    /// The third token.
    pub(super) fn warehouse(&self) -> &str {
        self.subject.split('.').nth(2).unwrap_or_default()
    }

    /// `<warehouse>.<partner>.<order>`.
    pub(super) fn key(&self) -> &str {
        self.subject.strip_prefix("orders.placed.").unwrap_or_default()
    }
}

/// What every order keeps to, whoever placed it.
fn keeps_to_the_rules(order: &Order) -> bool {
    let sign = if order.kind == Kind::Return { -1 } else { 1 };
    let total = order
        .lines
        .iter()
        .try_fold(domain::Money::ZERO, |sum, line| sum.plus(line.unit_price.times(line.quantity)?));
    (1..=1_000).contains(&order.lines.len())
        && order
            .lines
            .iter()
            .all(|line| (1..=1_000_000_000).contains(&(sign * i128::from(line.quantity))))
        && total == Some(order.total)
        && (1..=1_000_000).contains(&order.attempt)
}

/// `orders.confirmed.…`, `orders.refused.…` or `errors.undecidable.…`.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) sequence: u64,
    pub(super) subject: Box<str>,
    pub(super) placed: Option<u64>,
    pub(super) content: Option<u64>,
    /// Does it say that something was confirmed?
    pub(super) confirms: bool,
    /// Where it says that something else stays in force: the message of that.
    pub(super) in_force: Option<u64>,
}

impl Fact {
    pub(super) fn of(message: &Message<'_>) -> Self {
        #[derive(Deserialize)]
        struct Undecidable {
            placed: u64,
            refusal: Option<Refusal>,
        }
        let (sequence, subject) = (message.sequence, message.subject.into());
        let event: Option<Event> = serde_json::from_slice(message.payload).ok();
        let Some((event, data)) =
            event.and_then(|event| event.data.clone().map(|data| (event, data)))
        else {
            return Self {
                sequence,
                subject,
                placed: None,
                content: None,
                confirms: false,
                in_force: None,
            };
        };
        let decision = message.header(header::DECISION).unwrap_or_default();
        let number = message.header(header::DECISION_SEQUENCE).and_then(|n| n.parse().ok());
        let said = |placed, id: Option<&Identity>, refusal: Option<&Refusal>, in_force, order| {
            let (kind, number) = (event.kind.as_str(), number.unwrap_or(0));
            Saying { kind, decision, number, placed, id, refusal, in_force, order }.digest()
        };
        if let Ok(decided) = serde_json::from_str::<Decided>(data.get()) {
            let id = Identity {
                partner: decided.partner,
                order_id: decided.order_id,
                kind: decided.kind,
                attempt: decided.attempt,
                file: event.file.clone(),
            };
            let order = decided.order.as_ref().map(|order| order.get());
            let (refusal, in_force) = (decided.refusal.as_ref(), decided.in_force);
            let content = said(decided.placed, Some(&id), refusal, in_force, order);
            let confirms = event.kind == events::ORDER_CONFIRMED;
            let (placed, content) = (Some(decided.placed), Some(content));
            Self { sequence, subject, placed, content, confirms, in_force }
        } else if let Ok(other) = serde_json::from_str::<Undecidable>(data.get()) {
            let content = said(other.placed, None, other.refusal.as_ref(), None, None);
            let (placed, content) = (Some(other.placed), Some(content));
            Self { sequence, subject, placed, content, confirms: false, in_force: None }
        } else {
            Self { sequence, subject, placed: None, content: None, confirms: false, in_force: None }
        }
    }
}

impl Fact {
    /// `orders.returned.…`, by the message of the return.
    pub(super) fn of_sale(message: &Message<'_>) -> Self {
        let (sequence, subject) = (message.sequence, message.subject.into());
        let event: Option<Event<SaleReturned>> = serde_json::from_slice(message.payload).ok();
        let data = event.filter(|event| event.kind == events::ORDER_RETURNED);
        let data = data.and_then(|event| event.data);
        let content = data.as_ref().and_then(|data| {
            let decision = message.header(header::DECISION)?;
            let number = message.header(header::DECISION_SEQUENCE)?.parse().ok()?;
            Some(sale_digest(decision, number, data))
        });
        let placed = data.map(|data| data.by.placed);
        Self { sequence, subject, placed, content, confirms: false, in_force: None }
    }
}

impl Fact {
    /// `orders.shipped.…`, by the entry that decided it.
    pub(super) fn of_shipment(message: &Message<'_>) -> Self {
        let (sequence, subject) = (message.sequence, message.subject.into());
        let event: Option<Event<Shipped>> = serde_json::from_slice(message.payload).ok();
        let data = event.filter(|event| event.kind == events::ORDER_SHIPPED);
        let data = data.and_then(|event| event.data);
        let number = message.header(header::DECISION_SEQUENCE).and_then(|n| n.parse().ok());
        let content = data.and_then(|data| {
            Some(shipped_digest(message.header(header::DECISION)?, number?, &data))
        });
        Self { sequence, subject, placed: number, content, confirms: false, in_force: None }
    }
}

pub(super) fn shipped_digest(decision: &str, number: u64, data: &Shipped) -> u64 {
    digest(&(decision, number, data))
}

pub(super) fn sale_digest(decision: &str, number: u64, data: &SaleReturned) -> u64 {
    digest(&(decision, number, data))
}

/// All that a fact about an order says.
pub(super) struct Saying<'a> {
    pub(super) kind: &'a str,
    pub(super) decision: &'a str,
    pub(super) number: u64,
    pub(super) placed: u64,
    pub(super) id: Option<&'a Identity>,
    pub(super) refusal: Option<&'a Refusal>,
    pub(super) in_force: Option<u64>,
    pub(super) order: Option<&'a str>,
}

impl Saying<'_> {
    pub(super) fn digest(&self) -> u64 {
        let Self { kind, decision, number, placed, id, refusal, in_force, order } = self;
        digest(&(kind, decision, number, placed, id, refusal, in_force, order))
    }
}

/// `inventory.changed.<warehouse>.<decision>`.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) sequence: u64,
    pub(super) subject: Box<str>,
    pub(super) content: Option<u64>,
}

impl Changed {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let event: Option<Event<inventory::Changed>> = serde_json::from_slice(message.payload).ok();
        let content = event.and_then(|event| {
            let data = event.data.filter(|_| event.kind == events::INVENTORY_CHANGED)?;
            let decision = message.header(header::DECISION)?;
            let number = message.header(header::DECISION_SEQUENCE)?.parse().ok()?;
            let warehouse = data.warehouse.as_str();
            Some(changed_digest(decision, number, warehouse, &data.moved, &data.set))
        });
        Self { sequence: message.sequence, subject: message.subject.into(), content }
    }
}

pub(super) fn changed_digest(
    decision: &str,
    number: u64,
    warehouse: &str,
    moved: &BTreeMap<ProductId, i64>,
    set: &BTreeMap<ProductId, i64>,
) -> u64 {
    digest(&(decision, number, warehouse, moved, set))
}
