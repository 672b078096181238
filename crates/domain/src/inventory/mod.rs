//! What a warehouse's journal holds: its entries, and the state that they fold to.

mod amend;
mod cause;
mod change;
mod confirmed;
mod decide;
mod returned;
mod sale;
mod ship;
mod shipped;
mod state;
mod transfers;

pub use cause::{Cause, Change};
pub use change::{Counted, LEVEL_MAX, Quantities, Refused, Wrong, adjust, count, restock, send};
pub use confirmed::{Confirmed, InForce, Lookup, Unknown};
pub use decide::{Decision, Input, decide};
pub use returned::{Pieces, Returned};
pub use ship::{NotShipped, Shipping, TooMuch};
pub use shipped::{CARRIER_CHARS_MAX, Shipment, Shipped, TRACKING_CHARS_MAX};
pub use state::{SEED, State};
pub use transfers::{Transfer, Transfers, UNFINISHED_MAX};

use crate::order::Kind;
use crate::stock::{Movement, Refusal};
use crate::{OrderId, PartnerId, ProductId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Most characters of a text that a decision repeats, such as what a parser said of a message that
/// cannot be read.
pub const DETAIL_MAX: usize = 500;
/// Most bytes of a file's name in a decision; it is a SHA-256.
pub const FILE_BYTES_MAX: usize = 128;

/// One entry's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Placed orders that were decided, in stream order.
    Orders {
        /// One for each message, none left out.
        outcomes: Vec<Outcome>,
        /// Products that nobody's order takes below zero from now on.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        checked: BTreeSet<ProductId>,
    },
    /// Stock that an operator set.
    Set {
        /// The command's idempotency key in entries of 0.1.0; later ones have it outside of the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// What is available from now on.
        available: BTreeMap<ProductId, i64>,
    },
    /// Stock that people restocked, adjusted, counted or transferred. Version 0.1.0 does not know it, and stops.
    Change(Box<Change>),
    /// A shipment of a confirmed sale; no stock moves. Version 0.1.0 does not know it, and stops.
    Shipped(Box<Shipped>),
    /// The next message of the input, which an operator refused undecided, as 0.1.0 wrote it. Later
    /// versions skip without a body.
    Skip {
        /// The command's idempotency key.
        key: String,
        /// Refused as [`Refusal::Skipped`]; it does not repeat the order.
        outcome: Outcome,
    },
    /// The first entry of a journal, of one of the other kinds, before which nothing was in stock. A
    /// first entry that is not wrapped so is of 0.1.0, whose journals began with [`SEED`].
    First(Box<Self>),
}

impl Body {
    /// What is decided: itself, or what the first entry wraps.
    #[must_use]
    pub fn content(&self) -> &Self {
        let mut body = self;
        while let Self::First(content) = body {
            body = content;
        }
        body
    }

    /// The idempotency key of a command in an entry of 0.1.0.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self.content() {
            Self::Set { key, .. } => key.as_deref(),
            Self::Skip { key, .. } => Some(key),
            Self::Orders { .. } | Self::Change(_) | Self::Shipped(_) | Self::First(_) => None,
        }
    }

    /// What became of messages of the input, in stream order.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        match self.content() {
            Self::Orders { outcomes, .. } => outcomes,
            Self::Skip { outcome, .. } => std::slice::from_ref(outcome),
            Self::Set { .. } | Self::Change(_) | Self::Shipped(_) | Self::First(_) => &[],
        }
    }
}

/// What became of one message of the input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The message's stream sequence.
    pub sequence: u64,
    /// The order, as it was placed; nothing if the message could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<RawValue>>,
    /// Which order it is. Nothing if the message could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Identity>,
    /// What was decided.
    pub verdict: Verdict,
    /// Where it was refused and the order stays confirmed: stream sequence of the message whose decision
    /// stays in force, see [`InForce`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<u64>,
}

/// Which order an outcome is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The partner.
    pub partner: PartnerId,
    /// The partner's number.
    pub order_id: OrderId,
    /// Sale or return.
    pub kind: Kind,
    /// Which try.
    pub attempt: u32,
    /// SHA-256 of the file it came in, if it came in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What was decided about an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Stock has moved.
    Confirmed(Vec<Movement>),
    /// Nothing has moved.
    Refused(Refusal),
    /// A cancellation: the stock of the confirmed attempt has moved back.
    Cancelled {
        /// The attempt that was confirmed.
        attempt: u32,
        /// What moved back.
        movements: Vec<Movement>,
    },
    /// An amendment: the stock of the confirmed attempt has moved back, and that of the new content was taken. A
    /// verdict of its own, so that a writer of a release that does not know amendments stops.
    Amended {
        /// The attempt that was confirmed.
        attempt: u32,
        /// What both together moved; a product of which as much is wanted as before does not move.
        movements: Vec<Movement>,
    },
    /// A return that names its sale: stock has moved, and less is left of the sale. A verdict of its own, so that
    /// a writer of a release that does not know the fact about the sale stops.
    Returned {
        /// What came back.
        movements: Vec<Movement>,
        /// What is returned of the sale with it.
        sale: Returned,
    },
    /// A cancellation of a return that names its sale: the stock has moved back, and as much more is left of
    /// the sale.
    ReturnCancelled {
        /// The attempt that was confirmed.
        attempt: u32,
        /// What moved back.
        movements: Vec<Movement>,
        /// What is returned of the sale without it.
        sale: Returned,
    },
    /// A cancellation that the stock, or what was shipped or returned, does not allow, or anything else that was
    /// refused behind a confirmed attempt, such as an amendment: nothing has moved, the order stays confirmed.
    Kept(Refusal),
}

impl Verdict {
    /// What has moved.
    #[must_use]
    pub fn movements(&self) -> &[Movement] {
        match self {
            Self::Confirmed(movements)
            | Self::Amended { movements, .. }
            | Self::Returned { movements, .. }
            | Self::Cancelled { movements, .. }
            | Self::ReturnCancelled { movements, .. } => movements,
            Self::Refused(_) | Self::Kept(_) => &[],
        }
    }

    /// What is returned of the sale that it is about.
    #[must_use]
    pub fn sale(&self) -> Option<&Returned> {
        match self {
            Self::Returned { sale, .. } | Self::ReturnCancelled { sale, .. } => Some(sale),
            Self::Confirmed(_)
            | Self::Amended { .. }
            | Self::Cancelled { .. }
            | Self::Refused(_)
            | Self::Kept(_) => None,
        }
    }
}
