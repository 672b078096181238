//! One attempt at a message: recorded before, sent, recorded after.

use super::accept::Outboxed;
use super::delivery::{Delivery, State};
use super::metrics::Outcome;
use super::target::Place;
use super::{Answer, Attempt, Effects, Outside, now};
use crate::wire::{Message, Unclear, Wire};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use messaging::streams::OUTBOX;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Before something that failed here, and not at the target, is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// Before a target is looked at again that could not be asked.
const AWAY: Duration = Duration::from_secs(30);
/// Before a message that this version cannot read is looked at again.
const UNREADABLE: Duration = Duration::from_secs(60);

/// What is to be done with a message after it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing any more.
    Done {
        /// Was it taken just now?
        sent: bool,
    },
    /// The same again.
    Later {
        wait: Duration,
        /// Did the target refuse just now?
        refused: bool,
        /// What the next look has to know.
        seen: Seen,
    },
}

/// What is known of a message before it is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing: this process has not looked at it yet.
    #[default]
    Never,
    /// It was looked at.
    Before,
    /// An attempt was under way at this revision, longer ago than an attempt may take.
    UnderWay(u64),
}

impl Turn {
    pub(super) fn later(wait: Duration) -> Self {
        Self::Later { wait, refused: false, seen: Seen::Before }
    }
}

fn wait_for(delivery: &mut Delivery, why: String, wait: Duration) -> Duration {
    let due = TimeDelta::from_std(wait).ok().and_then(|wait| delivery.at.checked_add_signed(wait));
    delivery.state = State::Waiting { why, due: due.unwrap_or(DateTime::<Utc>::MAX_UTC) };
    wait
}

