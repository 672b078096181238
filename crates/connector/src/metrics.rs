//! What the connector counts. `docs/CONNECTOR.md` is the list.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Possible outcomes of messages.
const OUTCOMES: [&str; 4] = ["done", "dead", "parked", "unanswered"];
/// Expected result codes of calls.
const CODES: [&str; 12] = [
    "200",
    "400",
    "409",
    "422",
    "429",
    "500",
    "gateway-404",
    "gateway-502",
    "late",
    "unreachable",
    "unfinished",
    "died",
];

/// A call may take up to 15 minutes, and most take milliseconds.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 45.0, 300.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfOutcome {
    pub(crate) function: String,
    pub(crate) filter: String,
    pub(crate) outcome: &'static str,
}

impl OfOutcome {
    fn new(name: &OfFilter, outcome: &'static str) -> Self {
        let OfFilter { function, filter } = name.clone();
        Self { function, filter, outcome }
    }
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

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfStream {
    pub(crate) stream: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) messages: Family<OfOutcome, Counter>,
    pub(crate) calls: Family<OfCode, Counter>,
    pub(crate) call_seconds: Family<OfFunction, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Family<OfFunction, Gauge>,
    pub(crate) attempts: Family<OfFunction, Counter>,
    pub(crate) halvings: Family<OfFunction, Counter>,
    pub(crate) dead_letters: Family<OfFunction, Counter>,
    pub(crate) unconfirmed: Family<OfFunction, Counter>,
    pub(crate) concurrency: Family<OfFilter, Gauge>,
    pub(crate) circuit_open: Family<OfFilter, Gauge>,
    pub(crate) lane_held: Family<OfFilter, Gauge>,
    pub(crate) lane_leased: Family<OfFilter, Gauge>,
    pub(crate) lag: Family<OfFilter, Gauge>,
    pub(crate) oldest: Family<OfFilter, Gauge>,
    pub(crate) lag_asked: Family<OfFilter, Gauge>,
    pub(crate) rebuilds: Family<OfFilter, Counter>,
    pub(crate) problems: Gauge,
    pub(crate) list_failures: Counter,
    pub(crate) storage: Gauge,
    pub(crate) storage_limit: Gauge,
    pub(crate) stream_bytes: Family<OfStream, Gauge>,
    pub(crate) stream_messages: Family<OfStream, Gauge>,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            messages: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(histogram),
            in_flight: Family::default(),
            attempts: Family::default(),
            halvings: Family::default(),
            dead_letters: Family::default(),
            unconfirmed: Family::default(),
            concurrency: Family::default(),
            circuit_open: Family::default(),
            lane_held: Family::default(),
            lane_leased: Family::default(),
            lag: Family::default(),
            oldest: Family::default(),
            lag_asked: Family::default(),
            rebuilds: Family::default(),
            problems: Gauge::default(),
            list_failures: Counter::default(),
            storage: Gauge::default(),
            storage_limit: Gauge::default(),
            stream_bytes: Family::default(),
            stream_messages: Family::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        metrics.register_calls(registry);
        metrics.register_subscriptions(registry);
        metrics.register_storage(registry);
        metrics
    }

    fn register_calls(&self, registry: &mut Registry) {
        let help = "Messages by outcome";
        registry.register("connector_messages", help, self.messages.clone());
        registry.register("connector_calls", "Calls by status", self.calls.clone());
        let help = "Time from the start of a call to the end of its answer";
        registry.register_with_unit(
            "connector_call_duration",
            help,
            Unit::Seconds,
            self.call_seconds.clone(),
        );
        registry.register("connector_in_flight", "Calls in progress", self.in_flight.clone());
        let help = "Failed attempts of messages";
        registry.register("connector_attempts", help, self.attempts.clone());
        let help = "Calls cut into halves to find the message that fails";
        registry.register("connector_halvings", help, self.halvings.clone());
        registry.register("connector_dead_letters", "Messages given up", self.dead_letters.clone());
        let help =
            "Messages whose acknowledgement the server did not confirm; they are delivered again";
        registry.register("connector_unconfirmed", help, self.unconfirmed.clone());
    }

    fn register_subscriptions(&self, registry: &mut Registry) {
        let help = "Calls that may be in progress at once";
        registry.register("connector_concurrency_limit", help, self.concurrency.clone());
        let help = "1 while the function does not answer and is only probed";
        registry.register("connector_circuit_open", help, self.circuit_open.clone());
        let help = "1 while an ordered lane is held and an operator has to act";
        registry.register("connector_lane_held", help, self.lane_held.clone());
        let help = "1 while this connector holds the lease of the lane";
        registry.register("connector_lane_leased", help, self.lane_leased.clone());
        let help = "Messages that are not done: not delivered, or delivered and not acknowledged";
        registry.register("connector_lag_messages", help, self.lag.clone());
        let help = "When the oldest message that is not done was stored, in seconds since 1970; 0: there is none";
        let oldest = self.oldest.clone();
        registry.register_with_unit(
            "connector_oldest_undone_timestamp",
            help,
            Unit::Seconds,
            oldest,
        );
        let help = "When the server last reported lag and oldest message, in seconds since 1970";
        let asked = self.lag_asked.clone();
        registry.register_with_unit("connector_lag_asked_timestamp", help, Unit::Seconds, asked);
        let help = "Consumers created again because they were gone, changed or stalled";
        registry.register("connector_rebuilds", help, self.rebuilds.clone());
        let help = "Annotations that cannot be used";
        registry.register("connector_annotation_problems", help, self.problems.clone());
        let help = "Failed requests for the gateway's list of functions";
        registry.register("connector_list_failures", help, self.list_failures.clone());
    }

    fn register_storage(&self, registry: &mut Registry) {
        let help = "Bytes that the account of this user stores, all copies together";
        registry.register_with_unit("jetstream_storage", help, Unit::Bytes, self.storage.clone());
        let help = "Bytes that the account may store; 0: no limit";
        let limit = self.storage_limit.clone();
        registry.register_with_unit("jetstream_storage_limit", help, Unit::Bytes, limit);
        let help = "Bytes that a stream or bucket stores, one copy";
        let bytes = self.stream_bytes.clone();
        registry.register_with_unit("jetstream_stream", help, Unit::Bytes, bytes);
        let help = "Messages of a stream or bucket";
        registry.register("jetstream_stream_messages", help, self.stream_messages.clone());
    }

    /// Prometheus does not see the increase of a counter whose first value is 1, so all of them begin
    /// with 0. Codes that are not listed here appear when they are first counted.
    pub(crate) fn begin(&self, name: &OfFilter) {
        let OfFilter { function, .. } = name;
        for family in [&self.attempts, &self.halvings, &self.dead_letters, &self.unconfirmed] {
            let label = OfFunction { function: function.to_owned() };
            drop(family.get_or_create_owned(&label));
        }
        let of = OfFunction { function: function.to_owned() };
        drop(self.call_seconds.get_or_create_owned(&of));
        drop(self.in_flight.get_or_create_owned(&of));
        for outcome in OUTCOMES {
            drop(self.messages.get_or_create_owned(&OfOutcome::new(name, outcome)));
        }
        for code in CODES {
            let label = OfCode { function: function.to_owned(), code: code.to_owned() };
            drop(self.calls.get_or_create_owned(&label));
        }
    }

    pub(crate) fn count(&self, name: &OfFilter, outcome: &'static str, messages: usize) {
        if messages > 0 {
            let label = OfOutcome::new(name, outcome);
            self.messages.get_or_create(&label).inc_by(number(messages));
        }
    }
}

