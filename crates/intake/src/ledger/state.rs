//! How far a file came, and how it ended.

use serde::{Deserialize, Serialize};

/// How far a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was found complete.
    Arrived,
    /// A worker reads it.
    Claimed,
    /// It was read to its end and judged; output and rejects, if any, are in the depot.
    Transformed,
    /// Its orders are published.
    Published,
    /// The receipt is in the depot.
    Receipted,
    /// The original was moved to archive or quarantine.
    Archived,
    /// The end of an accepted file.
    Done,
    /// The end of a file that was refused as a whole.
    Refused,
    /// The end of a file whose content was known.
    Duplicate,
}

impl State {
    /// Is nothing left to do?
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Done | Self::Refused | Self::Duplicate => true,
            Self::Arrived
            | Self::Claimed
            | Self::Transformed
            | Self::Published
            | Self::Receipted
            | Self::Archived => false,
        }
    }

    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Claimed => "claimed",
            Self::Transformed => "transformed",
            Self::Published => "published",
            Self::Receipted => "receipted",
            Self::Archived => "archived",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Duplicate => "duplicate",
        }
    }
}

/// What was decided about a file once it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "decision")]
pub enum Outcome {
    /// Its orders are placed.
    Accepted,
    /// None of it is.
    Refused {
        /// Why, for the partner.
        reason: String,
    },
    /// It was processed before, in this arrival.
    Duplicate {
        /// The arrival.
        of: String,
    },
}

impl Outcome {
    /// The last state of such a file.
    #[must_use]
    pub fn final_state(&self) -> State {
        match self {
            Self::Accepted => State::Done,
            Self::Refused { .. } => State::Refused,
            Self::Duplicate { .. } => State::Duplicate,
        }
    }
}
