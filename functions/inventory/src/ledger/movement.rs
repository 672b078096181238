//! One movement of one product.

use domain::inventory::{Cause, Outcome, Verdict};
use domain::{Kind, OrderId, PartnerId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where a movement stands: its entry in the journal, and which of the entry it is. Text: `1234.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Number {
    pub(crate) entry: u64,
    pub(crate) part: u32,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.entry, self.part)
    }
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not the `next` of a page");
        let (entry, part) = text.split_once('.').ok_or_else(wrong)?;
        let entry = entry.parse().map_err(|_| wrong())?;
        Ok(Self { entry, part: part.parse().map_err(|_| wrong())? })
    }
}

/// What moved a product, and where it was after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) number: Number,
    /// When it was decided, milliseconds since 1970.
    pub(crate) at_ms: i64,
    pub(crate) why: Why,
    /// What was added; nothing if stock was set and what was there before is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delta: Option<i64>,
    /// What was available after it; nothing if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<i64>,
}

/// Why a product moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// An order was confirmed.
    Sale(OrderAttempt),
    /// A return was confirmed.
    Return(OrderAttempt),
    /// A confirmed order was cancelled.
    Cancellation(OrderAttempt),
    /// A confirmed order was amended: what that moved of the product, if it did.
    Amendment(OrderAttempt),
    /// Its level was set.
    Set,
    /// What people did.
    Change {
        /// What it was.
        cause: Box<Cause>,
        /// Whose token asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Box<str>>,
    },
}

/// Which attempt of which order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OrderAttempt {
    pub(crate) partner: PartnerId,
    pub(crate) order_id: OrderId,
    pub(crate) attempt: u32,
}

impl Why {
    /// Why an outcome moved stock; nothing if it moved none, or names no order.
    pub(super) fn of(outcome: &Outcome) -> Option<Self> {
        let id = outcome.id.as_ref()?;
        let order = OrderAttempt {
            partner: id.partner.clone(),
            order_id: id.order_id.clone(),
            attempt: id.attempt,
        };
        match (&outcome.verdict, id.kind) {
            (Verdict::Confirmed(_), Kind::Sale) => Some(Self::Sale(order)),
            (Verdict::Confirmed(_), Kind::Return) => Some(Self::Return(order)),
            (Verdict::Returned { .. }, _) => Some(Self::Return(order)),
            (Verdict::Amended { .. }, _) => Some(Self::Amendment(order)),
            (Verdict::Cancelled { .. } | Verdict::ReturnCancelled { .. }, _) => {
                Some(Self::Cancellation(order))
            }
            (Verdict::Refused(_) | Verdict::Kept(_), _) => None,
        }
    }

    /// As people see it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Sale(_) => "reservation",
            Self::Return(_) => "return",
            Self::Cancellation(_) => "cancellation",
            Self::Amendment(_) => "amendment",
            Self::Set => "set",
            Self::Change { cause, .. } => cause.kind(),
        }
    }
}
