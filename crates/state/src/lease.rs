//! Which of several replicas does something: a key of a bucket that one of them keeps writing.
//!
//! It saves work, and what is done may not depend on it: a replica that has lost it may not know that yet. No
//! clocks are compared: a lease is over when a replica that waits for it has not seen it change for a while. Its owner
//! writes it three times as often.

use crate::wire::{Unclear, Wire};
use messaging::publish::{Outgoing, Published};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long giving it back may take.
const RELEASE_MAX: Duration = Duration::from_secs(2);

/// What is written. Every write changes the revision, which is the sign of life.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Record<P> {
    /// The owner; none after it was given back.
    owner: Option<String>,
    /// What its owners leave to those after them.
    #[serde(default)]
    position: P,
}

/// One replica's view of a lease, which keeps a `P` for the next owner.
#[derive(Debug)]
pub struct Lease<W, P> {
    wire: W,
    stream: String,
    subject: String,
    owner: String,
    silent: Duration,
    /// The revision that this replica wrote last, while it is the owner.
    held: Option<u64>,
    /// The revision of another owner, and since when it has not changed.
    seen: Option<(u64, Instant)>,
    kept: std::marker::PhantomData<fn() -> P>,
}

impl<W: Wire, P: Serialize + DeserializeOwned + Clone + Default + Sync> Lease<W, P> {
    /// The lease `key` of a bucket; nothing is written yet. Unchanged for as long as `silent` says it is free.
    #[must_use]
    pub fn new(wire: W, bucket: &str, key: &str, silent: Duration) -> Self {
        let owner = wire.unique();
        let (stream, subject) = (format!("KV_{bucket}"), format!("$KV.{bucket}.{key}"));
        let kept = std::marker::PhantomData;
        Self { wire, stream, subject, owner, silent, held: None, seen: None, kept }
    }

