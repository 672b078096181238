//! Decides which of several connectors reads a lane.
//!
//! Correctness does not depend on it: a lane that two connectors read is still decided once. So a
//! connector that cannot use the bucket reads without a lease rather than not at all.

use messaging::Nats;
use messaging::streams::CONNECTOR_LEASES;
use state::lease;
use state::wire::Unclear;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::stop::Stop;

/// A lease that did not change for this long is free.
const SILENT: Duration = Duration::from_secs(7);
/// Failures in a row, while NATS is connected, before the lane is read without a lease.
const FAILURES_MAX: u32 = 3;

/// One connector's view of one lease.
pub(crate) struct Lease {
    nats: Nats,
    key: String,
    lease: lease::Lease<Nats, ()>,
    failures: u32,
}

impl Lease {
    /// The lease `key`. Writes nothing yet.
    pub(crate) fn new(nats: Nats, key: String) -> Self {
        let lease = lease::Lease::new(nats.clone(), CONNECTOR_LEASES, &key, SILENT);
        Self { nats, key, lease, failures: 0 }
    }

    /// Sends to `mine` whether this connector may read the lane, until `stop`; then releases the lease.
    pub(crate) async fn keep(mut self, mine: watch::Sender<bool>, stop: Stop) {
        while !stop.is_requested() {
            let before = *mine.borrow();
            let now = match self.lease.step(&()).await {
                Ok(now) => {
                    self.failures = 0;
                    now.is_some()
                }
                Err(error) => self.failed(&error, before).await,
            };
            if mine.send_replace(now) != now {
                tracing::info!(key = self.key, now, "lease of a lane");
            }
            // If `stop` cuts the pause short, the loop ends.
            stop.or(sleep(self.lease.pause())).await;
        }
        self.lease.release(()).await;
    }

    /// The bucket failed. Returns whether the lane may be read anyway.
    async fn failed(&mut self, error: &Unclear, now: bool) -> bool {
        if now || self.nats.ready().await.is_err() {
            // A connector that reads goes on; without NATS there is nothing to read.
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
    async fn one_has_it_and_gives_it_back_when_it_stops() {
        let (_server, nats) = world().await;
        let [a, mut b] = [0, 1].map(|_| Lease::new(nats.clone(), "lane".into()));
        let (mine, mut is_mine) = watch::channel(false);
        let (stopper, stop) = stop::channel();
        let keeping = tokio::spawn(a.keep(mine, stop));
        is_mine.wait_for(|mine| *mine).await.unwrap();
        assert_eq!(b.lease.step(&()).await.unwrap(), None);
        stopper.stop();
        keeping.await.unwrap();
        assert_eq!(b.lease.step(&()).await.unwrap(), Some(()));
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
