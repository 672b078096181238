//! What a subscription has not done, as metrics: how much, and since when.

use crate::metrics::{Metrics, OfFilter, gauge};
use async_nats::jetstream::consumer::Info;
use messaging::Nats;
use messaging::backlog::{Backlog, Oldest, settled};
use prometheus_client::metrics::gauge::Gauge;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The figures of one subscription. A copy shows the same figures.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    messages: Gauge,
    /// Seconds since 1970; 0: nothing is left. A time and not an age, so that it is right as well
    /// while nobody looks.
    oldest: Gauge,
    /// Where the consumer was when the oldest one was asked for: it is the same as long as that is.
    known: Arc<Mutex<Option<(u64, Oldest)>>>,
}

impl Undone {
    pub(crate) fn new(metrics: &Metrics, name: &OfFilter) -> Self {
        Self {
            messages: metrics.lag.get_or_create_owned(name),
            oldest: metrics.oldest.get_or_create_owned(name),
            known: Arc::default(),
        }
    }

    /// Shows what a consumer says of itself. The oldest message is asked for only when it is
    /// another one than at the last look.
    pub(crate) async fn look(&self, nats: &Nats, info: &Info) {
        let counts = Backlog::counts(info);
        let place = settled(info);
        let before = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = before.filter(|(at, _)| *at == place && 0 < counts.count());
        let oldest = match known {
            Some((_, oldest)) => Some(oldest),
            None => match Backlog::of(nats, info).await {
                Ok(backlog) => backlog.oldest,
                Err(error) => {
                    tracing::debug!(%error, "the oldest message is not known");
                    None
                }
            },
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            oldest.map(|oldest| (place, oldest));
        self.show(counts.count(), oldest.map(|oldest| oldest.stored_ms));
    }

    /// Shows so many messages, the oldest of which was stored so many milliseconds after 1970.
    pub(crate) fn show(&self, messages: u64, oldest_ms: Option<i64>) {
        self.messages.set(gauge(messages));
        self.oldest.set(oldest_ms.filter(|_| 0 < messages).map_or(0, |ms| ms / 1_000));
    }
}

/// What of an ordered lane is not decided: the reader reads ahead of the function, and what it has
/// read is no less undone than what is still in the stream.
#[derive(Debug)]
pub(crate) struct Ahead {
    undone: Undone,
    lane: Mutex<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Behind what was read.
    pending: u64,
    /// Sequences that were read and are not decided, and when they were stored.
    read: VecDeque<(u64, i64)>,
}

impl Ahead {
    pub(crate) fn new(undone: Undone) -> Self {
        Self { undone, lane: Mutex::default() }
    }

    /// These were read, and behind them are so many.
    pub(crate) fn read(&self, messages: impl IntoIterator<Item = (u64, i64)>, pending: u64) {
        let mut lane = self.lock();
        lane.read.extend(messages);
        lane.pending = pending;
        self.show(&lane);
    }

    /// So many are behind what was read.
    pub(crate) fn pending(&self, pending: u64) {
        self.read([], pending);
    }

    /// All up to this sequence is decided.
    pub(crate) fn decided(&self, to: u64) {
        let mut lane = self.lock();
        while lane.read.front().is_some_and(|(sequence, _)| *sequence <= to) {
            lane.read.pop_front();
        }
        self.show(&lane);
    }

    fn show(&self, lane: &Lane) {
        let read = u64::try_from(lane.read.len()).unwrap_or(u64::MAX);
        let oldest_ms = lane.read.front().map(|(_, stored_ms)| *stored_ms);
        self.undone.show(lane.pending.saturating_add(read), oldest_ms);
    }

    fn lock(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_ahead_and_not_decided_is_undone() {
        let name = OfFilter { function: "f".into(), filter: "l".into() };
        let undone = Undone::new(&Metrics::default(), &name);
        let ahead = Ahead::new(undone.clone());
        let shown = || (undone.messages.get(), undone.oldest.get());
        ahead.read([(3, 5_000), (5, 6_500), (8, 9_000)], 4);
        assert_eq!(shown(), (7, 5));
        ahead.decided(5);
        assert_eq!(shown(), (5, 9));
        ahead.pending(0);
        assert_eq!(shown(), (1, 9), "it is in the function's hands");
        ahead.decided(8);
        assert_eq!(shown(), (0, 0));
    }
}
