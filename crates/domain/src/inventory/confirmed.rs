//! The attempt of an order that is confirmed, and how it stays so whatever else comes under its name.

use super::{Identity, Outcome, Verdict};
use crate::Order;
use crate::order::{Kind, Line};
use crate::stock::Refusal;
use serde_json::value::RawValue;

/// Is an attempt of an order confirmed, and not cancelled?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lookup {
    /// Nobody has looked: for what is confirmed nobody has to.
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
    /// What was decided last of the order.
    pub stands: Stands,
}

/// The message of an order whose decision stays in force: the attempt that is confirmed, or its
/// cancellation that the stock did not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
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
        let Order { attempt, kind, lines, .. } = order;
        Self { attempt, placed, lines, stands: Stands { placed, attempt, kind } }
    }
}

impl Stands {
    /// What becomes of another message of the order, `sequence`, that is refused: nothing moves, and its
    /// fact repeats where the order stands.
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
        let (id, stands) = (Some(id), Some(self.placed));
        Outcome { sequence, order, id, verdict: Verdict::Kept(refusal), stands }
    }
}
