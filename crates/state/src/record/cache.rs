//! All records in memory, for who needs them often.

mod page;

use super::entry::Entry;
use super::{Found, Key, Record, Records};
use crate::follow::{Follow, Step};
use crate::wire::{Message, Unclear, Wire};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How often the bucket is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// What a cache keeps of records: of each the whole, as [`Known`] does, or what its owner looks for.
pub trait Keep<T>: Default + Send + Sync + 'static {
    /// The record of a key (as it stands in the bucket) is so now; nothing if there is none any more, or if it cannot be
    /// read, which the log says.
    fn set(&mut self, key: String, found: Option<Found<T>>);

    /// The record of a key cannot be read, and why: called after [`Keep::set`].
    fn unreadable(&mut self, _key: String, _reason: String) {}
}

/// All records of a bucket as they were a moment ago. It follows the bucket until it is dropped; while the
/// server is away it gets old, and says so.
#[derive(Debug)]
pub struct Cache<T, K = Known<T>> {
    known: Arc<RwLock<K>>,
    record: PhantomData<fn() -> T>,
    looked: watch::Receiver<Option<Instant>>,
    /// Somebody waits for the next look.
    wanted: Arc<Notify>,
    following: JoinHandle<()>,
}

/// Records in the order of their keys.
pub type Listed<T> = Vec<(Key, Arc<Found<T>>)>;

/// What a cache says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached<V> {
    /// The value.
    pub value: V,
    /// Every change that was made longer ago than this is in it.
    pub age: Duration,
}

/// A cache does not hold all that was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFresh {
    /// The server did not answer in time.
    #[error("NATS did not answer within {wait:?}; what is cached may be old")]
    Old {
        /// How long was waited.
        wait: Duration,
    },
    /// A fault of the program: nothing is read any more.
    #[error("reading has ended by a fault; the log has it, and a restart begins it again")]
    Ended,
}

/// Whole records.
#[derive(Debug)]
pub struct Known<T> {
    /// By their keys in the bucket.
    found: BTreeMap<String, Arc<Found<T>>>,
    /// Why others cannot be read.
    unreadable: BTreeMap<String, String>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { found: BTreeMap::new(), unreadable: BTreeMap::new() }
    }
}

impl<T, K> Drop for Cache<T, K> {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl<T: Record, W: Wire> Records<T, W> {
    /// A cache of these records. What cannot be read is named in the log, and is not in it.
    #[must_use]
    pub fn cache(&self) -> Cache<T> {
        self.keep()
    }

    /// A cache of what `K` keeps of these records.
    #[must_use]
    pub fn keep<K: Keep<T>>(&self) -> Cache<T, K> {
        let (looked, receiver) = watch::channel(None);
        let known = Arc::new(RwLock::new(K::default()));
        let (records, shared) = (self.clone(), Arc::clone(&known));
        let wanted = Arc::new(Notify::new());
        let next = Arc::clone(&wanted);
        let following = tokio::spawn(async move {
            let mut follow = Follow::default();
            loop {
                let now = Instant::now();
                match records.look(&mut follow, &shared).await {
                    Ok(()) => drop(looked.send_replace(Some(now))),
                    Err(error) => tracing::debug!(%error, bucket = T::BUCKET, "a cache gets old"),
                }
                // The next look begins when somebody asks for it, also during this one.
                drop(timeout(LOOK, next.notified()).await);
            }
        });
        Cache { known, record: PhantomData, looked: receiver, wanted, following }
    }