impl<O: Outside, W: Wire> Effects<O, W> {
    /// Looks at a message of the outbox, and sends it if it is due.
    pub(super) async fn turn(&self, sequence: u64, seen: Seen) -> Result<Turn, Unclear> {
        let found = match self.found(sequence).await? {
            Ok(found) => found,
            Err(turn) => return Ok(turn),
        };
        let Some(place) = Place::of_subject(&found.subject) else {
            tracing::error!(
                sequence,
                subject = found.subject,
                "no message of a function; passed over"
            );
            return Ok(Turn::Done { sent: false });
        };
        let message: Outboxed<O::Message> = match serde_json::from_slice(&found.payload) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(sequence, subject = found.subject, %error, "a message cannot be read");
                return Ok(Turn::later(UNREADABLE));
            }
        };
        let new = || Delivery {
            cause: message.cause.clone(),
            lane: place.lane(),
            key: place.idempotency_key(),
            attempts: 0,
            before: 0,
            unknown: 0,
            state: State::Waiting { why: String::new(), due: DateTime::UNIX_EPOCH },
            at: DateTime::UNIX_EPOCH,
        };
        // Most messages are new. Their first record is written without reading before; if there is a delivery already,
        // the server refuses the write.
        if seen == Seen::Never
            && message.again.is_none()
            && let Some(begun) = self.begin(&place, new(), 0).await?
        {
            return self.go_on(&place, &message.message, begun).await;
        }
        let (revision, before) = self.delivery(&place).await?;
        let mut delivery = before.unwrap_or_else(new);
        let is_again = message.again == Some(revision);
        match &delivery.state {
            _ if is_again => delivery.before = delivery.attempts,
            State::Waiting { due, .. } => {
                if let Ok(wait) = (*due - now()).to_std()
                    && !wait.is_zero()
                {
                    return Ok(Turn::later(wait));
                }
            }
            State::Sending if seen == Seen::UnderWay(revision) => {
                // The process that began it has ended: it counts as any other attempt does.
                let why = "no answer was recorded".to_owned();
                return self.answered(&place, delivery, revision, Answer::Unknown { why }).await;
            }
            State::Sending => {
                let seen = Seen::UnderWay(revision);
                return Ok(Turn::Later { wait: self.settings.send_max, refused: false, seen });
            }
            State::Sent { .. } | State::Failed { .. } | State::Dead { .. } => {
                self.tell(&delivery).await?;
                return Ok(Turn::Done { sent: false });
            }
        }
        match self.begin(&place, delivery, revision).await? {
            Some(begun) => self.go_on(&place, &message.message, begun).await,
            None => Ok(Turn::later(AGAIN)),
        }
    }

    /// The message with this sequence, or what to do where there is none.
    async fn found(&self, sequence: u64) -> Result<Result<Message, Turn>, Unclear> {
        if let Some(found) = self.wire.at(OUTBOX, sequence).await? {
            return Ok(Ok(found));
        }
        // A new leader may not have read all that it has: one that has got so far is asked once more.
        if self.wire.end(OUTBOX).await?.last < sequence {
            return Ok(Err(Turn::later(AGAIN)));
        }
        Ok(self.wire.at(OUTBOX, sequence).await?.ok_or_else(|| {
            tracing::info!(sequence, "a message was deleted from the outbox before it was sent");
            Turn::Done { sent: false }
        }))
    }

    /// Records that an attempt begins; with the new revision. Who is not the first to write this does not send.
    async fn begin(
        &self,
        place: &Place,
        mut delivery: Delivery,
        revision: u64,
    ) -> Result<Option<(Delivery, u64)>, Unclear> {
        delivery.attempts += 1;
        (delivery.state, delivery.at) = (State::Sending, now());
        let revision = self.write(place, &delivery, revision).await?;
        Ok(revision.map(|revision| (delivery, revision)))
    }

    async fn go_on(
        &self,
        place: &Place,
        message: &O::Message,
        (delivery, revision): (Delivery, u64),
    ) -> Result<Turn, Unclear> {
        let answer = self.send(message, &delivery).await;
        self.answered(place, delivery, revision, answer).await
    }

    async fn send(&self, message: &O::Message, delivery: &Delivery) -> Answer {
        let attempt = Attempt {
            key: delivery.key.clone(),
            number: delivery.attempts,
            unknown: 0 < delivery.unknown,
        };
        let send_max = self.settings.send_max;
        // Also one that panics before it gives a future.
        let sent = async { self.outside.send(&delivery.lane, message, &attempt).await };
        let why = match timeout(send_max, AssertUnwindSafe(sent).catch_unwind()).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(_)) => "the function panicked; see its log".to_owned(),
            Err(_) => format!("no answer within {send_max:?}"),
        };
        Answer::Unknown { why }
    }

    /// Records an answer, however long that takes: what was sent must not be sent again.
    async fn answered(
        &self,
        place: &Place,
        mut delivery: Delivery,
        mut revision: u64,
        answer: Answer,
    ) -> Result<Turn, Unclear> {
        let sent = matches!(answer, Answer::Sent { .. });
        self.metrics.count(&answer);
        let wait = self.conclude(&mut delivery, answer);
        if matches!(delivery.state, State::Dead { .. }) {
            self.metrics.outcomes.add(Outcome::Dead);
        }
        let standing = loop {
            match self.write(place, &delivery, revision).await {
                Ok(Some(_)) => break delivery,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "an answer is not recorded yet");
                    sleep(AGAIN).await;
                }
            }
            // It may be recorded all the same, or another replica goes on from where it thought we ended.
            let Ok((now, standing)) = self.delivery(place).await else {
                sleep(AGAIN).await;
                continue;
            };
            if now == revision {
                continue;
            }
            revision = now;
            let Some(standing) = standing else { continue };
            if standing == delivery {
                break standing;
            }
            match standing.state {
                State::Sent { .. } => break standing,
                // What was taken must not be called failed.
                State::Failed { .. } | State::Dead { .. } if !sent => break standing,
                State::Sending | State::Waiting { .. } if wait.is_some() => {
                    return Ok(Turn::later(AGAIN));
                }
                _ => {}
            }
            let Delivery { attempts, before, unknown, .. } = standing;
            delivery = Delivery { attempts, before, unknown, ..delivery };
        };
        if standing.state.is_final() {
            self.tell(&standing).await?;
            return Ok(Turn::Done { sent });
        }
        Ok(Turn::Later { wait: wait.unwrap_or(AGAIN), refused: true, seen: Seen::Before })
    }

    /// What an answer makes of a delivery, and how long to wait if there is to be another attempt.
    fn conclude(&self, delivery: &mut Delivery, answer: Answer) -> Option<Duration> {
        delivery.at = now();
        let (why, after) = match answer {
            Answer::Sent { answer } => {
                delivery.state = State::Sent { answer };
                return None;
            }
            Answer::Never { why } => {
                delivery.state = State::Failed { why };
                return None;
            }
            Answer::Again { why, after } => (why, after),
            Answer::Away { why, after } => {
                delivery.before += 1;
                return Some(wait_for(delivery, why, after.unwrap_or(AWAY)));
            }
            Answer::Unknown { why } => {
                delivery.unknown += 1;
                (format!("{why}: whether it arrived is unknown"), None)
            }
        };
        let attempts = delivery.attempts.saturating_sub(delivery.before);
        let Some(wait) = self.outside.wait(attempts, after) else {
            delivery.state = State::Dead { why };
            return None;
        };
        Some(wait_for(delivery, why, wait))
    }

    /// Publishes the event of a finished delivery. It may be called again for the same delivery: the server refuses a
    /// second event on the same subject, so no record is needed that the first one was published.
    pub(super) async fn tell(&self, delivery: &Delivery) -> Result<(), Unclear> {
        if let Some(event) = self.outside.told(delivery) {
            // Occupied: it is there.
            self.wire.put(event, 0).await?;
        }
        Ok(())
    }
}
