//! Effects: what is sent to the world outside, such as mails and webhooks.
//!
//! [`Effects::accept`] turns an event into one message of the stream `OUTBOX` for each target, once. After that
//! the event is done with. [`Effects::run`] sends the messages: one replica has the lease, knows what is due, and
//! keeps for each message what became of it ([`Delivery`]).
//!
//! A message is sent at least once, never again after it is recorded as sent, and never lost: *sending* is
//! recorded before each attempt, the answer after it, and an attempt without a recorded answer is *unknown*. It
//! counts as a failed one when it can be under way no longer: the message is sent again under the same key after
//! the usual wait, or given up.

mod accept;
mod again;
mod attempt;
mod board;
mod delivery;
mod lease;
mod listed;
mod metrics;
mod retry;
mod run;
mod target;

pub use accept::AcceptError;
pub use again::{AgainError, Asked};
pub use delivery::{Cause, Delivery, State};
pub use listed::{Listed, Wanted};
pub use metrics::{Metrics, Outcome};
pub use retry::{RETRIES, standard};
pub use target::{Pseudonyms, Target};

use crate::wire::Wire;
use chrono::{DateTime, Utc};
use messaging::publish::Outgoing;
use messaging::{Event, Nats};
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// What a function does to the world outside.
pub trait Outside: Send + Sync + 'static {
    /// What it needs to send one message. It is kept for 30 days; a later version has to read it.
    type Message: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The function's name.
    const FUNCTION: &'static str;

    /// Who is to be told of an event, and what. It may be asked again for the same event: whoever was told
    /// already is not told again.
    ///
    /// # Errors
    /// Why it cannot be said now; the event comes again.
    fn targets(
        &self,
        event: &Event,
    ) -> impl Future<Output = Result<Vec<(Target, Self::Message)>, String>> + Send;

    /// Sends one message, once. It is given up after [`Settings::send_max`], and then may have arrived; also when
    /// it panics.
    fn send(
        &self,
        lane: &str,
        message: &Self::Message,
        attempt: &Attempt,
    ) -> impl Future<Output = Answer> + Send;

    /// How long to wait after so many attempts (1: the first one failed), and what the target asked for;
    /// nothing to give it up. By default as [`standard`] says.
    fn wait(&self, attempts: u32, after: Option<Duration>) -> Option<Duration> {
        standard(attempts, after, fastrand::f64())
    }

    /// The event of a message that is done with, if there is to be one: published once, also after a crash.
    /// Its subject belongs to this message alone; one that names the number of attempts as well tells also
    /// what came of a message that was sent again by hand.
    fn told(&self, delivery: &Delivery) -> Option<Outgoing> {
        let _ = delivery;
        None
    }
}

/// One of the attempts at a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The same for all attempts at a message, other for others: 64 digits of `0-9 a-f`.
    pub key: String,
    /// From 1 on.
    pub number: u32,
    /// Did an earlier one get no answer, so that the message may have arrived already?
    pub unknown: bool,
}

/// What came of an attempt. The texts are shown to people and kept: no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was taken.
    Sent {
        /// What was answered.
        answer: String,
    },
    /// Not now.
    Again {
        /// What was answered.
        why: String,
        /// When the target wants to be asked again (`Retry-After`).
        after: Option<Duration>,
    },
    /// The target was not asked: the way to it is closed, it is too early, or too much was sent already. The attempt
    /// does not count, so that this lasts as long as it has to.
    Away {
        /// What is in the way.
        why: String,
        /// When to look again; after 30 s if nothing is said.
        after: Option<Duration>,
    },
    /// It will never be taken.
    Never {
        /// What was answered.
        why: String,
    },
    /// It was handed over, and the answer was lost: it may have been taken.
    Unknown {
        /// What happened.
        why: String,
    },
}

/// How much is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an attempt may take.
    pub send_max: Duration,
    /// Attempts at once in one lane; one where the last attempt failed.
    pub lane_max: usize,
    /// Attempts at once in all lanes; half of them in all lanes together where the last attempt failed.
    pub all_max: usize,
    /// Messages of one lane that are known at once. Later ones wait until half of them are done.
    pub lane_open_max: usize,
    /// A replica that has the lease and has not written it for so long has lost it.
    pub lease: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            send_max: Duration::from_secs(30),
            lane_max: 4,
            all_max: 64,
            lane_open_max: 100_000,
            lease: Duration::from_secs(7),
        }
    }
}

/// The effects of one function.
#[derive(Debug)]
pub struct Effects<O, W = Nats> {
    outside: Arc<O>,
    wire: W,
    settings: Settings,
    /// Something was put into the outbox here.
    more: Arc<Notify>,
    metrics: Metrics,
}

impl<O, W: Clone> Clone for Effects<O, W> {
    fn clone(&self) -> Self {
        Self {
            outside: Arc::clone(&self.outside),
            wire: self.wire.clone(),
            settings: self.settings,
            more: Arc::clone(&self.more),
            metrics: self.metrics.clone(),
        }
    }
}

impl<O: Outside, W: Wire> Effects<O, W> {
    /// Those of `outside`; nothing is asked yet.
    #[must_use]
    pub fn new(wire: W, outside: O, settings: Settings) -> Self {
        let (more, metrics) = (Arc::default(), Metrics::default());
        Self { outside: Arc::new(outside), wire, settings, more, metrics }
    }

    /// Counts with these.
    #[must_use]
    pub fn metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// What sends.
    #[must_use]
    pub fn outside(&self) -> &O {
        &self.outside
    }
}

/// Due times outlive processes, so they are those of the clock on the wall.
#[expect(clippy::disallowed_methods, reason = "the effect's clock is an edge")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
