//! Stops calling a function that does not answer, and probes until it answers again.

use crate::backoff::{self, Jitter};
use crate::metrics::{Metrics, OfFilter};
use prometheus_client::metrics::gauge::Gauge;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Closed while the function answers; open while only probes are sent.
#[derive(Debug)]
pub(crate) struct Circuit {
    name: OfFilter,
    gauge: Gauge,
    state: Mutex<Option<Open>>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    failures: u32,
    probe_at: Instant,
}

impl Circuit {
    pub(crate) fn new(name: OfFilter, metrics: &Metrics) -> Self {
        let gauge = metrics.circuit_open.get_or_create_owned(&name);
        gauge.set(0);
        Self { name, gauge, state: Mutex::default() }
    }

    /// Time until the next probe; `None` while closed.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let open = *self.state();
        open.map(|open| open.probe_at.saturating_duration_since(Instant::now()))
    }

    /// A call got no answer.
    pub(crate) fn failed(&self, reason: &str, retry_after: Option<Duration>) {
        let now = Instant::now();
        let mut state = self.state();
        let failures = match *state {
            // Calls that were in progress together count as one failure.
            Some(open) if now < open.probe_at => return,
            Some(open) => open.failures.saturating_add(1),
            None => 1,
        };
        let delay = backoff::circuit(failures, Jitter::random());
        let delay = delay.max(retry_after.unwrap_or_default());
        *state = Some(Open { failures, probe_at: now + delay });
        drop(state);
        let OfFilter { function, filter } = &self.name;
        let seconds = delay.as_secs_f64();
        if failures == 1 {
            self.gauge.set(1);
            tracing::error!(
                alert = "circuit open",
                function,
                filter,
                reason,
                seconds,
                "not called until a probe is answered"
            );
        } else {
            tracing::warn!(function, filter, reason, seconds, "probe was not answered");
        }
    }

    /// The function answered.
    pub(crate) fn answered(&self) {
        if self.state().take().is_some() {
            self.gauge.set(0);
            let OfFilter { function, filter } = &self.name;
            tracing::info!(function, filter, "answers again");
        }
    }

    fn state(&self) -> MutexGuard<'_, Option<Open>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Circuit {
    fn drop(&mut self) {
        self.gauge.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circuit() -> Circuit {
        let name = OfFilter { function: "f".into(), filter: "orders".into() };
        Circuit::new(name, &Metrics::default())
    }

    #[tokio::test]
    async fn it_opens_at_once_and_closes_with_the_first_answer() {
        let circuit = circuit();
        assert_eq!(circuit.wait(), None);
        circuit.failed("404", None);
        let first = circuit.wait().unwrap();
        assert!(first <= Duration::from_millis(300), "{first:?}");
        circuit.failed("404", None);
        assert!(circuit.wait().unwrap() <= first, "calls under way together are one failure");
        circuit.answered();
        assert_eq!(circuit.wait(), None);
    }

    #[tokio::test]
    async fn it_waits_as_long_as_it_is_asked_to() {
        let circuit = circuit();
        circuit.failed("429", Some(Duration::from_secs(60)));
        assert!(circuit.wait().unwrap() > Duration::from_secs(59));
    }
}
