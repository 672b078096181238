//! Checks a consumer every few seconds: its backlog, its position, and whether it has stalled.

use crate::annotations::{Subscription, durable_name};
use crate::shared::Shared;
use crate::undone::Undone;
use async_nats::jetstream::consumer;
use messaging::backlog::{Backlog, settled};
use messaging::streams::identity::Identity;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How many messages may wait for another attempt before no more are delivered; messages behind them
/// wait as well then. A partner whose server is away can have many such files.
pub(crate) const DELAYED_MAX: usize = 20_000;

/// How often the consumer is checked.
const EVERY: Duration = Duration::from_secs(5);
/// How many checks in a row must find it stalled.
const LOOKS: u32 = 3;

/// The position of a consumer in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The stream.
    pub(crate) identity: Identity,
    /// Everything up to this sequence is settled.
    pub(crate) settled: u64,
}

impl Place {
    /// Is it in the stream with this identity? `setup` may have renamed the identity in the meantime.
    pub(crate) fn is_of(&self, identity: &Identity) -> bool {
        identity.is(&self.identity.name)
    }
}

/// State shared by the deliveries and the watch of a subscription.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Number of fetches that found nothing, and of those that found messages.
    empty: AtomicU64,
    full: AtomicU64,
    stalled: AtomicBool,
    place: Mutex<Option<Place>>,
}

/// The result of one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    pending: u64,
    unacknowledged: usize,
    empty: u64,
    full: u64,
}

impl Watch {
    pub(crate) fn fetched(&self, messages: usize) {
        let count = if messages == 0 { &self.empty } else { &self.full };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Has the consumer stalled? Returns true once.
    pub(crate) fn take_stalled(&self) -> bool {
        self.stalled.swap(false, Ordering::Relaxed)
    }

    /// The last known position.
    pub(crate) fn place(&self) -> Option<Place> {
        self.lock().clone()
    }

    pub(crate) fn at(&self, place: Place) {
        *self.lock() = Some(place);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, info: &consumer::Info) -> Look {
        Look {
            pending: info.num_pending,
            unacknowledged: info.num_ack_pending,
            empty: self.empty.load(Ordering::Relaxed),
            full: self.full.load(Ordering::Relaxed),
        }
    }

    /// Checks until it is dropped.
    pub(crate) async fn run(&self, shared: &Shared, subscription: &Subscription, undone: &Undone) {
        let name = durable_name(&subscription.function, &subscription.filter);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = Look::default();
        let mut still = 0;
        loop {
            ticks.tick().await;
            let Ok(stream) = shared.nats.js.get_stream_no_info(&subscription.stream).await else {
                continue;
            };
            // It may be gone; the next fetch finds out and creates it again.
            let Ok(info) = stream.consumer_info(&name).await else { continue };
            match Backlog::of(&shared.nats, &info).await {
                Ok(backlog) => undone.show(&backlog),
                Err(error) => tracing::debug!(%error, "cannot count the undone messages"),
            }
            if let Some(place) = self.place() {
                let settled = place.settled.max(settled(&info));
                self.at(Place { settled, ..place });
            }
            let now = self.look(&info);
            still = if is_stalled(before, now) { still + 1 } else { 0 };
            if still == LOOKS {
                self.stalled.store(true, Ordering::Relaxed);
                still = 0;
            }
            before = now;
        }
    }
}

/// True if messages are deliverable and were requested, but none arrived.
fn is_stalled(before: Look, now: Look) -> bool {
    0 < now.pending
        && 0 < before.pending
        && now.unacknowledged < DELAYED_MAX
        && before.empty < now.empty
        && before.full == now.full
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_consumer_that_withholds_deliverable_messages_is_stalled() {
        let before = Look { pending: 5, unacknowledged: 0, empty: 3, full: 9 };
        let asked = Look { empty: 4, ..before };
        assert!(is_stalled(before, asked));
        for (now, why) in [
            (before, "nobody asked"),
            (Look { full: 10, ..asked }, "something came"),
            (Look { pending: 0, ..asked }, "there is nothing"),
            (Look { unacknowledged: DELAYED_MAX, ..asked }, "others have to be settled first"),
        ] {
            assert!(!is_stalled(before, now), "{why}");
        }
        let empty = Look { pending: 0, ..before };
        assert!(!is_stalled(empty, asked), "they have only just come");
    }
}
