//! What all deliveries share.

use crate::annotations::Subscription;
use crate::gateway::Gateway;
use crate::metrics::Metrics;
use messaging::Nats;
use messaging::store::Store;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long calls in progress have to end.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);

/// What all deliveries share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) nats: Nats,
    pub(crate) gateway: Gateway,
    pub(crate) metrics: Metrics,
    /// How long a lane must be quiet before its position moves.
    pub(crate) quiet_after: Duration,
    /// Checks that the store is the one that was seen first.
    pub(crate) store: Arc<Store>,
}

impl Shared {
    /// Waits before another try after a NATS failure: for `delay`, or until NATS is connected again.
    pub(crate) async fn pause(&self, delay: Duration) {
        // Both are a reason to try again.
        drop(tokio::time::timeout(delay, self.nats.link.connected()).await);
    }

    /// Logs an error if the server denied something about the stream of `of` since `since`, and returns
    /// whether it did. The failed request itself only shows that no answer came.
    pub(crate) fn report_denied(&self, of: &Subscription, since: Instant) -> bool {
        let Subscription { function, filter, stream, .. } = of;
        let Some(denied) = self.nats.link.denied(since, &format!(".{stream}")) else {
            return false;
        };
        tracing::error!(
            alert = "denied",
            function,
            filter,
            denied,
            "NATS denies a permission that is needed"
        );
        true
    }
}
