//! Totals and views: what the events of some streams add up to.
//!
//! A function says what it reads, what an event says and to which key it belongs, and what that changes ([`Fold`]).
//! [`Folded`] does the rest: it reads the streams itself, without a connector and without acknowledgements, so that any number
//! of replicas each read everything. The state is in memory, in shards by key.
//!
//! **Each event is counted once**, whatever is delivered again: a shard knows for each source up to which
//! sequence it has applied everything, and what does not come in order ends the reading, which goes on behind
//! that sequence. A shard's checkpoint holds the state together with these positions. One that is lost, older or
//! damaged costs time and changes no result, *if the fold forgets what its streams no longer keep*
//! ([`Event::kept_from`]), as lists of what is there do. A total over all times does not: its streams keep only so
//! many days, and without its checkpoints it has to be counted from the archive first.
//!
//! A checkpoint is used only if its stream is the one that it
//! was made of: by its identity ([`messaging::streams::identity`]), by where it ends, and by when the message at
//! the position was stored. Otherwise the shard begins again.

mod current;
mod event;
mod load;
mod metrics;
mod position;
mod read;
mod recent;
mod save;
mod shard;
mod together;

pub use current::NotRead;
pub use event::{Event, Reading, Source, Unread};
pub use metrics::Metrics;
pub use recent::Recent;
pub use shard::Refusal;

use crate::checkpoint::{self, Checkpoints};
use messaging::{Nats, streams};
use position::{At, Reached};
use serde::{Serialize, de::DeserializeOwned};
use shard::Shard;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What a function counts.
pub trait Fold: Send + Sync + 'static {
    /// What events add up to; one value for each shard.
    type State: Default + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What one event says.
    type Said;

    /// Its name: one token.
    const NAME: &'static str;
    /// Goes up whenever [`Fold::apply`], [`Fold::read`] or the state changes its meaning; checkpoints of another
    /// version are not read.
    const VERSION: u32;
    /// What it reads. Events of one source come in the order of its stream; between sources there is no order.
    const SOURCES: &'static [Source];
    /// Into how many shards keys are divided. A checkpoint is written for one shard at a time, so that
    /// neither memory nor the store has to take all of a large state at once.
    const SHARDS: usize;

    /// Settings that the state depends on, such as a limit; empty if there are none. Checkpoints that were made with
    /// other settings are not read, so that what they left out comes back.
    fn settings(&self) -> String {
        String::new()
    }

    /// Reads an event, once: which key it belongs to, and what it says. All events of a key meet the same state.
    /// Nothing if it means nothing here.
    ///
    /// # Errors
    /// It needs the payload, which was not asked for ([`Event::payload`]); or it cannot be read: then it is recorded
    /// and passed over.
    fn read<'e>(&self, event: &Event<'e>) -> Reading<'e, Self::Said>;

    /// Changes the state of its shard by what [`Fold::read`] made of an event. The same events in the same order make
    /// the same state; nothing else is asked or changed.
    ///
    /// # Errors
    /// It cannot be counted, and has changed nothing. It is recorded and passed over.
    fn apply(
        &self,
        state: &mut Self::State,
        event: &Event<'_>,
        said: Self::Said,
    ) -> Result<(), String>;

    /// How many entries a state holds, for the metrics.
    fn held(_state: &Self::State) -> usize {
        0
    }
}

/// How old a checkpoint gets: well below what the bucket keeps, also where a function is away for weeks.
const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// When checkpoints are written: after so much time, or after so many events if that is sooner. One of a shard
/// to which no event came is written again when it is old: the bucket forgets after 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    /// Time.
    pub time: Duration,
    /// Events.
    pub events: u64,
    /// How old a checkpoint gets.
    pub age: Duration,
}

impl Default for Every {
    fn default() -> Self {
        Self { time: Duration::from_secs(5), events: 50_000, age: AGE_MAX }
    }
}

/// A fold at work; dropping it ends it.
pub struct Folded<F: Fold> {
    inner: Arc<Inner<F>>,
    task: JoinHandle<()>,
}

impl<F: Fold> fmt::Debug for Folded<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folded").field("fold", &F::NAME).finish_non_exhaustive()
    }
}

impl<F: Fold> Drop for Folded<F> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<F: Fold> Folded<F> {
    /// Starts to read for `function`. It waits for NATS and for its streams by itself.
    #[must_use]
    pub fn start(nats: &Nats, function: &str, fold: F, metrics: &Metrics) -> Self {
        Self::start_every(nats, function, fold, metrics, Every::default())
    }

