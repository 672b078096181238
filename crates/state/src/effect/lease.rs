//! Which replica sends: a key of the bucket that one of them keeps writing.
//!
//! It saves work; that nothing is sent twice does not depend on it. No clocks are compared: a lease is over
//! when whoever waits for it has not seen it change for as
//! long as [`super::Settings::lease`] says. Its owner writes it three times as often.

use super::delivery::bucket;
use crate::wire::{Unclear, Wire};
use messaging::publish::{Outgoing, Published};
use messaging::streams::EFFECTS;
use messaging::subject::token;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How long giving it back may take.
const RELEASE_MAX: Duration = Duration::from_secs(2);

/// Up to where the outbox is done with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Of which stream, as [`crate::wire::End`] says.
    pub(super) made: String,
    pub(super) sequence: u64,
}

/// What is written. Every write changes the revision, which is the sign of life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Whose it is; nobody's after it was given back.
    owner: Option<String>,
    position: Position,
}

/// One replica's view of the lease.
#[derive(Debug)]
pub(super) struct Lease<W> {
    wire: W,
    subject: String,
    owner: String,
    silent: Duration,
    /// The revision that this replica wrote last, while it is the owner.
    held: Option<u64>,
    /// The revision of another owner, and since when it has not changed.
    seen: Option<(u64, Instant)>,
}

impl<W: Wire> Lease<W> {
    /// That of a function; nothing is written yet.
    pub(super) fn new(wire: W, function: &str, silent: Duration) -> Self {
        let subject = format!("$KV.{EFFECTS}.{}.lease", token(function));
        let owner = wire.unique();
        Self { wire, subject, owner, silent, held: None, seen: None }
    }

    /// Tells `mine` from which position the outbox is this replica's, and writes what `position` says, for
    /// ever. [`Lease::release`] ends it.
    pub(super) async fn keep(
        &mut self,
        mine: &watch::Sender<Option<Position>>,
        position: &watch::Receiver<Position>,
    ) {
        loop {
            let had = self.held.is_some();
            let now = position.borrow().clone();
            match self.step(&now).await {
                Ok(Some(from)) if !had => {
                    tracing::info!(sequence = from.sequence, key = self.subject, "lease taken");
                    mine.send_replace(Some(from));
                }
                Ok(Some(_)) => {}
                Ok(None) if had => {
                    tracing::info!(key = self.subject, "lease lost");
                    mine.send_replace(None);
                }
                Ok(None) => {}
                Err(error) => {
                    // Whoever has it goes on: without the server nothing is sent anyway. One that another
                    // replica has taken is lost, also if nothing more was heard.
                    tracing::debug!(%error, "the lease is not written");
                    if had && self.held.is_none() {
                        mine.send_replace(None);
                    }
                }
            }
            sleep(self.silent / if self.held.is_some() { 3 } else { 7 }).await;
        }
    }

    /// Renews the lease, or tries to get it. If it is ours, up to where the outbox is done with.
    async fn step(&mut self, position: &Position) -> Result<Option<Position>, Unclear> {
        if let Some(revision) = self.held {
            if self.write(position.clone(), revision).await? {
                return Ok(Some(position.clone()));
            }
            self.held = None;
        }
        let found = self.wire.last(&bucket(), &self.subject).await?;
        let revision = found.as_ref().map_or(0, |message| message.sequence);
        // What cannot be read is nobody's, and all of the outbox is looked at again.
        let record: Record = found
            .and_then(|message| serde_json::from_slice(&message.payload).ok())
            .unwrap_or_default();
        let free = match &record.owner {
            None => true,
            // Written by us without an answer.
            Some(owner) if *owner == self.owner => true,
            Some(_) => self.is_silent(revision),
        };
        let ours = free && self.write(record.position.clone(), revision).await?;
        Ok(ours.then_some(record.position))
    }

    async fn write(&mut self, position: Position, revision: u64) -> Result<bool, Unclear> {
        let record = Record { owner: Some(self.owner.clone()), position };
        self.held = self.put(&record, revision).await?;
        Ok(self.held.is_some())
    }

    async fn put(&self, record: &Record, revision: u64) -> Result<Option<u64>, Unclear> {
        let value = serde_json::to_vec(record).expect("it has only string keys");
        let message = Outgoing::new(self.subject.clone(), value.into());
        Ok(match self.wire.put(message, revision).await? {
            Published::Stored(revision) => Some(revision),
            Published::Occupied => None,
        })
    }

    /// Has another's lease not changed for long enough?
    fn is_silent(&mut self, revision: u64) -> bool {
        match self.seen {
            Some((seen, since)) if seen == revision => self.silent <= since.elapsed(),
            _ => {
                self.seen = Some((revision, Instant::now()));
                false
            }
        }
    }

    /// Gives it back, so that another one goes on at once.
    pub(super) async fn release(self, position: Position) {
        let Some(revision) = self.held else { return };
        let nobody = Record { owner: None, position };
        let released = self.put(&nobody, revision);
        if !matches!(timeout(RELEASE_MAX, released).await, Ok(Ok(Some(_)))) {
            tracing::debug!(key = self.subject, "the lease was not given back; it ends by itself");
        }
    }
}
