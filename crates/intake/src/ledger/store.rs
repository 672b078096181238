//! The ledger in NATS: every write is a compare-and-set.

use super::record::{Claim, LEASE, Record, Refusal, StepError};
use super::silence::Silence;
use super::state::Outcome;
use chrono::{DateTime, TimeDelta, Utc};
use domain::PartnerId;
use messaging::kv::{self, Bucket};
use messaging::{Nats, streams, subject, tail};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Attempts to write against others before giving up; each lost one means another succeeded.
const ATTEMPTS_MAX: u32 = 20;

/// Why the ledger could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server did not answer, or a value cannot be read. A write may have happened.
    #[error(transparent)]
    Store(#[from] kv::Error),
    /// The step is not allowed.
    #[error(transparent)]
    Step(#[from] StepError),
    /// Another worker wrote in between, so the file is not ours any more.
    #[error("arrival {0} was written by another worker")]
    Overtaken(String),
    /// No record of the arrival.
    #[error("there is no record of arrival {0}")]
    Missing(String),
    /// Others wrote again and again.
    #[error("arrival {0} changed {ATTEMPTS_MAX} times while it was to be claimed")]
    Contended(String),
}

/// Content of a partner that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The arrival that it came with first.
    pub arrival: String,
    /// The name of the file then.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A record that this worker holds.
#[derive(Clone, Debug)]
pub struct Held {
    record: Record,
    revision: u64,
}

impl Held {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }
}

/// What came of a claim.
#[derive(Clone, Debug)]
pub enum Claimed {
    /// The file is ours.
    Yes(Held),
    /// It is not, and why.
    No(Refusal, Record),
    /// Another worker has it; it is worth asking again after this time.
    Wait(Claim, Duration),
}

/// All files of all partners.
#[derive(Clone, Debug)]
pub struct Ledger {
    nats: Nats,
    records: Bucket<Record>,
    contents: Bucket<Content>,
    lease: TimeDelta,
    silence: Silence,
}

impl Ledger {
    /// In the buckets that set-up makes. Until they are there every call fails.
    #[must_use]
    pub fn new(nats: &Nats) -> Self {
        Self {
            nats: nats.clone(),
            records: Bucket::new(nats, streams::FILES_LEDGER),
            contents: Bucket::new(nats, streams::FILES_CONTENT),
            lease: LEASE,
            silence: Silence::default(),
        }
    }

    /// With another lease than [`LEASE`] for the claims of this worker.
    #[must_use]
    pub fn with_lease(self, lease: TimeDelta) -> Self {
        Self { lease, ..self }
    }

    /// A record counts with [`LEASE`]; what is written says this worker's own.
    fn leased(&self, mut record: Record) -> Record {
        if let Some(claim) = &mut record.claim {
            claim.until = record.updated_at + self.lease;
        }
        record
    }

    /// Writes down a file that arrived, unless it is there. Gives what stands there now.
    ///
    /// # Errors
    /// The server does not answer; calling again is safe.
    pub async fn arrive(&self, record: Record) -> Result<Record, Error> {
        let key = key(&record.partner, &record.arrival);
        if self.records.create(&key, &record).await?.is_some() {
            return Ok(record);
        }
        let standing = self.records.get(&key).await?;
        standing.map(|(record, _)| record).ok_or(Error::Missing(record.arrival))
    }

    /// What is known of an arrival.
    ///
    /// # Errors
    /// The server does not answer, or the value cannot be read.
    pub async fn get(&self, partner: &PartnerId, arrival: &str) -> Result<Option<Record>, Error> {
        Ok(self.records.get(&key(partner, arrival)).await?.map(|(record, _)| record))
    }

    /// All records, in no particular order.
    ///
    /// # Errors
    /// The server does not answer, or a value cannot be read.
    pub async fn all(&self) -> Result<Vec<Record>, Error> {
        let all = self.records.all(&self.nats).await?;
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }

