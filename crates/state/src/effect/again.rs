//! Sending messages again by hand: one, or all of a kind.
//!
//! It is one step: the message is put into the outbox once more, with the revision that its delivery has. Who sends
//! begins again if the delivery still has that revision, whatever its state; so a process may end at any time,
//! and a message for which that is asked twice is sent once.

use super::accept::Outboxed;
use super::delivery::State;
use super::listed::{Listed, Wanted};
use super::target::Place;
use super::{Effects, Outside, now};
use crate::wire::{Unclear, Wire};
use messaging::publish::{Outgoing, Published};
use messaging::streams::OUTBOX;
use serde_json::value::RawValue;
use std::ops::ControlFlow;

/// How often it is tried because somebody else asks for the same at once.
const ROUNDS: usize = 8;

/// Why a message is not sent again.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    /// There is none of this name.
    #[error("there is no delivery {0}")]
    Missing(String),
    /// The message was removed from the outbox, or expired there after 30 days.
    #[error("the message of delivery {0} is not kept any more (30 days): send the event again")]
    Gone(String),
    /// An attempt is under way.
    #[error("an attempt at delivery {0} is under way; ask again when it has ended")]
    UnderWay(String),
    /// The server does not answer; the same call may be repeated.
    #[error(transparent)]
    Unclear(#[from] Unclear),
}

/// What came of sending many again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// They are sent again.
    pub again: usize,
    /// Their messages are not kept any more.
    pub gone: usize,
    /// Attempts at them are under way.
    pub under_way: usize,
}

impl<O: Outside, W: Wire> Effects<O, W> {
    /// The lane of the delivery with this name; nothing if it can be none of this function.
    #[must_use]
    pub fn lane_of(&self, id: &str) -> Option<String> {
        Place::of_id(O::FUNCTION, id).map(|place| place.lane())
    }

    /// Sends a message again, now, under the same key as before, whether it was taken, failed or waits. As many
    /// attempts follow as with a new one.
    ///
    /// # Errors
    /// There is none, or it cannot be sent now.
    pub async fn again(&self, id: &str) -> Result<(), AgainError> {
        let missing = || AgainError::Missing(id.to_owned());
        let place = Place::of_id(O::FUNCTION, id).ok_or_else(missing)?;
        for _ in 0..ROUNDS {
            let (revision, Some(delivery)) = self.delivery(&place).await? else {
                return Err(missing());
            };
            if matches!(delivery.state, State::Sending) {
                return Err(AgainError::UnderWay(id.to_owned()));
            }
            if delivery.state.is_final() {
                // Who sent it may have ended before it told.
                self.tell(&delivery).await?;
            }
            let subject = place.outbox();
            let Some(last) = self.wire.last(OUTBOX, &subject).await? else {
                return Err(AgainError::Gone(id.to_owned()));
            };
            let mut message: Outboxed<Box<RawValue>> = serde_json::from_slice(&last.payload)
                .map_err(|error| Unclear::new(&subject, format!("cannot be read: {error}")))?;
            if message.again == Some(revision) {
                return Ok(());
            }
            (message.again, message.at) = (Some(revision), Some(now()));
            let payload = serde_json::to_vec(&message).expect("it has only string keys");
            let message = Outgoing::new(subject, payload.into());
            if let Published::Stored(_) = self.wire.put(message, last.sequence).await? {
                self.more.notify_one();
                return Ok(());
            }
        }
        Err(AgainError::UnderWay(id.to_owned()))
    }

    /// Sends all again that are wanted now; those that change meanwhile are not looked at twice.
    ///
    /// # Errors
    /// No answer: some were asked for. The same call may be repeated; what was asked for and not begun yet is
    /// not sent twice.
    pub async fn again_all(&self, wanted: &Wanted) -> Result<Asked, Unclear> {
        let now = now();
        let until = Some(wanted.until.map_or(now, |until| until.min(now)));
        let wanted = Wanted { until, ..wanted.clone() };
        let mut ids = Vec::new();
        let mut each = |found: Listed| {
            ids.push(found.id);
            ControlFlow::Continue(())
        };
        self.find(&wanted, 0, &mut each).await?;
        let mut asked = Asked::default();
        for id in ids {
            match self.again(&id).await {
                Ok(()) => asked.again += 1,
                Err(AgainError::Gone(_) | AgainError::Missing(_)) => asked.gone += 1,
                Err(AgainError::UnderWay(_)) => asked.under_way += 1,
                Err(AgainError::Unclear(error)) => return Err(error),
            }
        }
        Ok(asked)
    }
}
