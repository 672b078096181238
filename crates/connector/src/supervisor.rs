//! Keeps deliveries in step with what the gateway lists.

use crate::annotations::{self, Mode, Problem, Subscription};
use crate::gateway::Listed;
use crate::metrics::gauge;
use crate::stop::{Stop, Stopper, channel};
use crate::{Shared, ordered, unordered};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

/// Function and filter.
type Key = (String, String);

/// A subscription at work.
struct Running {
    subscription: Subscription,
    stopper: Stopper,
    task: JoinHandle<()>,
}

/// Lists functions and delivers to them until `stop`; ends when the last call has.
pub(crate) async fn run(shared: Shared, poll: Duration, listed: Arc<AtomicBool>, stop: Stop) {
    let mut supervisor = Supervisor { shared, running: BTreeMap::new(), reported: String::new() };
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut well = true;
    while stop.or(ticks.tick()).await.is_some() {
        let Some(list) = stop.or(supervisor.shared.gateway.list()).await else { break };
        listed.store(list.is_ok(), Ordering::Relaxed);
        match list {
            Ok(functions) => {
                supervisor.follow(&functions).await;
                well = true;
            }
            // Deliveries go on with what was listed last.
            Err(error) if well => {
                well = false;
                tracing::warn!(%error, "cannot list the functions of the gateway");
            }
            Err(error) => tracing::debug!(%error, "cannot list the functions of the gateway"),
        }
    }
    supervisor.stop_all().await;
}

struct Supervisor {
    shared: Shared,
    running: BTreeMap<Key, Running>,
    /// Problems as they were logged last: each is said once.
    reported: String,
}

impl Supervisor {
    async fn follow(&mut self, functions: &[Listed]) {
        let (wanted, problems) = wanted(functions);
        self.report(&problems);
        let stale: BTreeSet<Key> = self
            .running
            .iter()
            .filter(|(key, running)| {
                running.task.is_finished() || wanted.get(key) != Some(&running.subscription)
            })
            .map(|(key, _)| key.clone())
            .collect();
        let mut ending = JoinSet::new();
        for key in stale {
            if let Some(running) = self.running.remove(&key) {
                let Subscription { function, filter, .. } = &running.subscription;
                tracing::info!(function, filter, "deliveries stop");
                running.stopper.stop();
                ending.spawn(running.task);
            }
        }
        // What is started again must not meet its former self.
        while ending.join_next().await.is_some() {}
        for (key, subscription) in wanted {
            if !self.running.contains_key(&key) {
                self.start(key, subscription);
            }
        }
    }

    fn start(&mut self, key: Key, subscription: Subscription) {
        let (stopper, stop) = channel();
        let (shared, of) = (self.shared.clone(), subscription.clone());
        let Subscription { function, filter, .. } = &subscription;
        tracing::info!(function, filter, "deliveries start");
        let task = match subscription.mode {
            Mode::Ordered => tokio::spawn(ordered::run(shared, of, stop)),
            Mode::Unordered { deliver, max_inflight } => {
                tokio::spawn(unordered::run(shared, of, deliver, max_inflight, stop))
            }
        };
        self.running.insert(key, Running { subscription, stopper, task });
    }

    fn report(&mut self, problems: &[Problem]) {
        self.shared.metrics.problems.set(gauge(u64::try_from(problems.len()).unwrap_or(u64::MAX)));
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let all = lines.join("\n");
        if all != self.reported {
            for problem in lines {
                tracing::error!(alert = "annotations", problem, "the function is not called");
            }
            self.reported = all;
        }
    }

    async fn stop_all(self) {
        let tasks = self.running.into_values().map(|running| {
            running.stopper.stop();
            running.task
        });
        for ended in futures_util::future::join_all(tasks).await {
            if let Err(error) = ended {
                tracing::error!(%error, "deliveries ended badly");
            }
        }
    }
}

/// What is to be delivered, by function and filter. One function's problems do not touch others.
fn wanted(functions: &[Listed]) -> (BTreeMap<Key, Subscription>, Vec<Problem>) {
    let mut wanted = BTreeMap::new();
    let mut problems = Vec::new();
    let none = BTreeMap::new();
    for Listed { name, annotations } in functions {
        match annotations::parse(name, annotations.as_ref().unwrap_or(&none)) {
            Ok(subscriptions) => wanted.extend(
                subscriptions.into_iter().map(|one| ((name.clone(), one.filter.clone()), one)),
            ),
            Err(found) => problems.extend(found),
        }
    }
    (wanted, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_annotation_stops_only_its_own_function() {
        let function = |name: &str, topic: &str| Listed {
            name: name.into(),
            annotations: Some([("topic".to_owned(), topic.to_owned())].into()),
        };
        let bare = Listed { name: "bare".into(), annotations: None };
        let (wanted, problems) =
            wanted(&[function("a", "payments"), function("b", "orders"), bare]);
        let keys: Vec<_> = wanted.into_keys().collect();
        assert_eq!(keys, [("b".to_owned(), "orders".to_owned())]);
        assert_eq!(problems.len(), 1);
    }
}
