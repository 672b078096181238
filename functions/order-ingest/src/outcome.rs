//! What is counted.

use chassis::Kind;

/// What became of an order that came, or of a command about one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Placed,
    Repeated,
    Duplicate,
    Conflict,
    Unclear,
    NotNow,
    Impossible,
    Rejected,
    Retried,
    Cancelling,
    Amending,
}

impl Kind for Outcome {
    fn all() -> impl Iterator<Item = Self> {
        [
            Self::Placed,
            Self::Repeated,
            Self::Duplicate,
            Self::Conflict,
            Self::Unclear,
            Self::NotNow,
            Self::Impossible,
            Self::Rejected,
            Self::Retried,
            Self::Cancelling,
            Self::Amending,
        ]
        .into_iter()
    }

    fn label(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Repeated => "repeated",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Unclear => "unclear",
            Self::NotNow => "not_now",
            Self::Impossible => "impossible",
            Self::Rejected => "rejected",
            Self::Retried => "retried",
            Self::Cancelling => "cancelling",
            Self::Amending => "amending",
        }
    }
}
