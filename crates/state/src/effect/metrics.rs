//! How an effect goes, as metrics.

use super::{Answer, now};
use crate::counts::{Counts, Kind};
use chrono::{DateTime, Utc};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What came of an attempt, or of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Sent,
    /// It will never be taken.
    Failed,
    /// It failed, and is tried again or given up.
    Again,
    /// The target was not asked, and is later.
    Away,
    /// It got no answer, and is tried again or given up.
    Unknown,
    /// The message was given up, after the last of its attempts.
    Dead,
}

impl Kind for Outcome {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Sent, Self::Failed, Self::Again, Self::Away, Self::Unknown, Self::Dead].into_iter()
    }

    fn label(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Again => "again",
            Self::Away => "away",
            Self::Unknown => "unknown",
            Self::Dead => "dead",
        }
    }
}

/// What came of attempts in this process, and what waits. Only the replica with the lease knows what waits; the
/// others show 0.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(super) outcomes: Counts<Outcome>,
    waiting: Gauge,
    oldest_seconds: Gauge,
}

impl Metrics {
    /// Registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let help =
            "Attempts at messages to the world outside by their outcome; dead: messages given up";
        let outcomes = Counts::register(registry, "effect_attempts", help);
        let (waiting, oldest_seconds) = (Gauge::default(), Gauge::default());
        let help = "Messages that are not done with, as far as they are known";
        registry.register("effect_waiting_messages", help, waiting.clone());
        let help = "How long the oldest message waits that is not done with; 0: none does";
        registry.register("effect_oldest_seconds", help, oldest_seconds.clone());
        Self { outcomes, waiting, oldest_seconds }
    }

    pub(super) fn count(&self, answer: &Answer) {
        self.outcomes.add(match answer {
            Answer::Sent { .. } => Outcome::Sent,
            Answer::Never { .. } => Outcome::Failed,
            Answer::Again { .. } => Outcome::Again,
            Answer::Away { .. } => Outcome::Away,
            Answer::Unknown { .. } => Outcome::Unknown,
        });
    }

    pub(super) fn stand(&self, open: usize, oldest: Option<DateTime<Utc>>) {
        self.waiting.set(i64::try_from(open).unwrap_or(i64::MAX));
        // Clocks differ from machine to machine.
        let age = oldest.map_or(0, |at| (now() - at).num_seconds().max(0));
        self.oldest_seconds.set(age);
    }
}
