//! What is published of a warehouse's decisions: the data of its facts, and how they are read.

use crate::envelope::Event;
use crate::stored::{self, LookupError};
use crate::{Nats, streams, views};
use domain::inventory::Confirmed;
use domain::order::Cancels;
use domain::stock::Refusal;
use domain::{Order, OrderId, PartnerId, ProductId, WarehouseId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

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

/// `sale` or `return`.
#[must_use]
pub fn kind_name(kind: domain::Kind) -> &'static str {
    match kind {
        domain::Kind::Sale => "sale",
        domain::Kind::Return => "return",
    }
}
