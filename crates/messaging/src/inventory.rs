//! What is published of a warehouse's decisions: the data of its facts, and how they are read.

use crate::envelope::Event;
use crate::stored::{self, LookupError, Standing};
use crate::subject::{self, Stage};
use crate::{Nats, header, streams, views};
pub use domain::inventory::Shipped;
use domain::inventory::{Cause, Confirmed, Returned};
use domain::order::Cancels;
use domain::stock::Refusal;
use domain::{Order, OrderId, PartnerId, ProductId, WarehouseId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What was decided last of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Last {
    /// Nothing is known.
    Nothing,
    /// This attempt was refused or cancelled.
    Ended(u32),
    /// An attempt is confirmed and was not cancelled: it holds its stock.
    Confirmed(Confirmed),
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
    Ok(match last(nats, warehouse, partner, order_id).await? {
        Last::Confirmed(confirmed) => Some(confirmed),
        Last::Nothing | Last::Ended(_) => None,
    })
}

/// What was decided last of an order, as its facts say.
///
/// # Errors
/// The server does not answer.
pub async fn last(
    nats: &Nats,
    warehouse: &WarehouseId,
    partner: &PartnerId,
    order_id: &OrderId,
) -> Result<Last, LookupError> {
    let views::Messages { placed, confirmed, refused, returned, shipped, .. } =
        views::lookup(nats, warehouse, partner, order_id).await?;
    let confirmed = match (confirmed, refused) {
        (Some(confirmed), refused)
            if refused.as_ref().is_none_or(|refused| refused.sequence < confirmed.sequence) =>
        {
            confirmed
        }
        (_, Some(refused)) => {
            let attempt = refused.header(header::ATTEMPT).and_then(|text| text.parse().ok());
            return Ok(Last::Ended(attempt.unwrap_or(1)));
        }
        (_, None) => return Ok(Last::Nothing),
    };
    let event: Option<Event<Decided>> = serde_json::from_slice(&confirmed.payload).ok();
    let Some(decided) = event.and_then(|event| event.data) else { return Ok(Last::Nothing) };
    let in_force = decided.in_force;
    let own = decided.order.as_ref().and_then(|order| serde_json::from_str(order.get()).ok());
    let own: Option<Order> = own;
    // The fact repeats the order, but for what was skipped and what was refused behind it.
    let (sequence, order) = match (in_force, wrongly_cancelled(&decided, own.as_ref()), own) {
        (Some(in_force), ..) | (None, Some(in_force), _) => {
            let known = placed.filter(|placed| placed.sequence == in_force);
            (in_force, order_at(nats, in_force, known, &confirmed.subject).await?)
        }
        (None, None, Some(order)) => (decided.placed, Some(order)),
        (None, None, None) => {
            (decided.placed, order_at(nats, decided.placed, placed, &confirmed.subject).await?)
        }
    };
    let Some(order) = order else { return Ok(Last::Nothing) };
    let confirmed = as_confirmed(sequence, order);
    let returned = returned.and_then(|fact| returned_of(&fact, confirmed.placed));
    let (returned, of_shipped) =
        returned.map(|sale| (sale.returned, sale.of_shipped)).unwrap_or_default();
    let shipped = shipped.and_then(|fact| shipped_of(&fact, confirmed.placed));
    let (shipped, shipments) =
        shipped.map(|sale| (sale.shipped, sale.shipment.number)).unwrap_or_default();
    Ok(Last::Confirmed(Confirmed { returned, of_shipped, shipped, shipments, ..confirmed }))
}

/// What a fact says that was returned of the sale in message `placed`; nothing if it is about another attempt.
fn returned_of(fact: &Standing, placed: u64) -> Option<Returned> {
    let event: Event<SaleReturned> = serde_json::from_slice(&fact.payload).ok()?;
    let sale = event.data?.sale;
    (sale.placed == placed).then_some(sale)
}

/// What a fact says that was shipped of the sale in message `placed`; nothing if it is about another attempt.
fn shipped_of(fact: &Standing, placed: u64) -> Option<Shipped> {
    let event: Event<Shipped> = serde_json::from_slice(&fact.payload).ok()?;
    event.data.filter(|sale| sale.placed == placed)
}

/// The order in the message `placed` of the stream, if that message has the subject of the order whose fact is on
/// the subject `fact`. `known` is that message, if it was read before.
async fn order_at(
    nats: &Nats,
    placed: u64,
    known: Option<Standing>,
    fact: &str,
) -> Result<Option<Order>, LookupError> {
    let message = match known.filter(|known| known.sequence == placed) {
        Some(known) => Some(known),
        None => stored::at(nats, streams::ORDERS, placed).await?,
    };
    let order = |subject: &str| subject.splitn(3, '.').nth(2).map(ToOwned::to_owned);
    let message = message.filter(|message| order(&message.subject) == order(fact));
    Ok(message.and_then(|message| placed_order(&message.payload)))
}

/// The order that a message on `orders.placed.…` has. Nothing if it has none that can be read.
#[must_use]
pub fn placed_order(payload: &[u8]) -> Option<Order> {
    let event: Event = serde_json::from_slice(payload).ok()?;
    Some(domain::order::amend::placed(&event.data?).ok()?.0)
}

/// In a fact of an earlier version: the attempt that a cancellation named which was none of it. What the
/// cancellation itself repeats is not what was sold.
fn wrongly_cancelled(decided: &Decided, order: Option<&Order>) -> Option<u64> {
    let is_wrong = matches!(decided.refusal, Some(Refusal::Unreadable { .. }));
    order.filter(|_| is_wrong)?.cancels.as_ref().map(|cancels| cancels.placed)
}

fn as_confirmed(placed: u64, order: Order) -> Confirmed {
    let cancels = order.cancels.clone();
    let confirmed = Confirmed::new(placed, order);
    match cancels {
        // It stays confirmed after a cancellation that could not be.
        Some(Cancels { attempt, placed, .. }) => Confirmed { attempt, placed, ..confirmed },
        None => confirmed,
    }
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
    /// Stream sequence of the message that was decided.
    pub placed: u64,
    /// In `orderflow.order.kept.v1`, where that message was refused behind a confirmed order: stream sequence
    /// of the one whose decision stays in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<u64>,
    /// Why it was refused, with the numbers; in `orderflow.order.kept.v1`, why it stays confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The order as it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<RawValue>>,
}

/// Data of `orders.returned.…`: what came back of a sale by all the returns that name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleReturned {
    /// The partner.
    pub partner: PartnerId,
    /// The sale, and what is returned of it.
    #[serde(flatten)]
    pub sale: Returned,
    /// The return that was confirmed or cancelled.
    pub by: By,
}