    /// Takes the file for `owner`, if it is free. Another worker's file is free when its record has
    /// not moved for its whole lease while this process looked, or when the lease ended long ago.
    ///
    /// # Errors
    /// There is no record, or the server does not answer; calling again is safe.
    pub async fn claim(
        &self,
        partner: &PartnerId,
        arrival: &str,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Claimed, Error> {
        let key = key(partner, arrival);
        for _ in 0..ATTEMPTS_MAX {
            let standing = self.records.get(&key).await?;
            let Some((record, revision)) = standing else {
                return Err(Error::Missing(arrival.to_owned()));
            };
            let claim = record.claim.as_ref().filter(|claim| claim.owner != owner);
            let next = match claim.filter(|_| !record.state.is_final()) {
                None => record.claim(owner, now),
                Some(claim) => match self.silence.left(&key, &record, claim, revision, now) {
                    Some(left) => {
                        return Ok(Claimed::Wait(claim.clone(), left));
                    }
                    None => record.claim(owner, now.max(claim.until)).map(|mut next| {
                        next.updated_at = now;
                        next
                    }),
                },
            };
            let next = match next {
                Ok(next) => self.leased(next),
                Err(refusal) => return Ok(Claimed::No(refusal, record)),
            };
            if let Some(revision) = self.records.update(&key, &next, revision).await? {
                return Ok(Claimed::Yes(Held { record: next, revision }));
            }
        }
        Err(Error::Contended(arrival.to_owned()))
    }

    /// Writes down the next record of a file that this worker holds, as made by `step` from the
    /// present one.
    ///
    /// # Errors
    /// The step is not allowed, another worker took over, or the server does not answer. After an
    /// unclear answer the file has to be claimed again.
    pub async fn write(
        &self,
        held: &mut Held,
        step: impl FnOnce(&Record) -> Result<Record, StepError>,
    ) -> Result<(), Error> {
        let next = self.leased(step(&held.record)?);
        let key = key(&next.partner, &next.arrival);
        match self.records.update(&key, &next, held.revision).await? {
            Some(revision) => {
                *held = Held { record: next, revision };
                Ok(())
            }
            None => Err(Error::Overtaken(next.arrival)),
        }
    }

    /// Writes down what was found out about a file that is done, while others may write too. Gives
    /// the record as it is now; nothing if there is none, the file is not done, or `amend` has
    /// nothing to write.
    ///
    /// # Errors
    /// The server does not answer; calling again is safe.
    pub async fn amend(
        &self,
        partner: &PartnerId,
        arrival: &str,
        amend: impl Fn(&Record) -> Option<Record>,
    ) -> Result<Option<Record>, Error> {
        let key = key(partner, arrival);
        for _ in 0..ATTEMPTS_MAX {
            let Some((record, revision)) = self.records.get(&key).await? else { return Ok(None) };
            let next = Some(&record).filter(|record| record.state.is_final()).and_then(&amend);
            let Some(next) = next else { return Ok(None) };
            if self.records.update(&key, &next, revision).await?.is_some() {
                return Ok(Some(next));
            }
        }
        Err(Error::Contended(arrival.to_owned()))
    }

    /// Calls `each` with every record that was written after sequence `after` of the bucket, or, where
    /// that is nothing, within the last `within`. Gives the sequence to go on after.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn written(
        &self,
        after: Option<u64>,
        within: Duration,
        mut each: impl FnMut(Record),
    ) -> Result<u64, tail::Error> {
        let stream = format!("KV_{}", streams::FILES_LEDGER);
        let filter = format!("$KV.{}.>", streams::FILES_LEDGER);
        let from =
            after.map_or(tail::From::Within(within), |after| tail::From::Sequence(after + 1));
        tail::read_from(&self.nats, &stream, &filter, from, false, |message| {
            // One that cannot be read is reported by the function that works on that file.
            if let Ok(record) = serde_json::from_slice(&message.payload) {
                each(record);
            }
        })
        .await
    }

    /// Remembers that `content` was accepted. Gives what stands there now: `content` itself, or
    /// the arrival with which the same content came earlier. An arrival that was given up after it
    /// was remembered does not count.
    ///
    /// # Errors
    /// The server does not answer; calling again is safe.
    pub async fn remember(
        &self,
        partner: &PartnerId,
        sha256: &str,
        content: Content,
    ) -> Result<Content, Error> {
        let key = key(partner, sha256);
        for _ in 0..ATTEMPTS_MAX {
            if self.contents.create(&key, &content).await?.is_some() {
                return Ok(content);
            }
            let Some((standing, revision)) = self.contents.get(&key).await? else { continue };
            let is_ours = standing.arrival == content.arrival;
            let of = if is_ours { None } else { self.get(partner, &standing.arrival).await? };
            if of.is_none_or(|record| !matches!(record.outcome, Some(Outcome::Refused { .. }))) {
                return Ok(standing);
            }
            if self.contents.update(&key, &content, revision).await?.is_some() {
                return Ok(content);
            }
        }
        Err(Error::Contended(content.arrival))
    }

    /// With which arrival the same content was accepted, if it was.
    ///
    /// # Errors
    /// The server does not answer, or the value cannot be read.
    pub async fn content(
        &self,
        partner: &PartnerId,
        sha256: &str,
    ) -> Result<Option<Content>, Error> {
        Ok(self.contents.get(&key(partner, sha256)).await?.map(|(content, _)| content))
    }
}

fn key(partner: &PartnerId, id: &str) -> String {
    format!("{}.{}", subject::token(partner.as_str()), subject::token(id))
}
