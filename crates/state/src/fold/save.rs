//! Writing checkpoints, a few shards at a time.

use super::position::{At, Position, replaces};
use super::read;
use super::shard::{Body, Shard};
use super::{Fold, Inner};
use crate::checkpoint::{Error, Newest, Written};
use messaging::stored;
use messaging::streams::identity::Identity;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes of one round: what a busy fold writes in [`Every::time`](super::Every::time).
const ROUND_BYTES_MAX: usize = 4 << 20;
/// No more often than this, however many events come.
const ROUND_MIN: Duration = Duration::from_millis(500);
/// How often events are counted while a round is not due yet.
const LOOK: Duration = Duration::from_millis(100);
/// So far behind a checkpoint may be that holds all that there is of its shard: a start reads what follows it.
const OLD_MAX: u64 = 100_000;

/// Writes checkpoints for ever, and looks at how far behind the fold is.
pub(super) async fn rounds<F: Fold>(inner: &Arc<Inner<F>>) {
    // What this process had reached a round ago, by source.
    let mut before: Vec<u64> = ends(inner).iter().map(|at| at.sequence).collect();
    let mut events = inner.metrics.events.get();
    loop {
        due(inner, events).await;
        events = inner.metrics.events.get();
        let is_same = look(inner).await;
        let now = ends(inner).iter().map(|at| at.sequence).collect();
        if is_same {
            round(inner, &before).await;
        }
        before = now;
    }
}

/// Waits until a round is due.
async fn due<F: Fold>(inner: &Inner<F>, events: u64) {
    let until = Instant::now() + inner.every.time;
    sleep(ROUND_MIN.min(inner.every.time)).await;
    while Instant::now() < until && inner.metrics.events.get() - events < inner.every.events {
        sleep(LOOK.min(until - Instant::now())).await;
    }
}

fn ends<F: Fold>(inner: &Inner<F>) -> Vec<At> {
    inner.reached().iter().map(|reached| reached.at).collect()
}

/// Measures how far behind it is, and what has left the streams. Are they those that are read, as far as is known?
async fn look<F: Fold>(inner: &Inner<F>) -> bool {
    let (mut behind, mut held, mut is_same) = (Some(0), 0, true);
    for (index, source) in F::SOURCES.iter().enumerate() {
        let Ok(info) = read::info(&inner.nats, source.stream).await else {
            behind = None;
            continue;
        };
        inner.change(index, |reached| {
            reached.kept_from = info.state.first_sequence;
            let found = Identity::of(&info);
            is_same &= reached.identity.as_ref().is_some_and(|known| found.is(&known.name));
        });
        let (at, last) = (inner.at(index).sequence, info.state.last_sequence);
        let next = if at < last {
            stored::first(&inner.nats, source.stream, source.filter, at + 1).await
        } else {
            Ok(None)
        };
        let ahead = match next {
            Ok(next) => Some(next.map_or(0, |next| last.saturating_sub(next.sequence) + 1)),
            Err(_) => None,
        };
        behind = behind.zip(ahead).map(|(behind, ahead)| behind + ahead);
    }
    inner.metrics.set_behind(behind);
    for index in 0..F::SHARDS {
        held += F::held(&inner.shard(index).state);
    }
    inner.metrics.held.set(i64::try_from(held).unwrap_or(i64::MAX));
    is_same
}

/// Writes those that lack most, until enough is written.
async fn round<F: Fold>(inner: &Arc<Inner<F>>, before: &[u64]) {
    let mut due: Vec<(Reverse<u64>, usize)> = Vec::new();
    for index in 0..F::SHARDS {
        let lacks = lacks(inner, index);
        if is_needed(inner, index, lacks) || is_old(inner, inner.shard(index).saved_ms) {
            due.push((Reverse(lacks), index));
        }
    }
    due.sort_unstable();
    let mut bytes = 0;
    for (_, index) in due {
        if ROUND_BYTES_MAX <= bytes {
            return;
        }
        match save(inner, index, before).await {
            Ok(written) => bytes += written,
            Err(error) => {
                inner.metrics.failures.inc();
                tracing::error!(fold = F::NAME, %error, "a checkpoint cannot be written");
                return;
            }
        }
    }
}

/// How many messages were read since a shard's checkpoint.
fn lacks<F: Fold>(inner: &Inner<F>, index: usize) -> u64 {
    let reached = ends(inner);
    let shard = inner.shard(index);
    let lacks = shard.saved.iter().zip(&reached);
    lacks.map(|(saved, reached)| reached.sequence.saturating_sub(*saved)).sum()
}

/// Does a shard's checkpoint lack an event, or so many messages that a start would be slow?
fn is_needed<F: Fold>(inner: &Inner<F>, index: usize, lacks: u64) -> bool {
    !inner.shard(index).is_saved() || OLD_MAX < lacks
}

/// Was a checkpoint written so long ago that it is written again?
fn is_old<F: Fold>(inner: &Inner<F>, time_ms: i64) -> bool {
    let age = i64::try_from(inner.every.age.as_millis()).unwrap_or(i64::MAX);
    age <= now_ms().saturating_sub(time_ms)
}

fn now_ms() -> i64 {
    let ms = async_nats::datetime::now().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(ms).unwrap_or_default()
}