/// The message of a return that changed what is returned of its sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The partner's number of the return.
    pub order_id: OrderId,
    /// Which attempt of it.
    pub attempt: u32,
    /// The message's stream sequence.
    pub placed: u64,
    /// Was the return cancelled?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}

/// How much of a sale came back or was shipped, as the headers [`header::RETURNED`] and [`header::SHIPPED`] say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HowMuch {
    /// Nothing, or nothing any more.
    #[default]
    Nothing,
    /// Something is left.
    Part,
    /// Nothing is left.
    All,
}

impl HowMuch {
    /// As in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Part => "part",
            Self::All => "all",
        }
    }

    /// What the header says; nothing came back if it says nothing that is known.
    #[must_use]
    pub fn of(header: Option<&str>) -> Self {
        let known = [Self::Part, Self::All].into_iter().find(|one| Some(one.as_str()) == header);
        known.unwrap_or_default()
    }
}

impl From<&Returned> for HowMuch {
    fn from(sale: &Returned) -> Self {
        match (sale.complete, sale.returned.is_empty()) {
            (true, _) => Self::All,
            (false, true) => Self::Nothing,
            (false, false) => Self::Part,
        }
    }
}

impl From<&Shipped> for HowMuch {
    fn from(sale: &Shipped) -> Self {
        if sale.complete { Self::All } else { Self::Part }
    }
}

/// What became of the goods of a sale that is confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// How much came back.
    pub back: HowMuch,
    /// How much was shipped.
    pub shipped: HowMuch,
}

/// What became of the goods of an order, by its messages.
#[must_use]
pub fn moved(messages: &views::Messages) -> Moved {
    let back = returned(messages).as_ref().map(HowMuch::from).unwrap_or_default();
    let shipped = shipped(messages).as_ref().map(HowMuch::from).unwrap_or_default();
    Moved { back, shipped }
}

/// What came back of a sale, by its messages. Nothing if none of its attempts is confirmed, or nothing of the
/// one that is.
#[must_use]
pub fn returned(messages: &views::Messages) -> Option<Returned> {
    let fact = messages.returned.as_ref()?;
    returned_of(fact, sold(messages)?).filter(|sale| !sale.returned.is_empty())
}

/// The last shipment of a sale and what was shipped with it, by its messages. Nothing if none of its attempts is
/// confirmed, or nothing was shipped of the one that is.
#[must_use]
pub fn shipped(messages: &views::Messages) -> Option<Shipped> {
    shipped_of(messages.shipped.as_ref()?, sold(messages)?)
}

/// All shipments of the sale whose last one is `last`, the first one first. There are as many as its number says,
/// but for those that the stream does not keep any more.
///
/// # Errors
/// The server does not answer.
pub async fn shipments(
    nats: &Nats,
    warehouse: &WarehouseId,
    last: &Shipped,
) -> Result<Vec<Shipped>, LookupError> {
    let subject = subject::order(Stage::Shipped, warehouse, &last.partner, &last.order_id);
    let (mut all, mut from) = (Vec::new(), last.placed);
    while let Some(fact) = stored::first(nats, streams::ORDERS, &subject, from).await? {
        from = fact.sequence + 1;
        let is_fact = header::is_fact(Some(&fact.headers));
        let one = shipped_of(&fact, last.placed).filter(|_| is_fact);
        let is_last = one.as_ref().is_some_and(|one| last.shipment.number <= one.shipment.number);
        all.extend(one);
        if is_last {
            break;
        }
    }
    Ok(all)
}

/// The message of the attempt that is confirmed, if one is.
fn sold(messages: &views::Messages) -> Option<u64> {
    #[derive(Deserialize)]
    struct Placed {
        data: Sold,
    }
    /// The only thing that counts of the order: which message is the one that was confirmed.
    #[derive(Deserialize)]
    struct Sold {
        #[serde(default)]
        cancels: Option<Cancels>,
    }
    let placed = messages.placed.as_ref()?;
    messages.status().filter(|status| *status == views::Status::Confirmed)?;
    let Placed { data } = serde_json::from_slice(&placed.payload).ok()?;
    Some(data.cancels.map_or(placed.sequence, |cancels| cancels.placed))
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
    /// What people did to move it; nothing for orders and for stock that was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whose token asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// `sale` or `return`.
#[must_use]
pub fn kind_name(kind: domain::Kind) -> &'static str {
    match kind {
        domain::Kind::Sale => "sale",
        domain::Kind::Return => "return",
    }
}
