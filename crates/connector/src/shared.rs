//! What all deliveries share.

use crate::annotations::Subscription;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use messaging::Nats;
use messaging::store::Store;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long calls in progress may take to end.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);

/// What all deliveries share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) nats: Nats,
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Metrics,
    /// How long nothing comes before the position of a quiet lane moves.
    pub(crate) quiet_after: Duration,
    /// Is it the store that was seen first?
    pub(crate) store: Arc<Store>,
}

impl Shared {
    /// Waits before another try of what NATS did not do: for `delay`, or until it is back.
    pub(crate) async fn pause(&self, delay: Duration) {
        // Either is a reason to try again.
        drop(tokio::time::timeout(delay, self.nats.link.connected()).await);
    }

    /// Says aloud if the server refused something about the stream of `of` since `since`: did it?
    /// Whoever asked for it only sees that no answer comes.
    pub(crate) fn report_denied(&self, of: &Subscription, since: Instant) -> bool {
        let Subscription { function, filter, stream, .. } = of;
        let Some(denied) = self.nats.link.denied(since, &format!(".{stream}")) else {
            return false;
        };
        tracing::error!(alert = "denied", function, filter, denied, "NATS refuses what is needed");
        true
    }
}
