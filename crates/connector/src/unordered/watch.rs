//! Looks at a consumer every few seconds: how much is left, how far it is, whether it stands still.

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

/// Messages that may wait for another attempt before no more are given out: whoever is behind them
/// waits as well then. The files of a partner whose server is away are many.
pub(crate) const DELAYED_MAX: usize = 20_000;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Looks in a row that must find it standing still.
const LOOKS: u32 = 3;

/// How far a consumer was, in which stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which stream.
    pub(crate) identity: Identity,
    /// Everything up to this sequence is settled.
    pub(crate) settled: u64,
}

impl Place {
    /// Is it in the stream with this identity? `setup` may have given it a name meanwhile.
    pub(crate) fn is_of(&self, identity: &Identity) -> bool {
        identity.is(&self.identity.name)
    }
}

/// What deliveries and their watch tell each other.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Fetches that found nothing, and those that found something.
    empty: AtomicU64,
    full: AtomicU64,
    stalled: AtomicBool,
    place: Mutex<Option<Place>>,
}

/// What one look saw.
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

    /// Did the consumer stand still? Says so once.
    pub(crate) fn take_stalled(&self) -> bool {
        self.stalled.swap(false, Ordering::Relaxed)
    }

    /// Where it was when it was seen last.
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

    /// Looks until it is dropped.
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
            // It may be gone; whoever fetches from it finds out and makes it anew.
            let Ok(info) = stream.consumer_info(&name).await else { continue };
            match Backlog::of(&shared.nats, &info).await {
                Ok(backlog) => undone.show(&backlog),
                Err(error) => tracing::debug!(%error, "what is undone is not known"),
            }
            if let Some(place) = self.place() {
                let settled = place.settled.max(settled(&info));
                self.at(Place { settled, ..place });
            }
            let now = self.look(&info);
            still = if stands_still(before, now) { still + 1 } else { 0 };
            if still == LOOKS {
                self.stalled.store(true, Ordering::Relaxed);
                still = 0;
            }
            before = now;
        }
    }
}

/// There are messages that nothing keeps back, they were asked for, and none came.
fn stands_still(before: Look, now: Look) -> bool {
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
    fn only_what_is_asked_for_and_free_to_go_stands_still() {
        let before = Look { pending: 5, unacknowledged: 0, empty: 3, full: 9 };
        let asked = Look { empty: 4, ..before };
        assert!(stands_still(before, asked));
        for (now, why) in [
            (before, "nobody asked"),
            (Look { full: 10, ..asked }, "something came"),
            (Look { pending: 0, ..asked }, "there is nothing"),
            (Look { unacknowledged: DELAYED_MAX, ..asked }, "others have to be settled first"),
        ] {
            assert!(!stands_still(before, now), "{why}");
        }
        let empty = Look { pending: 0, ..before };
        assert!(!stands_still(empty, asked), "they have only just come");
    }
}