impl Metrics {
    /// Removes the gauges of a subscription that ended; its counters stay.
    pub(crate) fn forget(&self, name: &OfFilter) {
        for gauges in [
            &self.concurrency,
            &self.circuit_open,
            &self.lane_held,
            &self.lane_leased,
            &self.lag,
            &self.oldest,
            &self.lag_asked,
        ] {
            gauges.remove(name);
        }
    }
}

/// Adds to a counter that is labelled by function.
pub(crate) fn add(to: &Family<OfFunction, Counter>, function: &str, count: usize) {
    if count > 0 {
        let label = OfFunction { function: function.to_owned() };
        to.get_or_create(&label).inc_by(number(count));
    }
}

pub(crate) fn gauge(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    impl Metrics {
        /// The registry does not show a family without a series, so this creates one for each.
        fn touch(&self) {
            let function = String::new;
            let of = OfFilter { function: function(), filter: String::new() };
            drop(self.messages.get_or_create(&OfOutcome::new(&of, "")));
            drop(self.calls.get_or_create(&OfCode { function: function(), code: String::new() }));
            let of = OfFunction { function: function() };
            drop(self.call_seconds.get_or_create(&of));
            drop(self.in_flight.get_or_create(&of));
            for family in [&self.attempts, &self.halvings, &self.dead_letters, &self.unconfirmed] {
                drop(family.get_or_create(&of));
            }
            let of = OfFilter { function: function(), filter: String::new() };
            for family in [
                &self.concurrency,
                &self.circuit_open,
                &self.lane_held,
                &self.lane_leased,
                &self.lag,
                &self.oldest,
                &self.lag_asked,
            ] {
                drop(family.get_or_create(&of));
            }
            drop(self.rebuilds.get_or_create(&of));
            let of = OfStream { stream: String::new() };
            for family in [&self.stream_bytes, &self.stream_messages] {
                drop(family.get_or_create(&of));
            }
        }
    }

    #[test]
    fn counters_of_a_function_begin_with_0() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        metrics.begin(&OfFilter { function: "f".into(), filter: "o".into() });
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for series in [
            "connector_messages_total{function=\"f\",filter=\"o\",outcome=\"done\"}",
            "connector_messages_total{function=\"f\",filter=\"o\",outcome=\"dead\"}",
            "connector_messages_total{function=\"f\",filter=\"o\",outcome=\"parked\"}",
            "connector_messages_total{function=\"f\",filter=\"o\",outcome=\"unanswered\"}",
            "connector_calls_total{function=\"f\",code=\"200\"}",
            "connector_calls_total{function=\"f\",code=\"unreachable\"}",
            "connector_attempts_total{function=\"f\"}",
            "connector_halvings_total{function=\"f\"}",
            "connector_dead_letters_total{function=\"f\"}",
            "connector_unconfirmed_total{function=\"f\"}",
        ] {
            assert!(text.contains(&format!("{series} 0\n")), "{series}");
        }
    }

    #[test]
    fn the_docs_list_every_metric() {
        let mut registry = Registry::default();
        Metrics::register(&mut registry).touch();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let total = |kind| if kind == "counter" { "_total" } else { "" };
        let known: BTreeSet<String> =
            kinds.map(|(name, kind)| format!("{name}{}", total(kind))).collect();
        let docs = include_str!("../../../docs/CONNECTOR.md").lines();
        let docs = docs.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let is_ours =
            |name: &str| ["connector_", "jetstream_"].iter().any(|prefix| name.starts_with(prefix));
        let listed: BTreeSet<String> =
            docs.filter(|name| is_ours(name)).map(ToOwned::to_owned).collect();
        assert_eq!(listed, known);
    }
}
