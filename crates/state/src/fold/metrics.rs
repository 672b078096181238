//! What a fold says of itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    fold: &'static str,
}

/// The metrics of all folds of a function.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    events: Family<Label, Counter>,
    refused: Family<Label, Counter>,
    again: Family<Label, Counter>,
    behind: Family<Label, Gauge>,
    behind_seconds: Family<Label, Gauge>,
    held: Family<Label, Gauge>,
    checkpoints: Family<Label, Counter>,
    failures: Family<Label, Counter>,
}

impl Metrics {
    /// Makes them known.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        let mut add = |name, help, metric: &Family<Label, Counter>| {
            registry.register(name, help, metric.clone());
        };
        add("fold_events", "Events that a fold counted", &it.events);
        add("fold_refused", "Events that a fold could not count and passed over", &it.refused);
        add(
            "fold_again",
            "Facts that the servers stored twice, and of which the second was passed over",
            &it.again,
        );
        add("fold_checkpoints", "Checkpoints that this process wrote", &it.checkpoints);
        add("fold_checkpoint_failures", "Checkpoints that could not be written", &it.failures);
        let mut add = |name, help, metric: &Family<Label, Gauge>| {
            registry.register(name, help, metric.clone());
        };
        add("fold_behind_messages", "Messages of the streams behind what was read", &it.behind);
        add(
            "fold_behind_seconds",
            "Since when a fold has not seen the end of its streams",
            &it.behind_seconds,
        );
        add("fold_held", "Entries that a fold holds", &it.held);
        it
    }

    /// Those of one fold, all begun.
    pub(super) fn of(&self, fold: &'static str) -> Own {
        let label = Label { fold };
        Own {
            events: self.events.get_or_create_owned(&label),
            refused: self.refused.get_or_create_owned(&label),
            again: self.again.get_or_create_owned(&label),
            behind: self.behind.get_or_create_owned(&label),
            behind_seconds: self.behind_seconds.get_or_create_owned(&label),
            held: self.held.get_or_create_owned(&label),
            checkpoints: self.checkpoints.get_or_create_owned(&label),
            failures: self.failures.get_or_create_owned(&label),
            seen_end: Mutex::new(Instant::now()),
        }
    }
}

/// The metrics of one fold.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) events: Counter,
    pub(super) refused: Counter,
    pub(super) again: Counter,
    behind: Gauge,
    behind_seconds: Gauge,
    pub(super) held: Gauge,
    pub(super) checkpoints: Counter,
    pub(super) failures: Counter,
    /// When it had read all that there was.
    seen_end: Mutex<Instant>,
}

impl Own {
    /// So many messages are not read yet; nothing: the server does not say.
    pub(super) fn set_behind(&self, messages: Option<u64>) {
        let mut seen = self.seen_end.lock().unwrap_or_else(PoisonError::into_inner);
        if messages == Some(0) {
            *seen = Instant::now();
        }
        if let Some(messages) = messages {
            self.behind.set(i64::try_from(messages).unwrap_or(i64::MAX));
        }
        self.behind_seconds.set(i64::try_from(seen.elapsed().as_secs()).unwrap_or(i64::MAX));
    }
}
