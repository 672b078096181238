//! Holds a file for this process: the lease lasts exactly as long as the work.

use crate::failure::Failure;
use crate::publish::Progress;
use crate::threads::now;
use futures_util::FutureExt as _;
use intake::ledger::{self, Held, Ledger, Record, State};
use std::panic::AssertUnwindSafe;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often a lease is renewed during its length.
const RENEWALS: u32 = 4;

/// A file held by this process.
pub(crate) struct Holding<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) owner: &'a str,
    pub(crate) held: &'a Mutex<Held>,
    /// The progress that is written with each renewal.
    pub(crate) progress: &'a Progress,
}

impl Holding<'_> {
    /// Does the work while the lease is renewed. Work that fails, panics or has lost its lease ends;
    /// the lease is then released if it is still ours.
    pub(crate) async fn while_doing<T>(
        &self,
        lease: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        // In one task with the work: a lease must not outlive it.
        let work = AssertUnwindSafe(work).catch_unwind();
        let done = tokio::select! {
            done = work => done.unwrap_or(Err(Failure::Panicked)),
            lost = self.renew(lease / RENEWALS) => Err(lost),
        };
        if done.is_err() {
            let step = |record: &Record| {
                let record = record.release(self.owner, now())?;
                Ok(self.with_progress(record))
            };
            let mut held = self.held.lock().await;
            if let Err(error) = self.ledger.write(&mut held, step).await {
                tracing::debug!(%error, "the lease was not given back");
            }
        }
        done
    }

    /// Renews the lease until another process has taken over the file.
    async fn renew(&self, every: Duration) -> Failure {
        loop {
            tokio::time::sleep(every).await;
            let mut held = self.held.lock().await;
            let step = |record: &Record| {
                let record = record.renew(self.owner, now())?;
                Ok(self.with_progress(record))
            };
            match self.ledger.write(&mut held, step).await {
                Ok(()) => {}
                Err(lost @ (ledger::Error::Overtaken(_) | ledger::Error::Step(_))) => {
                    return lost.into();
                }
                // The lease may still be ours; the next renewal will show.
                Err(error) => tracing::warn!(%error, "the lease was not renewed"),
            }
        }
    }

    fn with_progress(&self, record: Record) -> Record {
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match (record.state, progress) {
            (State::Transformed, Some(sending)) => Record { sending: Some(sending), ..record },
            _ => record,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::PartnerId;
    use intake::ledger::Claimed;
    use messaging::{Nats, streams};

    const LEASE: Duration = Duration::from_secs(600);

    async fn claimed(server: &testkit::nats::Server) -> (Ledger, Mutex<Held>, PartnerId) {
        let nats = Nats::connect(&server.url(), "test", false).await.unwrap();
        for step in streams::setup(&nats, streams::Settings::default()).await {
            step.outcome.unwrap();
        }
        let (ledger, us1) = (Ledger::new(&nats), PartnerId::parse("US1").unwrap());
        let ledger = ledger.with_lease(chrono::TimeDelta::from_std(LEASE).unwrap());
        let record = Record::new("a".into(), us1.clone(), "a.csv".into(), 1, 1, now());
        ledger.arrive(record).await.unwrap();
        match ledger.claim(&us1, "a", "one", now()).await.unwrap() {
            Claimed::Yes(held) => (ledger, Mutex::new(held), us1),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_lease_does_not_outlive_work_that_panics() {
        let server = testkit::nats::Server::start();
        let (ledger, held, us1) = claimed(&server).await;
        let progress = Progress::default();
        let holding = Holding { ledger: &ledger, owner: "one", held: &held, progress: &progress };
        let work = async {
            tokio::task::yield_now().await;
            panic!("planted")
        };
        let done = holding.while_doing::<()>(LEASE, work).await;
        assert!(matches!(done, Err(Failure::Panicked)), "{done:?}");
        let next = ledger.claim(&us1, "a", "two", now()).await.unwrap();
        assert!(matches!(next, Claimed::Yes(_)), "{next:?}");
    }

    #[tokio::test]
    async fn work_whose_file_another_process_took_over_ends() {
        let server = testkit::nats::Server::start();
        let (ledger, held, us1) = claimed(&server).await;
        let progress = Progress::default();
        let holding = Holding { ledger: &ledger, owner: "one", held: &held, progress: &progress };
        let late = now() + chrono::TimeDelta::seconds(700);
        let next = ledger.claim(&us1, "a", "two", late).await.unwrap();
        assert!(matches!(next, Claimed::Yes(_)), "{next:?}");
        let done =
            holding.while_doing::<()>(Duration::from_millis(40), std::future::pending()).await;
        let overtaken = Err::<(), _>(Failure::Ledger(ledger::Error::Overtaken("a".into())));
        assert_eq!(format!("{done:?}"), format!("{overtaken:?}"));
        let record = ledger.get(&us1, "a").await.unwrap().unwrap();
        assert_eq!(
            record.claim.unwrap().owner,
            "two",
            "the lease of the other process was not released"
        );
    }
}
