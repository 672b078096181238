//! What a subscription has not done, as metrics: how much, since when, and when that was asked.

use crate::metrics::{Metrics, OfFilter, gauge};
use messaging::backlog::Backlog;
use prometheus_client::metrics::gauge::Gauge;

/// The figures of one subscription. A copy shows the same figures.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    messages: Gauge,
    /// Seconds since 1970; 0: nothing is left. A time and not an age, so that it is right as well
    /// while nobody looks.
    oldest: Gauge,
    /// When the server said so, seconds since 1970: what it does not answer is not known any more.
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

    /// Shows what the server has just said.
    pub(crate) fn show(&self, backlog: &Backlog) {
        self.messages.set(gauge(backlog.count()));
        self.oldest.set(backlog.oldest.map_or(0, |oldest| oldest.stored_ms / 1_000));
        self.asked.set(async_nats::datetime::now().unix_timestamp());
    }
}
