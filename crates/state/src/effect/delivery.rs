//! What became of one message for one target.

use super::target::{Place, of_event};
use super::{Effects, Outside};
use crate::wire::{Message, Unclear, Wire};
use chrono::{DateTime, Utc};
use messaging::streams::EFFECTS;
use messaging::{Event, publish};
use serde::{Deserialize, Serialize};

/// What set a message off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Id of the event.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its subject.
    pub subject: String,
}

impl Cause {
    /// An event as a cause. Events that differ in none of these four are the same.
    #[must_use]
    pub fn of<D>(event: &Event<D>) -> Self {
        Self {
            id: event.id.clone(),
            source: event.source.clone(),
            kind: event.kind.clone(),
            subject: event.subject.clone().unwrap_or_default(),
        }
    }
}

/// What became of a message so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What set it off.
    pub cause: Cause,
    /// Its lane: a channel, or the id of an endpoint.
    pub lane: String,
    /// The same for all attempts.
    pub key: String,
    /// Attempts that were begun.
    pub attempts: u32,
    /// How many of them do not count when it is given up: those before it was sent again by hand, and those that did
    /// not get as far as the target.
    #[serde(default, skip_serializing_if = "is_none")]
    pub before: u32,
    /// Of these, how many got no answer that is recorded: the message may have arrived with each.
    pub unknown: u32,
    /// How it stands.
    #[serde(flatten)]
    pub state: State,
    /// Since when it stands so.
    pub at: DateTime<Utc>,
}

/// How a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The last attempt was begun. If it was begun longer ago than it may take, its answer is unknown.
    Sending,
    /// The last attempt failed, and there will be another.
    Waiting {
        /// What was answered.
        why: String,
        /// When.
        due: DateTime<Utc>,
    },
    /// It was taken.
    Sent {
        /// What was answered.
        answer: String,
    },
    /// It will never be taken.
    Failed {
        /// What was answered.
        why: String,
    },
    /// It was tried often enough.
    Dead {
        /// What was answered last.
        why: String,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl State {
    /// Its name, as it is stored.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Waiting { .. } => "waiting",
            Self::Sent { .. } => "sent",
            Self::Failed { .. } => "failed",
            Self::Dead { .. } => "dead",
        }
    }

    /// Is there nothing left to do?
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Sent { .. } | Self::Failed { .. } | Self::Dead { .. } => true,
            Self::Sending | Self::Waiting { .. } => false,
        }
    }
}

impl<O: Outside, W: Wire> Effects<O, W> {
    /// What became of an event's messages: one for each target at which an attempt was begun.
    ///
    /// # Errors
    /// No answer. What cannot be read is named in the log.
    pub async fn deliveries(&self, event: &str) -> Result<Vec<Delivery>, Unclear> {
        let mut found = Vec::new();
        let mut each = |message: Message| match read(&message) {
            Ok(delivery) => found.push(delivery),
            Err(error) => tracing::warn!(%error, "a delivery cannot be read"),
        };
        let filter = of_event(O::FUNCTION, event);
        self.wire.read(&bucket(), &filter, 1, true, &mut each).await?;
        Ok(found)
    }

    /// The delivery of a message with its revision; 0 if no attempt was begun.
    pub(super) async fn delivery(&self, place: &Place) -> Result<(u64, Option<Delivery>), Unclear> {
        let found = self.wire.last(&bucket(), &place.delivery()).await?;
        let Some(message) = found else { return Ok((0, None)) };
        if message.deleted {
            return Ok((message.sequence, None));
        }
        Ok((message.sequence, Some(read(&message)?)))
    }

    /// Writes a delivery if it still has that revision; the new one, or nothing if it moved on.
    pub(super) async fn write(
        &self,
        place: &Place,
        delivery: &Delivery,
        revision: u64,
    ) -> Result<Option<u64>, Unclear> {
        let value = serde_json::to_vec(delivery).expect("it has only string keys");
        let message = publish::Outgoing::new(place.delivery(), value.into());
        Ok(match self.wire.put(message, revision).await? {
            publish::Published::Stored(revision) => Some(revision),
            publish::Published::Occupied => None,
        })
    }
}

pub(super) fn read(message: &Message) -> Result<Delivery, Unclear> {
    let read = serde_json::from_slice(&message.payload);
    read.map_err(|error| Unclear::new(&message.subject, format!("cannot be read: {error}")))
}

pub(super) fn bucket() -> String {
    format!("KV_{EFFECTS}")
}
