//! Work that may take longer than the call that asked for it.

use crate::failure::Failure;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// When to ask again about work in progress.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Most finished jobs whose result was not collected, perhaps because their message has expired. If
/// such a job is asked for again, it begins again and finds nothing left to do.
const UNTOLD_MAX: usize = 10_000;

/// The result for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Done,
    Later(String, Duration),
    /// Another process or the partner's server is the reason, not the file.
    Wait(String, Duration),
    Never(String),
}

/// The jobs of this process, by key.
///
/// A result is kept until a call has collected it. Otherwise work that takes longer than a call would
/// begin again with every call and never finish.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<HashMap<String, Job>>);

#[derive(Clone, Debug)]
pub(crate) struct Job {
    key: String,
    /// Bytes to read, and bytes read.
    size: u64,
    read: Arc<AtomicU64>,
    done: watch::Receiver<Option<Verdict>>,
}

impl Running {
    /// Begins `work`, unless this process already works on `key`. The work may count the bytes that it
    /// has read of `size`.
    pub(crate) fn start<F>(
        &self,
        key: String,
        size: u64,
        work: impl FnOnce(Arc<AtomicU64>) -> F,
    ) -> Job
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let mut running = self.lock();
        if let Some(job) = running.get(&key) {
            return job.clone();
        }
        if UNTOLD_MAX <= running.len() {
            running.retain(|_, job| job.done.borrow().is_none() && job.done.has_changed().is_ok());
        }
        let (tell, done) = watch::channel(None);
        let job = Job { key: key.clone(), size, read: Arc::default(), done };
        running.insert(key, job.clone());
        let work = work(job.read.clone());
        tokio::spawn(async move { tell.send_replace(Some(work.await)) });
        job
    }

    /// The result; `None` if it is not known by `deadline`.
    pub(crate) async fn wait(&self, job: &mut Job, deadline: Instant) -> Option<Verdict> {
        let verdict = match timeout_at(deadline, job.done.wait_for(Option::is_some)).await {
            Ok(Ok(verdict)) => verdict.clone(),
            Ok(Err(_)) => Some(Verdict::Later(Failure::Panicked.to_string(), ASK_AGAIN)),
            Err(_) => return None,
        };
        let mut running = self.lock();
        // Another caller may have collected it before, and the work may have begun again.
        if running.get(&job.key).is_some_and(|other| Arc::ptr_eq(&other.read, &job.read)) {
            running.remove(&job.key);
        }
        verdict
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    pub(crate) fn percent(&self) -> u8 {
        let read = self.read.load(Ordering::Relaxed).saturating_mul(100);
        u8::try_from(read.checked_div(self.size).unwrap_or(0).min(99)).unwrap_or(99)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test(start_paused = true)]
    async fn work_that_outlives_its_call_is_reported_and_not_begun_again() {
        let running = Running::default();
        let begun = AtomicU64::new(0);
        let (end, mut ended) = oneshot::channel::<()>();
        let mut ended = Some(async move { drop((&mut ended).await) });
        let mut ask = async || {
            let mut job = running.start("a".into(), 200, |read| {
                begun.fetch_add(1, Ordering::Relaxed);
                read.store(50, Ordering::Relaxed);
                let ended = ended.take();
                async move {
                    if let Some(ended) = ended {
                        ended.await;
                    }
                    Verdict::Done
                }
            });
            let verdict = running.wait(&mut job, Instant::now() + Duration::from_secs(40)).await;
            (verdict, job.percent())
        };
        assert_eq!(ask().await, (None, 25));
        assert_eq!(ask().await, (None, 25));
        end.send(()).unwrap();
        // The work ends while no call waits for it.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(ask().await, (Some(Verdict::Done), 25));
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        assert_eq!(ask().await, (Some(Verdict::Done), 25));
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn the_number_of_uncollected_results_is_limited() {
        let running = Running::default();
        let (end, ended) = watch::channel(false);
        let mut open = running.start("open".into(), 0, |_| {
            let mut ended = ended.clone();
            async move {
                ended.wait_for(|end| *end).await.unwrap();
                Verdict::Done
            }
        });
        for number in 0..2 * UNTOLD_MAX {
            let mut job = running.start(number.to_string(), 0, |_| async { Verdict::Done });
            job.done.wait_for(Option::is_some).await.unwrap();
            assert!(running.lock().len() <= UNTOLD_MAX);
        }
        end.send(true).unwrap();
        let soon = Instant::now() + Duration::from_secs(60);
        assert_eq!(running.wait(&mut open, soon).await, Some(Verdict::Done));
    }

    #[tokio::test]
    async fn work_that_panics_is_reported_and_may_begin_again() {
        let running = Running::default();
        let soon = || Instant::now() + Duration::from_secs(60);
        let mut job = running.start("a".into(), 0, |_| async { panic!("of the test") });
        let told = running.wait(&mut job, soon()).await;
        assert_eq!(told, Some(Verdict::Later("the work ended unexpectedly".into(), ASK_AGAIN)));
        let mut job = running.start("a".into(), 0, |_| async { Verdict::Done });
        assert_eq!(running.wait(&mut job, soon()).await, Some(Verdict::Done));
    }
}
