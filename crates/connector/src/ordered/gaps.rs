//! Finds messages that were removed from the stream before they were given out.
//!
//! A consumer silently skips messages that were removed before it reached them: by a limit set by hand,
//! by a purge, or because they expired. In a lane, each of them would be an order that is never
//! decided. So the stream is checked after messages were read from it and before they are given out.

use crate::annotations::Subscription;
use async_nats::jetstream::stream::Info;
use messaging::streams::identity::{self, Identity};
use messaging::{Nats, stored, subject};

/// The input stream as it is now.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) identity: Identity,
    pub(super) created: String,
    pub(super) first: u64,
    pub(super) last: u64,
    /// Messages that were removed after the first one.
    removed: u64,
}

impl Stream {
    /// An empty stream.
    #[cfg(test)]
    pub(super) fn new(identity: Identity) -> Self {
        Self { identity, created: String::new(), first: 1, last: 0, removed: 0 }
    }

    fn of(info: &Info) -> Self {
        let state = &info.state;
        Self {
            identity: Identity::of(info),
            created: identity::created(info),
            first: state.first_sequence,
            last: state.last_sequence,
            removed: state.deleted_count.unwrap_or_default(),
        }
    }
}

/// Asks the stream's leader for its state.
pub(super) async fn stream(nats: &Nats, subscription: &Subscription) -> Result<Stream, String> {
    let name = &subscription.stream;
    let stream = nats.js.get_stream(name).await;
    let stream = stream.map_err(|error| format!("stream {name}: {error}"))?;
    Ok(Stream::of(stream.cached_info()))
}

/// The sequence of the first message under the filter after `after`, asked from the leader.
pub(super) async fn next(
    nats: &Nats,
    subscription: &Subscription,
    after: u64,
) -> Result<Option<u64>, String> {
    let Subscription { stream, filter, .. } = subscription;
    let next = stored::first(nats, stream, filter, after + 1).await;
    next.map(|next| next.map(|message| message.sequence)).map_err(|error| error.to_string())
}

/// Remembers which removed messages were checked before.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// First sequence and number of removed messages when the last check found that none of them
    /// mattered.
    harmless: Option<(u64, u64)>,
}

/// Removed messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Gaps {
    /// The first messages after `after`, up to `to`, that `stream` no longer holds.
    pub(super) async fn find(
        &mut self,
        nats: &Nats,
        subscription: &Subscription,
        stream: &Stream,
        (after, to): (u64, u64),
    ) -> Result<Option<Gone>, String> {
        if let Some(gone) = before_first(stream.first, after, to) {
            return Ok(Some(gone));
        }
        let state = (stream.first, stream.removed);
        if stream.removed == 0 || self.harmless == Some(state) {
            return Ok(None);
        }
        let name = &subscription.stream;
        let handle = nats.js.get_stream_no_info(name).await.map_err(|error| error.to_string())?;
        let info = handle.info_builder().with_deleted(true).fetch().await;
        let info = info.map_err(|error| format!("stream {name}: {error}"))?.info;
        let removed = info.state.deleted.unwrap_or_default();
        let gone = inside(&removed, after, to);
        if removed.iter().all(|sequence| *sequence <= after) {
            self.harmless = Some(state);
        }
        Ok(gone)
    }
}

/// The messages that are gone because the stream begins after them.
fn before_first(first: u64, after: u64, to: u64) -> Option<Gone> {
    let to = to.min(first.saturating_sub(1));
    (after < to).then_some(Gone { from: after + 1, to })
}

/// The first run of removed messages after `after`, up to `to`.
fn inside(removed: &[u64], after: u64, to: u64) -> Option<Gone> {
    let mut inside =
        removed.iter().copied().filter(|sequence| after < *sequence && *sequence <= to);
    let from = inside.next()?;
    let run = inside.zip(from + 1..).take_while(|(sequence, expected)| sequence == expected).last();
    Some(Gone { from, to: run.map_or(from, |(sequence, _)| sequence) })
}

/// The command with which an operator continues a lane behind what is gone. `filter` is the lane's.
pub(super) fn rebase(filter: &str) -> String {
    let (of, warehouse) = match subject::invoice_lane(filter) {
        Some(warehouse) => (" --of invoices", Some(warehouse)),
        None => ("", subject::lane(filter)),
    };
    let name = warehouse.as_ref().map_or("NAME", |warehouse| warehouse.as_str());
    format!("orderflow journal rebase{of} --warehouse {name} --reason \"…\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_is_missed() {
        for (first, after, to, expected) in [
            (1, 0, 9, None),
            (5, 4, 9, None),
            (6, 4, 9, Some((5, 5))),
            (12, 4, 9, Some((5, 9))),
            (12, 9, 9, None),
            (0, 0, 0, None),
        ] {
            let gone = before_first(first, after, to).map(|gone| (gone.from, gone.to));
            assert_eq!(gone, expected, "begins at {first}, {after} to {to}");
        }
    }

    #[test]
    fn the_first_run_of_removed_messages_is_named() {
        let removed = [3, 7, 8, 9, 11];
        for (after, to, expected) in [
            (0, 20, Some((3, 3))),
            (3, 20, Some((7, 9))),
            (7, 20, Some((8, 9))),
            (3, 8, Some((7, 8))),
            (9, 10, None),
            (11, 20, None),
        ] {
            let gone = inside(&removed, after, to).map(|gone| (gone.from, gone.to));
            assert_eq!(gone, expected, "{after} to {to}");
        }
    }
}
