//! The beginning: the newest checkpoint of each shard, if it is of the streams that are there.

use super::position::{At, Position, Reached};
use super::read::{self, End};
use super::shard::{Read, Shard};
use super::{Fold, Inner};
use crate::checkpoint;
use async_nats::jetstream::stream::Info;
use futures_util::{StreamExt as _, stream};
use messaging::streams::identity::Identity;
use std::time::Duration;
use tokio::time::sleep;

/// Shards that are loaded at once.
const AT_ONCE: usize = 8;
/// Before a server that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Forgets everything and loads what there is, for as long as that takes.
pub(super) async fn load<F: Fold>(inner: &Inner<F>) {
    inner.reached().fill(Reached::default());
    inner.moved.notify_waiters();
    let mut said = String::new();
    while let Err(reason) = try_load(inner).await {
        if said != reason {
            tracing::warn!(fold = F::NAME, reason, "the fold cannot begin yet");
            said = reason;
        }
        sleep(AGAIN).await;
    }
}

async fn try_load<F: Fold>(inner: &Inner<F>) -> Result<(), String> {
    let mut streams = Vec::with_capacity(F::SOURCES.len());
    for source in F::SOURCES {
        let info = read::info(&inner.nats, source.stream).await;
        streams.push(info.map_err(words)?);
    }
    let shards = (0..F::SHARDS).map(|index| {
        let streams = &streams;
        async move { (index, shard(inner, index, streams).await) }
    });
    let mut shards = stream::iter(shards).buffer_unordered(AT_ONCE);
    let mut least: Vec<Option<At>> = vec![None; F::SOURCES.len()];
    while let Some((index, shard)) = shards.next().await {
        let shard = shard?;
        for (least, at) in least.iter_mut().zip(&shard.applied) {
            let before = least.filter(|before| before.sequence <= at.sequence);
            *least = Some(before.unwrap_or(*at));
        }
        *inner.shard_mut(index) = shard;
    }
    for (index, (at, info)) in least.iter().zip(&streams).enumerate() {
        let at = at.unwrap_or_default();
        inner.change(index, |reached| {
            *reached = Reached {
                identity: Some(Identity::of(info)),
                at,
                end: info.state.last_sequence,
                is_complete: false,
                is_whole: false,
                kept_from: info.state.first_sequence,
            };
        });
        let (sequence, last) = (at.sequence, info.state.last_sequence);
        tracing::info!(fold = F::NAME, stream = info.config.name, sequence, last, "reads on");
    }
    Ok(())
}

/// A shard as its checkpoint holds it, or an empty one.
async fn shard<F: Fold>(
    inner: &Inner<F>,
    index: usize,
    streams: &[Info],
) -> Result<Shard<F::State>, String> {
    let empty = || Shard::new(F::SOURCES.len());
    let key = inner.key(index);
    let found = inner.checkpoints.load::<Vec<Position>>(&key).await;
    let found: Result<_, checkpoint::Error> = found;
    let Some((positions, bytes)) = found.map_err(|error| error.to_string())? else {
        return Ok(empty());
    };
    if let Err(end) = is_of(inner, &positions, streams).await {
        match end {
            End::Again(reason) => return Err(reason),
            End::Another(why) => {
                tracing::warn!(fold = F::NAME, key, why, "a checkpoint is not used");
                return Ok(empty());
            }
        }
    }
    let Read { refused, recent, state } = match serde_json::from_slice(&bytes) {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(fold = F::NAME, key, %error, "a checkpoint cannot be read");
            return Ok(empty());
        }
    };
    let applied: Vec<At> = positions.iter().map(|position| position.at).collect();
    let saved = applied.iter().map(|at| at.sequence).collect();
    Ok(Shard { state, refused, recent, applied, saved, saved_ms: 0, is_own: false })
}

/// Was a checkpoint made of these streams?
async fn is_of<F: Fold>(
    inner: &Inner<F>,
    positions: &[Position],
    streams: &[Info],
) -> Result<(), End> {
    if positions.len() != F::SOURCES.len() {
        return Err(End::Another("it is of other sources".into()));
    }
    for ((position, info), source) in positions.iter().zip(streams).zip(F::SOURCES) {
        let identity = Identity::of(info);
        if position.filter != source.filter || !identity.is(&position.stream) {
            let (found, known) = (&identity.name, &position.stream);
            return Err(End::Another(format!("stream {} is {found}, not {known}", source.stream)));
        }
        read::is_same(&inner.nats, source.stream, position.at, info).await?;
    }
    Ok(())
}

fn words(end: End) -> String {
    match end {
        End::Another(reason) | End::Again(reason) => reason,
    }
}
