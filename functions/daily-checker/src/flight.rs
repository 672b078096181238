//! A singleflight: one check at a time, whose answer all waiting callers share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long callers without a token get the same answer again.
pub(crate) const FRESH: Duration = Duration::from_secs(10);

type Answer<T> = watch::Receiver<Option<Arc<T>>>;

pub(crate) struct Flight<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    running: Option<(Instant, Answer<T>)>,
    last: Option<Last<T>>,
}

struct Last<T> {
    began: Instant,
    ended: Instant,
    answer: Arc<T>,
}

/// The answer for a caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Landed<T> {
    pub(crate) answer: Arc<T>,
    /// It was made before the call.
    pub(crate) is_cached: bool,
}

/// The check panicked; the log says where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crashed;

enum Next<T> {
    Landed(Landed<T>),
    /// The running check can answer this call.
    Share(Answer<T>),
    /// The running check began before the call; try again after it.
    After(Answer<T>),
}

impl<T: Send + Sync + 'static> Flight<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { running: None, last: None })))
    }

    /// An answer of `start`: from the check in progress, from one that ended within [`FRESH`], or from
    /// a new one. With `force`, only from one that began after the call.
    pub(crate) async fn get<F>(
        &self,
        force: bool,
        start: impl Fn() -> F,
    ) -> Result<Landed<T>, Crashed>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let asked = Instant::now();
        loop {
            match self.next(asked, force, &start) {
                Next::Landed(landed) => return Ok(landed),
                Next::Share(answer) => return wait(answer).await,
                // If that check crashed, only the callers who share it get the error.
                Next::After(answer) => drop(wait(answer).await),
            }
        }
    }

    fn next<F>(&self, asked: Instant, force: bool, start: impl Fn() -> F) -> Next<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A check that crashed has closed its channel without an answer.
        if let Some((began, answer)) = &state.running
            && answer.has_changed().is_ok()
        {
            let will_do = !force || asked <= *began;
            return if will_do { Next::Share(answer.clone()) } else { Next::After(answer.clone()) };
        }
        let now = Instant::now();
        if let Some(last) = &state.last
            && (if force { asked <= last.began } else { now < last.ended + FRESH })
        {
            let is_cached = last.began < asked;
            return Next::Landed(Landed { answer: last.answer.clone(), is_cached });
        }
        let (sender, answer) = watch::channel(None);
        state.running = Some((now, answer.clone()));
        let (shared, run) = (self.0.clone(), start());
        // In its own task: the check continues after its caller has disconnected.
        tokio::spawn(async move {
            let made = Arc::new(run.await);
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.last = Some(Last { began: now, ended: Instant::now(), answer: made.clone() });
            state.running = None;
            sender.send_replace(Some(made));
        });
        Next::Share(answer)
    }
}

async fn wait<T>(mut answer: Answer<T>) -> Result<Landed<T>, Crashed> {
    let landed = answer.wait_for(Option::is_some).await.map_err(|_| Crashed)?;
    let answer = landed.clone().ok_or(Crashed)?;
    Ok(Landed { answer, is_cached: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A check that takes a second and answers with the number of checks so far.
    struct Counting {
        flight: Flight<u32>,
        runs: Arc<AtomicU32>,
    }

    impl Counting {
        fn new() -> Self {
            Self { flight: Flight::new(), runs: Arc::default() }
        }

        async fn get(&self, force: bool) -> (u32, bool) {
            let landed = self.flight.get(force, || {
                let runs = self.runs.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    runs.fetch_add(1, Ordering::Relaxed) + 1
                }
            });
            let landed = landed.await.unwrap();
            (*landed.answer, landed.is_cached)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_at_once_share_one_run() {
        let counting = Counting::new();
        let all = tokio::join!(counting.get(false), counting.get(false), counting.get(true));
        assert_eq!(all, ((1, false), (1, false), (1, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_shared_for_ten_seconds_but_not_with_force() {
        let counting = Counting::new();
        assert_eq!(counting.get(false).await, (1, false));
        tokio::time::advance(Duration::from_millis(9_900)).await;
        assert_eq!(counting.get(false).await, (1, true));
        assert_eq!(counting.get(true).await, (2, false));
        tokio::time::advance(FRESH).await;
        assert_eq!(counting.get(false).await, (3, false));
    }

    #[tokio::test(start_paused = true)]
    async fn with_force_the_run_began_after_the_call() {
        let counting = Counting::new();
        let late = async |force| {
            tokio::time::sleep(Duration::from_millis(500)).await;
            counting.get(force).await
        };
        let all = tokio::join!(counting.get(false), late(true), late(false), late(true));
        assert_eq!(all, ((1, false), (2, false), (1, false), (2, false)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_crashed_is_followed_by_another() {
        let flight: Flight<u32> = Flight::new();
        assert_eq!(flight.get(false, || async { panic!("planted") }).await, Err(Crashed));
        let landed = flight.get(false, || async { 7 }).await.unwrap();
        assert_eq!((*landed.answer, landed.is_cached), (7, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_does_not_stop_the_run() {
        let counting = Counting::new();
        let short = Duration::from_millis(100);
        assert!(tokio::time::timeout(short, counting.get(false)).await.is_err());
        assert_eq!(counting.get(false).await, (1, false));
    }
}
