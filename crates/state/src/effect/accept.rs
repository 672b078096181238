//! From an event to messages of the outbox.

use super::delivery::Cause;
use super::target::Place;
use super::{Effects, Outside, now};
use crate::wire::{Unclear, Wire};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _};
use messaging::Event;
use messaging::publish::{Outgoing, Published};
use serde::{Deserialize, Serialize};

/// Messages that are put into the outbox at once.
const AT_ONCE: usize = 16;
/// Longest place of a message.
const PLACE_BYTES_MAX: usize = 1_024;

/// Why an event is not done with.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The function does not know now who is to be told.
    #[error("who is to be told of the event is not known now: {0}")]
    Targets(String),
    /// A message may be in the outbox or not: the event has to come again.
    #[error("the outbox did not take a message: {0}")]
    Unclear(#[from] Unclear),
    /// The event's id, or a lane, is too long.
    #[error(
        "a message of the event would stand under {bytes} bytes, the limit is {PLACE_BYTES_MAX}"
    )]
    Place {
        /// How many it takes.
        bytes: usize,
    },
}

impl AcceptError {
    /// Can trying again never help?
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Targets(_) => false,
            Self::Unclear(unclear) => unclear.permanent,
            Self::Place { .. } => true,
        }
    }
}

/// A message of the outbox.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Outboxed<M> {
    pub(super) cause: Cause,
    /// When it was put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<DateTime<Utc>>,
    /// It is to be sent again if its delivery still has this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<u64>,
    pub(super) message: M,
}

impl<O: Outside, W: Wire> Effects<O, W> {
    /// Puts a message for each target of an event into the outbox, unless it is there; how many were not.
    /// Afterwards the event is done with, and may be acknowledged.
    ///
    /// An event that comes again 30 days later, when the outbox has forgotten it, is still known by its
    /// deliveries for a month, and after that sent again.
    ///
    /// # Errors
    /// Some may not be in the outbox; the event has to come again, unless the error is permanent.
    pub async fn accept(&self, event: &Event) -> Result<usize, AcceptError> {
        let cause = Cause::of(event);
        let targets = self.outside.targets(event).await.map_err(AcceptError::Targets)?;
        let mut messages = Vec::with_capacity(targets.len());
        for (target, message) in targets {
            let subject = Place::new(O::FUNCTION, &target, &cause).outbox();
            if PLACE_BYTES_MAX < subject.len() {
                return Err(AcceptError::Place { bytes: subject.len() });
            }
            let (cause, at) = (cause.clone(), Some(now()));
            let outboxed = Outboxed { cause, at, again: None, message };
            let payload = serde_json::to_vec(&outboxed).expect("messages have only string keys");
            messages.push(Outgoing::new(subject, payload.into()));
        }
        let puts = messages.into_iter().map(|message| self.wire.put(message, 0));
        let put: Vec<Published> =
            futures_util::stream::iter(puts).buffered(AT_ONCE).try_collect().await?;
        let stored = put.iter().filter(|put| matches!(put, Published::Stored(_))).count();
        if 0 < stored {
            self.more.notify_one();
        }
        Ok(stored)
    }
}
