//! What becomes of an order that is to be placed.

use crate::outcome::Outcome;
use messaging::publish::Unclear;

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is placed, under this stream sequence.
    Now(u64),
    /// This very event placed it before.
    Before(u64),
    /// The same order came before, by another event.
    Duplicate(u64),
    /// Another order has this id.
    Conflict(Differs),
    /// Nobody knows; trying again is safe.
    Unclear(String),
    /// It is not placed, and the stream is to blame: without a leader, full, or sealed.
    NotNow(String),
    /// It is larger than what the server or the stream takes.
    Impossible(String),
}

/// In what an order differs from the one that was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Differs {
    Content,
    /// In nothing else.
    Person,
}

impl Differs {
    /// The value of `differs` in the event.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Person => "person",
        }
    }
}

impl Placed {
    /// The label in metrics.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Now(_) => Outcome::Placed,
            Self::Before(_) => Outcome::Repeated,
            Self::Duplicate(_) => Outcome::Duplicate,
            Self::Conflict(_) => Outcome::Conflict,
            Self::Unclear(_) => Outcome::Unclear,
            Self::NotNow(_) => Outcome::NotNow,
            Self::Impossible(_) => Outcome::Impossible,
        }
    }
}

impl From<Unclear> for Placed {
    fn from(unclear: Unclear) -> Self {
        let reason = unclear.to_string();
        match (unclear.is_permanent(), unclear.is_certain()) {
            (true, _) => Self::Impossible(reason),
            (false, true) => Self::NotNow(reason),
            (false, false) => Self::Unclear(reason),
        }
    }
}
