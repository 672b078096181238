//! Which of several connectors reads a lane: a key per lane that one of them keeps writing.
//!
//! It saves work and nothing depends on it: a lane that two connectors read is decided once all the
//! same. So a connector that cannot use the bucket reads without a lease rather than not at all.
//! No clocks are compared: a lease is over when whoever waits for it has not seen it change for
//! [`SILENT`].

use messaging::Nats;
use messaging::kv::{self, Bucket};
use messaging::streams::CONNECTOR_LEASES;
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::stop::Stop;

/// How often it is written by whoever has it.
const RENEW: Duration = Duration::from_millis(2_500);
/// How often it is looked at by others.
const LOOK: Duration = Duration::from_secs(1);
/// Unchanged for so long it is free.
const SILENT: Duration = Duration::from_secs(7);
/// Failures in a row, while NATS is connected, before the lane is read without one.
const FAILURES_MAX: u32 = 3;
/// How long giving it back may take.
const RELEASE_MAX: Duration = Duration::from_secs(1);

/// What is written. Every write changes the revision, which is the sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Whose it is; nobody's after it was given back.
    owner: Option<String>,
}

/// One connector's view of one lease.
pub(crate) struct Lease {
    nats: Nats,
    key: String,
    owner: String,
    bucket: Option<Bucket<Record>>,
    /// The revision that this connector wrote last, while it is the owner.
    held: Option<u64>,
    /// The revision of another owner, and since when it has not changed.
    seen: Option<(u64, Instant)>,
    failures: u32,
}

impl Lease {
    /// The lease `key`; nothing is written yet.
    pub(crate) fn new(nats: Nats, key: String) -> Self {
        let owner = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        Self { nats, key, owner, bucket: None, held: None, seen: None, failures: 0 }
    }

    /// Tells `mine` whether the lane may be read, until `stop`; then gives the lease back.
    pub(crate) async fn keep(mut self, mine: watch::Sender<bool>, stop: Stop) {
        while !stop.is_requested() {
            let before = *mine.borrow();
            let now = match self.step().await {
                Ok(now) => {
                    self.failures = 0;
                    now
                }
                Err(error) => self.failed(&error, before).await,
            };
            if mine.send_replace(now) != now {
                tracing::info!(key = self.key, now, "lease of a lane");
            }
            // When it is cut short the loop ends.
            stop.or(sleep(if now { RENEW } else { LOOK })).await;
        }
        if let (Some(bucket), Some(revision)) = (&self.bucket, self.held) {
            let nobody = Record { owner: None };
            let released = bucket.update(&self.key, &nobody, revision);
            if !matches!(timeout(RELEASE_MAX, released).await, Ok(Ok(_))) {
                tracing::debug!(key = self.key, "the lease was not given back; it ends by itself");
            }
        }
    }

    /// Renews the lease, or tries to get it: is it ours now?
    async fn step(&mut self) -> Result<bool, kv::Error> {
        let bucket = match self.bucket.take() {
            Some(bucket) => bucket,
            None => Bucket::open(&self.nats, CONNECTOR_LEASES).await?,
        };
        let bucket = self.bucket.insert(bucket).clone();
        if let Some(revision) = self.held {
            let renewed = self.write(&bucket, revision).await?;
            if renewed {
                return Ok(true);
            }
            self.held = None;
        }
        let Some((record, revision)) = bucket.get(&self.key).await? else {
            let mine = Record { owner: Some(self.owner.clone()) };
            self.held = bucket.create(&self.key, &mine).await?;
            return Ok(self.held.is_some());
        };
        let is_free = match &record.owner {
            // Given back, or written by us without an answer.
            None => true,
            Some(owner) if *owner == self.owner => true,
            Some(_) => self.is_silent(revision),
        };
        if is_free { self.write(&bucket, revision).await } else { Ok(false) }
    }

    async fn write(&mut self, bucket: &Bucket<Record>, revision: u64) -> Result<bool, kv::Error> {
        let mine = Record { owner: Some(self.owner.clone()) };
        self.held = bucket.update(&self.key, &mine, revision).await?;
        Ok(self.held.is_some())
    }

    /// Has another's lease not changed for long enough?
    fn is_silent(&mut self, revision: u64) -> bool {
        match self.seen {
            Some((seen, since)) if seen == revision => SILENT <= since.elapsed(),
            _ => {
                self.seen = Some((revision, Instant::now()));
                false
            }
        }
    }

    /// The bucket did not do what it was asked: may the lane be read all the same?
    async fn failed(&mut self, error: &kv::Error, now: bool) -> bool {
        if now || self.nats.ready().await.is_err() {
            // Whoever reads goes on; without NATS there is nothing to read.
            return now;
        }
        self.failures += 1;
        if self.failures < FAILURES_MAX {
            return false;
        }
        tracing::warn!(key = self.key, %error, "reading the lane without a lease");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop;
    use messaging::streams;

    async fn world() -> (testkit::nats::Server, Nats) {
        let server = testkit::nats::Server::start();
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        streams::setup(&nats, streams::Settings::default()).await;
        (server, nats)
    }

    #[tokio::test]
    async fn one_has_it_and_another_gets_it_when_it_is_given_back() {
        let (_server, nats) = world().await;
        let [mut a, mut b] = [0, 1].map(|_| Lease::new(nats.clone(), "lane".into()));
        assert!(a.step().await.unwrap());
        assert!(!b.step().await.unwrap());
        assert!(a.step().await.unwrap(), "renewed");
        assert!(!b.step().await.unwrap());
        let (mine, mut is_mine) = watch::channel(false);
        let (stopper, stop) = stop::channel();
        let keeping = tokio::spawn(a.keep(mine, stop));
        is_mine.wait_for(|mine| *mine).await.unwrap();
        stopper.stop();
        keeping.await.unwrap();
        assert!(b.step().await.unwrap());
    }

    #[tokio::test]
    async fn a_silent_owner_loses_it_and_notices() {
        let (_server, nats) = world().await;
        let [mut a, mut b] = [0, 1].map(|_| Lease::new(nats.clone(), "lane".into()));
        assert!(a.step().await.unwrap());
        assert!(!b.step().await.unwrap());
        let (revision, since) = b.seen.unwrap();
        b.seen = Some((revision, since.checked_sub(SILENT).unwrap()));
        assert!(b.step().await.unwrap());
        assert!(!a.step().await.unwrap());
        assert_eq!(a.held, None);
    }

    #[tokio::test]
    async fn a_write_without_an_answer_is_recognised() {
        let (_server, nats) = world().await;
        let mut lease = Lease::new(nats, "lane".into());
        assert!(lease.step().await.unwrap());
        lease.held = lease.held.map(|revision| revision - 1);
        assert!(lease.step().await.unwrap(), "an older revision was remembered");
        lease.held = None;
        assert!(lease.step().await.unwrap(), "none was");
    }

    #[tokio::test]
    async fn without_a_bucket_the_lane_is_read_all_the_same() {
        let (_server, nats) = world().await;
        nats.js.delete_stream("KV_CONNECTOR_LEASES").await.unwrap();
        let (mine, mut is_mine) = watch::channel(false);
        let (stopper, stop) = stop::channel();
        let keeping = tokio::spawn(Lease::new(nats, "lane".into()).keep(mine, stop));
        is_mine.wait_for(|mine| *mine).await.unwrap();
        stopper.stop();
        keeping.await.unwrap();
    }
}