    async fn look<K: Keep<T>>(
        &self,
        follow: &mut Follow,
        known: &RwLock<K>,
    ) -> Result<(), Unclear> {
        let prefix = Self::prefix();
        let (mut all, mut changes) = (K::default(), Vec::new());
        let mut each = |step, message: Message| {
            let Some(key) = message.subject.strip_prefix(&prefix) else { return };
            let change = (key.to_owned(), read::<T>(&message));
            match step {
                // Not held before they are kept: they may be many.
                Step::All => set(&mut all, change),
                Step::More => changes.push(change),
            }
        };
        let filter = format!("{prefix}>");
        let step = follow.step(&self.wire, &Self::stream(), &filter, &mut each).await?;
        let mut known = write(known);
        if step == Step::All {
            *known = all;
        }
        changes.into_iter().for_each(|change| set(&mut *known, change));
        Ok(())
    }
}

/// A record; nothing if it was deleted; or why it cannot be read.
fn read<T: Record>(message: &Message) -> Result<Option<Found<T>>, String> {
    if message.deleted {
        return Ok(None);
    }
    let entry: Entry<T> = serde_json::from_slice(&message.payload).map_err(|e| e.to_string())?;
    Ok(entry.found(message.sequence))
}

fn set<T: Record, K: Keep<T>>(
    known: &mut K,
    (key, change): (String, Result<Option<Found<T>>, String>),
) {
    match change {
        Ok(found) => known.set(key, found),
        Err(reason) => {
            tracing::warn!(bucket = T::BUCKET, key, reason, "a record cannot be read");
            known.set(key.clone(), None);
            known.unreadable(key, reason);
        }
    }
}

impl<T: Record> Keep<T> for Known<T> {
    fn set(&mut self, key: String, found: Option<Found<T>>) {
        self.unreadable.remove(&key);
        match found {
            Some(found) => drop(self.found.insert(key, Arc::new(found))),
            None => drop(self.found.remove(&key)),
        }
    }

    fn unreadable(&mut self, key: String, reason: String) {
        self.unreadable.insert(key, reason);
    }
}

impl<T: Record, K> Cache<T, K> {
    /// How old it is at most; nothing while it was not read yet.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.looked.borrow().map(|at| at.elapsed())
    }

    /// Waits until all that was changed before this call is in it, for at most `wait`.
    ///
    /// # Errors
    /// It was not read within this time, or nothing reads it any more.
    pub async fn fresh(&self, wait: Duration) -> Result<(), NotFresh> {
        let now = Instant::now();
        let mut looked = self.looked.clone();
        self.wanted.notify_one();
        let looked = looked.wait_for(|at| at.is_some_and(|at| now <= at));
        match timeout(wait, looked).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(NotFresh::Ended),
            Err(_) => Err(NotFresh::Old { wait }),
        }
    }

    /// Looks at what is kept; nothing while the cache was not read yet.
    #[must_use]
    pub fn look<R>(&self, look: impl FnOnce(&K) -> R) -> Option<Cached<R>> {
        let age = self.age()?;
        Some(Cached { value: look(&read_lock(&self.known)), age })
    }
}

impl<T: Record> Cache<T> {
    /// One record; nothing while the cache was not read yet.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Cached<Option<Arc<Found<T>>>>> {
        let age = self.age()?;
        let value = read_lock(&self.known).found.get(key.as_str()).cloned();
        Some(Cached { value, age })
    }

    /// All records whose keys begin with the parts `prefix`, in the order of their keys; nothing while the
    /// cache was not read yet.
    #[must_use]
    pub fn all(&self, prefix: Option<&Key>) -> Option<Cached<Listed<T>>> {
        let age = self.age()?;
        let prefix = prefix.map(|prefix| format!("{}.", prefix.as_str())).unwrap_or_default();
        let known = read_lock(&self.known);
        let from = known.found.range(prefix.clone()..);
        let under = from.take_while(|(key, _)| key.starts_with(&prefix));
        let read = |(key, found): (&String, &Arc<_>)| Some((Key::read(key)?, Arc::clone(found)));
        let value = under.filter_map(read).collect();
        Some(Cached { value, age })
    }

    /// Keys in the bucket that hold no record of this version, and why.
    #[must_use]
    pub fn unreadable(&self) -> BTreeMap<String, String> {
        read_lock(&self.known).unreadable.clone()
    }
}

// Nothing panics while it has the lock, and if it did the next look would set it right.
fn read_lock<K>(known: &RwLock<K>) -> RwLockReadGuard<'_, K> {
    known.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<K>(known: &RwLock<K>) -> RwLockWriteGuard<'_, K> {
    known.write().unwrap_or_else(PoisonError::into_inner)
}