/// Writes one shard's checkpoint: how many bytes.
async fn save<F: Fold>(
    inner: &Arc<Inner<F>>,
    index: usize,
    before: &[u64],
) -> Result<usize, Error> {
    let key = inner.key(index);
    let newest = inner.checkpoints.newest::<Vec<Position>>(&key).await?;
    let is_needed = is_needed(inner, index, lacks(inner, index));
    let (mut gone, mut old) = (None, None);
    match newest {
        // Nothing ever came to this shard.
        None if !is_needed && inner.shard(index).saved.iter().all(|saved| *saved == 0) => {
            inner.shard_mut(index).saved_ms = now_ms();
            return Ok(0);
        }
        None => {}
        // One that ends behind the stream is of a copy that is gone.
        Some(Newest { at, .. }) if is_behind(inner, &at).await => gone = Some(at),
        Some(Newest { at, time_ms }) if is_old(inner, time_ms) => old = Some(at),
        Some(Newest { time_ms, .. }) if !is_needed => {
            inner.shard_mut(index).saved_ms = time_ms;
            return Ok(0);
        }
        // Another replica that wrote within the last round wrote for this one as well.
        Some(Newest { at, time_ms }) if is_recent(inner, index, &at, before) => {
            note(inner, index, &at, time_ms, false);
            return Ok(0);
        }
        Some(_) => {}
    }
    let copy = Arc::clone(inner);
    let copied = tokio::task::spawn_blocking(move || copy.copy(index)).await;
    let (positions, bytes) = copied.expect("a state with string keys is written");
    let size = bytes.len();
    let is_same = old.is_some_and(|old| old == positions);
    let may = |newest: &Vec<Position>| {
        let again = is_same && *newest == positions;
        again || gone.as_ref() == Some(newest) || replaces(&positions, newest)
    };
    let now = now_ms();
    match inner.checkpoints.save(&key, &positions, bytes, may).await? {
        Written::Stored => {
            inner.metrics.checkpoints.inc();
            note(inner, index, &positions, now, true);
        }
        Written::Newer(newest) => note(inner, index, &newest, now, false),
        Written::Overtaken => {}
    }
    Ok(size)
}

impl<F: Fold> Inner<F> {
    /// A shard as it is now. What is applied is at least what all shards have reached, and at least the last
    /// event of this one: an event that is just being applied is in both or in neither.
    fn copy(&self, index: usize) -> (Vec<Position>, Vec<u8>) {
        let shard = self.shard(index);
        let reached = self.reached().clone();
        let positions = reached.into_iter().zip(&shard.applied).zip(F::SOURCES);
        let positions = positions.map(|((reached, applied), source)| Position {
            stream: reached.identity.map(|identity| identity.name).unwrap_or_default(),
            filter: source.filter.to_owned(),
            at: if applied.sequence < reached.at.sequence { reached.at } else { *applied },
        });
        let Shard { refused, recent, state, .. } = &*shard;
        let body = Body { refused, recent, state };
        let bytes = serde_json::to_vec(&body).expect("a state has only string keys");
        (positions.collect(), bytes)
    }
}

/// Did another process write this checkpoint, of the same streams, and is it no older than what this one had a
/// round ago?
fn is_recent<F: Fold>(inner: &Inner<F>, index: usize, newest: &[Position], before: &[u64]) -> bool {
    let reached = inner.reached();
    let is_same = newest.len() == reached.len()
        && newest.iter().zip(reached.iter()).all(|(newest, reached)| {
            reached.identity.as_ref().is_some_and(|identity| identity.is(&newest.stream))
        });
    is_same
        && !is_own(inner, index, newest)
        && newest.iter().zip(before).all(|(newest, before)| *before <= newest.at.sequence)
}

/// Does a checkpoint hold more than a stream does now, and for long enough to believe it?
async fn is_behind<F: Fold>(inner: &Inner<F>, newest: &[Position]) -> bool {
    let reached = ends(inner);
    for ((position, source), reached) in newest.iter().zip(F::SOURCES).zip(reached) {
        if position.at.sequence <= reached.sequence {
            continue;
        }
        let Ok(info) = read::info(&inner.nats, source.stream).await else { continue };
        let (sequence, last) = (position.at.sequence, info.state.last_sequence);
        if let Ok(Some(_)) = read::short_of(&inner.nats, source.stream, sequence, last).await {
            return true;
        }
    }
    false
}

/// Is it the checkpoint that this process wrote last?
fn is_own<F: Fold>(inner: &Inner<F>, index: usize, newest: &[Position]) -> bool {
    let shard = inner.shard(index);
    shard.is_own
        && newest.iter().map(|position| position.at.sequence).eq(shard.saved.iter().copied())
}

/// Remembers how far a shard's checkpoint came, and when and by whom it was written.
fn note<F: Fold>(inner: &Inner<F>, index: usize, newest: &[Position], time_ms: i64, is_own: bool) {
    let mut shard = inner.shard_mut(index);
    (shard.saved_ms, shard.is_own) = (time_ms, is_own);
    for (saved, newest) in shard.saved.iter_mut().zip(newest) {
        *saved = newest.at.sequence;
    }
}
