//! What can be done to a connection.

use std::time::Duration;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who has connected.
    Client,
    /// Who has accepted.
    Server,
}

/// What is done to one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both ends get a reset at once.
    Reset,
    /// Nothing passes for so long, then everything does.
    Stall(Duration),
    /// Every piece comes later.
    Delay {
        /// By so much.
        by: Duration,
        /// For so long.
        during: Duration,
    },
    /// Bytes pass one by one (the first thousands of each piece) for so long.
    Slices(Duration),
    /// Requests pass and replies are dropped; so long after a request has passed, both ends get a
    /// reset.
    DropReplies(Duration),
    /// One end gets a reset; what the other sends is swallowed for so long, until it gets one too.
    HalfOpen {
        /// The end that knows.
        gone: Side,
        /// How long the other does not.
        during: Duration,
    },
}

impl Fault {
    /// What it is called in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Stall(_) => "stall",
            Self::Delay { .. } => "delay",
            Self::Slices(_) => "one-byte slices",
            Self::DropReplies(_) => "replies dropped",
            Self::HalfOpen { gone: Side::Client, .. } => "half-open, client gone",
            Self::HalfOpen { gone: Side::Server, .. } => "half-open, server gone",
        }
    }
}
