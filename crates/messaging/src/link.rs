//! What a connection says about itself: most of it reaches a program in no other way.

use async_nats::{Event, ServerError};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// Refusals that are remembered; older ones are forgotten first.
const DENIED_MAX: usize = 64;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Connected, for the first time or again.
    Connected,
    /// The connection is gone; the client makes a new one.
    Disconnected,
    /// Messages were dropped because a subscription did not take them fast enough.
    SlowConsumer,
    /// The server refused a publish or a subscription: the user may not do that.
    Denied,
    /// Any other error that the server or the client reported.
    Error,
}

impl Signal {
    /// Each once.
    pub const ALL: [Self; 5] =
        [Self::Connected, Self::Disconnected, Self::SlowConsumer, Self::Denied, Self::Error];

    /// Its name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::SlowConsumer => "slow-consumer",
            Self::Denied => "denied",
            Self::Error => "error",
        }
    }

    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Connected => Some(Self::Connected),
            Event::Disconnected => Some(Self::Disconnected),
            Event::SlowConsumer(_) | Event::ServerError(ServerError::SlowConsumer(_)) => {
                Some(Self::SlowConsumer)
            }
            Event::ServerError(ServerError::AuthorizationViolation) => Some(Self::Denied),
            Event::ServerError(ServerError::Other(text))
                if text.to_ascii_lowercase().starts_with("permissions violation") =>
            {
                Some(Self::Denied)
            }
            Event::ServerError(_) | Event::ClientError(_) => Some(Self::Error),
            Event::LameDuckMode | Event::Draining | Event::Closed => None,
        }
    }
}

/// Counts what happened to one connection, and remembers what was refused.
#[derive(Debug, Default)]
pub struct Link {
    counts: [AtomicU64; Signal::ALL.len()],
    connections: watch::Sender<u64>,
    denied: Mutex<VecDeque<(Instant, String)>>,
}

impl Link {
    /// How often it happened since the connection was made.
    #[must_use]
    pub fn count(&self, signal: Signal) -> u64 {
        let place = Signal::ALL.iter().zip(&self.counts).find(|(known, _)| **known == signal);
        place.map_or(0, |(_, count)| count.load(Ordering::Relaxed))
    }

    /// Waits for the next time that the connection is made.
    pub async fn connected(&self) {
        // It ends only with `self`.
        drop(self.connections.subscribe().changed().await);
    }

    /// The last refusal since `since` whose subject has `part` in it, as the server worded it.
    #[must_use]
    pub fn denied(&self, since: Instant, part: &str) -> Option<String> {
        let denied = self.denied_lock();
        let mut found =
            denied.iter().rev().filter(|(at, text)| since <= *at && text.contains(part));
        found.next().map(|(_, text)| text.clone())
    }

    pub(crate) fn note(&self, event: &Event) {
        let Some(signal) = Signal::of(event) else { return };
        for (known, count) in Signal::ALL.iter().zip(&self.counts) {
            if *known == signal {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        if signal == Signal::Connected {
            self.connections.send_modify(|connections| *connections += 1);
        }
        if signal == Signal::Denied {
            let mut denied = self.denied_lock();
            if denied.len() == DENIED_MAX {
                denied.pop_front();
            }
            denied.push_back((Instant::now(), event.to_string()));
        }
    }

    fn denied_lock(&self) -> MutexGuard<'_, VecDeque<(Instant, String)>> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn said(text: &str) -> Event {
        Event::ServerError(ServerError::Other(text.into()))
    }

    #[tokio::test]
    async fn whoever_waits_learns_of_the_next_connection() {
        let link = Link::default();
        link.note(&Event::Connected);
        let mut next = Box::pin(link.connected());
        let waits = timeout(Duration::ZERO, &mut next).await.is_err();
        assert!(waits, "an earlier one does not count");
        link.note(&Event::Disconnected);
        assert!(timeout(Duration::ZERO, &mut next).await.is_err());
        link.note(&Event::Connected);
        next.await;
    }

    #[test]
    fn events_are_counted_and_refusals_remembered() {
        let link = Link::default();
        let before = Instant::now();
        link.note(&Event::Connected);
        link.note(&Event::Disconnected);
        link.note(&Event::LameDuckMode);
        link.note(&Event::SlowConsumer(7));
        link.note(&said("maximum payload violation"));
        for n in 0..100 {
            link.note(&said(&format!("Permissions Violation for Publish to \"a.{n}.x\"")));
        }
        let counts = Signal::ALL.map(|signal| link.count(signal));
        assert_eq!(counts, [1, 1, 1, 100, 1]);
        assert!(link.denied(before, "a.99.x").unwrap().contains("Permissions Violation"));
        assert_eq!(link.denied(before, "a.35.x"), None, "older ones are forgotten");
        assert_eq!(link.denied(Instant::now(), "a.99.x"), None);
    }
}