    /// As [`Folded::start`], with other times of checkpoints.
    #[must_use]
    pub fn start_every(
        nats: &Nats,
        function: &str,
        fold: F,
        metrics: &Metrics,
        every: Every,
    ) -> Self {
        let version = match fold.settings() {
            none if none.is_empty() => F::VERSION.to_string(),
            settings => format!("{}-{settings}", F::VERSION),
        };
        let inner = Arc::new(Inner {
            checkpoints: Checkpoints::new(nats, streams::FOLD_CHECKPOINTS),
            prefix: checkpoint::key(&[function, F::NAME, &version]),
            nats: nats.clone(),
            fold,
            shards: (0..F::SHARDS).map(|_| RwLock::new(Shard::new(F::SOURCES.len()))).collect(),
            reached: Mutex::new(vec![Reached::default(); F::SOURCES.len()]),
            moved: Notify::new(),
            metrics: metrics.of(F::NAME),
            every,
        });
        let task = tokio::spawn(run(Arc::clone(&inner)));
        Self { inner, task }
    }

    /// Looks at the states of all shards.
    pub fn look<R>(&self, look: impl FnOnce(&[&F::State]) -> R) -> R {
        let shards: Vec<_> = (0..F::SHARDS).map(|index| self.inner.shard(index)).collect();
        let states: Vec<&F::State> = shards.iter().map(|shard| &shard.state).collect();
        look(&states)
    }

    /// Do checkpoints hold all that is applied, as far as this process knows?
    #[must_use]
    pub fn is_saved(&self) -> bool {
        (0..F::SHARDS).all(|index| self.inner.shard(index).is_saved())
    }

    /// Events that were passed over: how many, and the newest of them.
    #[must_use]
    pub fn refused(&self) -> (u64, Vec<Refusal>) {
        let (mut count, mut newest) = (0, Vec::new());
        for index in 0..F::SHARDS {
            let shard = self.inner.shard(index);
            count += shard.refused.count;
            newest.extend(shard.refused.newest.iter().cloned());
        }
        newest.sort_by_key(|refusal: &Refusal| std::cmp::Reverse(refusal.time_ms));
        (count, newest)
    }
}

struct Inner<F: Fold> {
    nats: Nats,
    fold: F,
    checkpoints: Checkpoints,
    /// What the keys of its checkpoints begin with.
    prefix: String,
    shards: Vec<RwLock<Shard<F::State>>>,
    /// By source.
    reached: Mutex<Vec<Reached>>,
    /// Something was read.
    moved: Notify,
    metrics: metrics::Own,
    every: Every,
}

impl<F: Fold> Inner<F> {
    fn shard(&self, index: usize) -> RwLockReadGuard<'_, Shard<F::State>> {
        let shard = self.shards.get(index).expect("there are as many as the fold says");
        shard.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_mut(&self, index: usize) -> RwLockWriteGuard<'_, Shard<F::State>> {
        let shard = self.shards.get(index).expect("there are as many as the fold says");
        shard.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self) -> MutexGuard<'_, Vec<Reached>> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where source `index` is read, in all shards.
    fn at(&self, index: usize) -> At {
        self.with(index, |reached| reached.at)
    }

    /// Looks at what is known of source `index`, or changes what nobody waits for.
    fn with<R>(&self, index: usize, look: impl FnOnce(&mut Reached) -> R) -> R {
        look(self.reached().get_mut(index).expect("there is one for each source"))
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Reached)) {
        self.with(index, change);
        self.moved.notify_waiters();
    }

    /// These sources are read up to `at`.
    fn reach(&self, sources: &[usize], at: At) {
        for index in sources {
            self.with(*index, |reached| {
                if reached.at.sequence < at.sequence {
                    reached.at = at;
                }
            });
        }
        self.moved.notify_waiters();
    }

    /// The key of a shard's checkpoint. Another number of shards divides keys in another way.
    fn key(&self, shard: usize) -> String {
        format!("{}.{}-{shard}", self.prefix, F::SHARDS)
    }
}

/// Loads, reads on and writes checkpoints; from the beginning again when a stream is another one.
async fn run<F: Fold>(inner: Arc<Inner<F>>) {
    loop {
        load::load(&inner).await;
        tokio::select! {
            another = read::all(&inner) => {
                tracing::warn!(fold = F::NAME, another, "the fold begins again");
            }
            () = save::rounds(&inner) => {}
        }
    }
}
