//! Metrics of every function.

use std::fmt;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The default buckets of Prometheus, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    code: u16,
    method: &'static str,
}

/// Metrics of requests, named as in of-watchdog.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    requests: Family<Labels, Counter>,
    duration: Family<Labels, Histogram>,
    pub(crate) in_flight: Gauge,
    /// Updated each time the metrics are read.
    pub(crate) ready: Gauge,
}

impl HttpMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            ready: Gauge::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        let help = "Requests being answered";
        registry.register("http_requests_in_flight", help, metrics.in_flight.clone());
        let help = "1 if all services that this process needs answer";
        registry.register("process_ready", help, metrics.ready.clone());
        registry.register_collector(Box::new(Process));
        metrics
    }

    pub(crate) fn count(&self, method: &Method, status: StatusCode, duration: Duration) {
        let labels = Labels { code: status.as_u16(), method: method_label(method) };
        self.requests.get_or_create(&labels).inc();
        self.duration.get_or_create(&labels).observe(duration.as_secs_f64());
    }
}

/// Clients may invent methods; this keeps the number of labels small.
fn method_label(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

/// Metrics that Linux has about this process; none on other systems.
#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name, help, unit: Unit, value: Option<f64>| {
            let Some(value) = value else { return Ok(()) };
            let gauge = ConstGauge::new(value);
            let kind = gauge.metric_type();
            gauge.encode(encoder.encode_descriptor(name, help, Some(&unit), kind)?)
        };
        let memory = "Resident memory of the process";
        gauge("process_resident_memory", memory, Unit::Bytes, resident_bytes())?;
        gauge("process_start_time", "Start since the epoch", Unit::Seconds, start_seconds())
    }
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn start_seconds() -> Option<f64> {
    /// Linux reports times to programs in this unit, whatever the kernel uses inside.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; the start is the 20th field after it.
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks: f64 = after_name.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let system = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_show_under_the_names_dashboards_know() {
        let mut registry = Registry::default();
        let metrics = HttpMetrics::register(&mut registry);
        metrics.count(&Method::POST, StatusCode::OK, Duration::from_millis(7));
        metrics.count(&Method::from_bytes(b"BREW").unwrap(), StatusCode::NOT_FOUND, Duration::ZERO);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "http_requests_total{code=\"200\",method=\"POST\"} 1\n",
            "http_requests_total{code=\"404\",method=\"OTHER\"} 1\n",
            "http_request_duration_seconds_bucket{le=\"0.005\",code=\"200\",method=\"POST\"} 0\n",
            "http_request_duration_seconds_bucket{le=\"0.01\",code=\"200\",method=\"POST\"} 1\n",
            "http_requests_in_flight 0\n",
        ] {
            assert!(text.contains(line), "{line} not in {text}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_and_start_of_the_process_are_read_on_linux() {
        assert!(resident_bytes().unwrap() > 100_000.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - start_seconds().unwrap();
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }
}
