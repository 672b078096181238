//! Metrics of what a subscription has not done: how much, since when, and when that was measured.

use crate::metrics::{Metrics, OfFilter, gauge};
use messaging::backlog::Backlog;
use prometheus_client::metrics::gauge::Gauge;

/// The metrics of one subscription. Clones share the same values.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    messages: Gauge,
    /// Seconds since 1970; 0 means that nothing is left. A time and not an age, so that it stays right
    /// when it is not updated.
    oldest: Gauge,
    /// When the server reported this, seconds since 1970; an old time shows that the values are
    /// outdated.
    asked: Gauge,
}

impl Undone {
    pub(crate) fn new(metrics: &Metrics, name: &OfFilter) -> Self {
        Self {
            messages: metrics.lag.get_or_create_owned(name),
            oldest: metrics.oldest.get_or_create_owned(name),
            asked: metrics.lag_asked.get_or_create_owned(name),
        }
    }

    /// Shows what the server has just reported.
    pub(crate) fn show(&self, backlog: &Backlog) {
        self.messages.set(gauge(backlog.count()));
        self.oldest.set(backlog.oldest.map_or(0, |oldest| oldest.stored_ms / 1_000));
        self.asked.set(async_nats::datetime::now().unix_timestamp());
    }
}
