//! Faults of connections.

use std::time::Duration;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that connected.
    Client,
    /// The side that accepted.
    Server,
}

/// A fault of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both ends get a reset immediately.
    Reset,
    /// Nothing passes for this time.
    Stall(Duration),
    /// Every chunk is delayed.
    Delay {
        /// The delay.
        by: Duration,
        /// How long the fault lasts.
        during: Duration,
    },
    /// Bytes pass one by one (only the first thousands of each chunk) for this time.
    Slices(Duration),
    /// Requests pass and replies are dropped; this time after a request has passed, both ends get a
    /// reset.
    DropReplies(Duration),
    /// One end gets a reset; the bytes of the other end are discarded for this time, until it gets one,
    /// too.
    HalfOpen {
        /// The end that gets the reset first.
        gone: Side,
        /// How long the other end does not know.
        during: Duration,
    },
}

impl Fault {
    /// Its name in tables.
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
