//! What the connector counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfOutcome {
    pub(crate) function: String,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfCode {
    pub(crate) function: String,
    pub(crate) code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfFunction {
    pub(crate) function: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfFilter {
    pub(crate) function: String,
    pub(crate) filter: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) messages: Family<OfOutcome, Counter>,
    pub(crate) calls: Family<OfCode, Counter>,
    pub(crate) in_flight: Family<OfFunction, Gauge>,
    pub(crate) dead_letters: Family<OfFunction, Counter>,
    pub(crate) circuit_open: Family<OfFilter, Gauge>,
    pub(crate) lane_held: Family<OfFilter, Gauge>,
    pub(crate) lag: Family<OfFilter, Gauge>,
    pub(crate) problems: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let of = &metrics;
        registry.register(
            "connector_messages",
            "Messages by what became of them",
            of.messages.clone(),
        );
        registry.register("connector_calls", "Calls by status", of.calls.clone());
        registry.register("connector_in_flight", "Calls in progress", of.in_flight.clone());
        registry.register("connector_dead_letters", "Messages given up", of.dead_letters.clone());
        let help = "1 while the function does not answer and is only probed";
        registry.register("connector_circuit_open", help, of.circuit_open.clone());
        let help = "1 while an ordered lane stands still until somebody looks";
        registry.register("connector_lane_held", help, of.lane_held.clone());
        registry.register("connector_lag", "Messages not yet given out", of.lag.clone());
        let help = "Annotations that cannot be used";
        registry.register("connector_annotation_problems", help, of.problems.clone());
        metrics
    }

    pub(crate) fn count(&self, function: &str, outcome: &'static str, messages: usize) {
        if messages > 0 {
            let label = OfOutcome { function: function.to_owned(), outcome };
            self.messages.get_or_create(&label).inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
        }
    }
}

pub(crate) fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