    /// Is it this replica's, as far as it knows?
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// How long to wait before the next [`Lease::step`].
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.silent / if self.is_held() { 3 } else { 7 }
    }

    /// Renews the lease and writes `position`, or tries to get it. If it is ours: what is kept now.
    ///
    /// # Errors
    /// No answer. The owner may go on: no other replica can get the lease without the server.
    pub async fn step(&mut self, position: &P) -> Result<Option<P>, Unclear> {
        if let Some(revision) = self.held {
            if self.write(position.clone(), revision).await? {
                return Ok(Some(position.clone()));
            }
            self.held = None;
        }
        let (revision, record) = self.read().await?;
        let free = match &record.owner {
            None => true,
            // Written by us without an answer.
            Some(owner) if *owner == self.owner => true,
            Some(_) => self.is_silent(revision),
        };
        let ours = free && self.write(record.position.clone(), revision).await?;
        Ok(ours.then_some(record.position))
    }

    /// What is written, and its revision.
    async fn read(&self) -> Result<(u64, Record<P>), Unclear> {
        let found = self.wire.last(&self.stream, &self.subject).await?;
        let revision = found.as_ref().map_or(0, |message| message.sequence);
        // A lease that was deleted, or cannot be read, has no owner.
        let record = found.and_then(|message| serde_json::from_slice(&message.payload).ok());
        Ok((revision, record.unwrap_or_default()))
    }

    async fn write(&mut self, position: P, revision: u64) -> Result<bool, Unclear> {
        let record = Record { owner: Some(self.owner.clone()), position };
        self.held = self.put(&record, revision).await?;
        Ok(self.held.is_some())
    }

    async fn put(&self, record: &Record<P>, revision: u64) -> Result<Option<u64>, Unclear> {
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

    /// Gives it back, so that another one goes on at once. A [`Lease::step`] may have been cut off before.
    pub async fn release(self, position: P) {
        let Some(revision) = self.held else { return };
        let released = self.give_back(position, revision);
        if !matches!(timeout(RELEASE_MAX, released).await, Ok(Ok(true))) {
            tracing::debug!(key = self.subject, "the lease was not given back; it ends by itself");
        }
    }

    async fn give_back(&self, position: P, revision: u64) -> Result<bool, Unclear> {
        let nobody = Record { owner: None, position };
        if self.put(&nobody, revision).await?.is_some() {
            return Ok(true);
        }
        // A renewal whose answer was not waited for is ours as well.
        let (revision, record) = self.read().await?;
        let is_ours = record.owner.as_ref() == Some(&self.owner);
        Ok(is_ours && self.put(&nobody, revision).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messaging::{Nats, streams};
    use testkit::nats::Server;

    const SILENT: Duration = Duration::from_secs(7);

    async fn world() -> (Server, [Lease<Nats, u64>; 2]) {
        let server = Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        streams::setup(&nats, streams::Settings::default()).await;
        let lease = |_| Lease::new(nats.clone(), streams::CONNECTOR_LEASES, "lane", SILENT);
        (server, [0, 1].map(lease))
    }

    #[tokio::test]
    async fn one_has_it_and_another_gets_it_with_what_is_kept_when_it_is_given_back() {
        let (_server, [mut a, mut b]) = world().await;
        assert_eq!(a.step(&7).await.unwrap(), Some(0));
        assert_eq!(b.step(&0).await.unwrap(), None);
        assert_eq!(a.step(&8).await.unwrap(), Some(8), "renewed");
        assert_eq!(b.step(&0).await.unwrap(), None);
        a.release(9).await;
        assert_eq!(b.step(&0).await.unwrap(), Some(9));
    }

    #[tokio::test]
    async fn a_silent_owner_loses_it_and_notices() {
        let (_server, [mut a, mut b]) = world().await;
        assert!(a.step(&0).await.unwrap().is_some());
        assert!(b.step(&0).await.unwrap().is_none());
        let (revision, since) = b.seen.unwrap();
        b.seen = Some((revision, since.checked_sub(SILENT).unwrap()));
        assert!(b.step(&0).await.unwrap().is_some());
        assert!(a.step(&0).await.unwrap().is_none());
        assert!(!a.is_held());
    }

    #[tokio::test]
    async fn a_write_without_an_answer_is_recognised() {
        let (_server, [mut lease, _]) = world().await;
        assert!(lease.step(&0).await.unwrap().is_some());
        lease.held = lease.held.map(|revision| revision - 1);
        assert!(lease.step(&0).await.unwrap().is_some(), "an older revision was remembered");
        lease.held = None;
        assert!(lease.step(&0).await.unwrap().is_some(), "none was");
    }

    #[tokio::test]
    async fn it_is_given_back_also_after_a_renewal_that_was_cut_off() {
        let (_server, [mut a, mut b]) = world().await;
        assert!(a.step(&0).await.unwrap().is_some());
        let before = a.held;
        assert!(a.step(&0).await.unwrap().is_some());
        a.held = before;
        a.release(7).await;
        assert_eq!(b.step(&0).await.unwrap(), Some(7));
    }

    #[tokio::test]
    async fn one_that_is_lost_is_not_given_away() {
        let (_server, [mut a, mut b]) = world().await;
        assert!(a.step(&0).await.unwrap().is_some());
        assert!(b.step(&0).await.unwrap().is_none());
        let (revision, since) = b.seen.unwrap();
        b.seen = Some((revision, since.checked_sub(SILENT).unwrap()));
        assert!(b.step(&0).await.unwrap().is_some());
        a.release(7).await;
        assert_eq!(b.step(&8).await.unwrap(), Some(8));
    }

    #[tokio::test]
    async fn a_lease_of_the_last_release_is_read() {
        let (_server, [mut a, _]) = world().await;
        let write = |text: &'static str| Outgoing::new(a.subject.clone(), text.into());
        let put = a.wire.put(write(r#"{"owner":"another"}"#), 0).await.unwrap();
        assert!(matches!(put, Published::Stored(_)));
        assert_eq!(a.step(&0).await.unwrap(), None);
        let record = r#"{"owner":null}"#;
        let Published::Stored(first) = put else { unreachable!() };
        let message = Outgoing::new(a.subject.clone(), record.into());
        a.wire.put(message, first).await.unwrap();
        assert_eq!(a.step(&0).await.unwrap(), Some(0));
    }
}
