//! The attempt of an order that is confirmed, and how it stays so whatever else comes under its name.

use super::{Identity, Outcome, Pieces, Verdict};
use crate::order::{Kind, Line};
use crate::stock::Refusal;
use crate::{CustomerId, Money, Order};
use serde_json::value::RawValue;

/// Is an attempt of an order confirmed, and not cancelled?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// Not looked up yet. A message that is confirmed needs no lookup.
    #[default]
    Unknown,
    /// None is.
    Nothing,
    /// This one is.
    Found(Confirmed),
}

/// An attempt that is confirmed and holds its stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Its number.
    pub attempt: u32,
    /// Its stream sequence.
    pub placed: u64,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// Who bought.
    pub customer: Option<CustomerId>,
    /// What it came to.
    pub total: Money,
    /// In which currency.
    pub currency: String,
    /// What was returned of it by returns that name it.
    pub returned: Pieces,
    /// Of what was returned, what had been shipped.
    pub of_shipped: Pieces,
    /// What was shipped of it.
    pub shipped: Pieces,
    /// In so many shipments.
    pub shipments: u32,
    /// What was decided last of the order.
    pub in_force: InForce,
}

/// The message of an order whose decision stays in force: the attempt that is confirmed, or its
/// cancellation that the stock did not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its stream sequence.
    pub placed: u64,
    /// Its number.
    pub attempt: u32,
    /// Sale or return.
    pub kind: Kind,
}

/// These messages, by sequence, can only be decided when it is known whether an attempt of their order is
/// confirmed: refused without that, they would hide it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(pub Vec<u64>);

impl Confirmed {
    /// The order as it was placed in message `placed`, which is confirmed.
    #[must_use]
    pub fn new(placed: u64, order: Order) -> Self {
        let Order { attempt, kind, lines, customer, total, currency, .. } = order;
        let customer = customer.map(|customer| customer.id);
        let in_force = InForce { placed, attempt, kind };
        let (returned, of_shipped, shipped) = Default::default();
        Self {
            attempt,
            placed,
            lines,
            customer,
            total,
            currency,
            returned,
            of_shipped,
            shipped,
            shipments: 0,
            in_force,
        }
    }
}

impl InForce {
    /// The outcome of another message of the order, `sequence`, that is refused: no stock moves, and its fact
    /// repeats the state of the order.
    #[must_use]
    pub fn kept(
        &self,
        sequence: u64,
        id: Identity,
        order: Option<Box<RawValue>>,
        refusal: Refusal,
    ) -> Outcome {
        let Self { attempt, kind, .. } = *self;
        let id = Identity { attempt, kind, file: None, ..id };
        let (id, in_force) = (Some(id), Some(self.placed));
        Outcome { sequence, order, id, verdict: Verdict::Kept(refusal), in_force }
    }
}
