//! Keeps deliveries in step with the functions that the gateway lists.

use crate::annotations::{self, Mode, Problem, Subscription};
use crate::gateway::Listed;
use crate::metrics::gauge;
use crate::shared::Shared;
use crate::stop::{Stop, Stopper, channel};
use crate::{ordered, unordered};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Function and filter.
type Key = (String, String);

/// How many lists in a row a function must be missing from before its deliveries end. A gateway that
/// has just started may not know all functions yet. A function that is called for too long answers 404,
/// which costs nothing.
const ABSENT_MAX: u32 = 3;

/// How long one list waits for the deliveries that it stopped, so that they can be started again at
/// once.
const ENDING_MAX: Duration = Duration::from_secs(1);

/// A running subscription.
struct Running {
    subscription: Subscription,
    /// How many lists in a row its function was missing from.
    absent: u32,
    stopper: Stopper,
    task: JoinHandle<()>,
}

/// Lists functions and delivers to them until `stop`; returns after the last call has ended.
pub(crate) async fn run(shared: Shared, poll: Duration, listed: Arc<AtomicBool>, stop: Stop) {
    let mut supervisor = Supervisor {
        shared,
        running: BTreeMap::new(),
        ending: BTreeMap::new(),
        reported: String::new(),
    };
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut well = true;
    while stop.or(ticks.tick()).await.is_some() {
        let Some(list) = stop.or(supervisor.shared.gateway.list()).await else { break };
        match list {
            Ok(functions) => {
                listed.store(true, Ordering::Relaxed);
                supervisor.follow(&functions).await;
                well = true;
            }
            // Deliveries continue with the last list.
            Err(error) => {
                supervisor.shared.metrics.list_failures.inc();
                if well {
                    tracing::warn!(%error, "cannot list the functions of the gateway");
                }
                well = false;
            }
        }
    }
    supervisor.stop_all().await;
}

impl Running {
    /// After a list with the functions `listed`: has this subscription ended, or should it end?
    fn is_stale(&mut self, listed: &BTreeSet<&str>, wanted: Option<&Subscription>) -> bool {
        if listed.contains(self.subscription.function.as_str()) {
            self.absent = 0;
            return self.task.is_finished() || wanted != Some(&self.subscription);
        }
        self.absent += 1;
        self.task.is_finished() || ABSENT_MAX <= self.absent
    }
}

struct Supervisor {
    shared: Shared,
    running: BTreeMap<Key, Running>,
    /// Stopped subscriptions whose calls have not ended yet.
    ending: BTreeMap<Key, JoinHandle<()>>,
    /// The problems that were logged last; each is logged once.
    reported: String,
}

impl Supervisor {
    async fn follow(&mut self, functions: &[Listed]) {
        let (wanted, problems) = wanted(functions);
        self.report(&problems);
        let listed: BTreeSet<&str> = functions.iter().map(|listed| listed.name.as_str()).collect();
        let stale: BTreeSet<Key> = self
            .running
            .iter_mut()
            .filter_map(|(key, running)| running.is_stale(&listed, wanted.get(key)).then_some(key))
            .cloned()
            .collect();
        for key in stale {
            if let Some(running) = self.running.remove(&key) {
                let Subscription { function, filter, .. } = &running.subscription;
                tracing::info!(function, filter, "deliveries stop");
                running.stopper.stop();
                self.ending.insert(key, running.task);
            }
        }
        // Most end at once; a long call of one function does not delay the others.
        let ended = join_all(self.ending.values_mut());
        if timeout(ENDING_MAX, ended).await.is_ok() {
            self.ending.clear();
        }
        self.ending.retain(|_, task| !task.is_finished());
        for (key, subscription) in wanted {
            // A subscription must not run twice.
            if !self.running.contains_key(&key) && !self.ending.contains_key(&key) {
                self.start(key, subscription);
            }
        }
    }

    fn start(&mut self, key: Key, subscription: Subscription) {
        let (stopper, stop) = channel();
        let (shared, of) = (self.shared.clone(), subscription.clone());
        let Subscription { function, filter, .. } = &subscription;
        tracing::info!(function, filter, "deliveries start");
        self.shared.metrics.begin(&subscription.name());
        let task = match subscription.mode {
            Mode::Ordered => tokio::spawn(ordered::run(shared, of, stop)),
            Mode::Unordered { deliver, max_inflight } => {
                tokio::spawn(unordered::former::all(shared, of, deliver, max_inflight, stop))
            }
        };
        self.running.insert(key, Running { subscription, absent: 0, stopper, task });
    }

    fn report(&mut self, problems: &[Problem]) {
        self.shared.metrics.problems.set(gauge(u64::try_from(problems.len()).unwrap_or(u64::MAX)));
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let all = lines.join("\n");
        if all != self.reported {
            for problem in lines {
                tracing::error!(
                    alert = "annotations",
                    problem,
                    "an annotation is wrong; the function is not called"
                );
            }
            self.reported = all;
        }
    }

    async fn stop_all(self) {
        let tasks = self.running.into_values().map(|running| {
            running.stopper.stop();
            running.task
        });
        for ended in join_all(tasks.chain(self.ending.into_values())).await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of deliveries failed");
            }
        }
    }
}

/// The subscriptions, by function and filter. Problems of one function do not affect others.
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

    #[tokio::test]
    async fn deliveries_end_when_a_function_changes_or_stays_unlisted() {
        let annotations = [("topic".to_owned(), "orders".to_owned())].into();
        let subscription = annotations::parse("f", &annotations).unwrap().remove(0);
        let other = Subscription { batch: 7, ..subscription.clone() };
        let (stopper, _stop) = channel();
        let task = tokio::spawn(std::future::pending());
        let mut running = Running { subscription: subscription.clone(), absent: 0, stopper, task };
        let (all, none) = (BTreeSet::from(["f", "g"]), BTreeSet::new());
        let mut is_stale = |listed, wanted: Option<&Subscription>| running.is_stale(listed, wanted);
        assert!(!is_stale(&all, Some(&subscription)));
        assert!(is_stale(&all, Some(&other)), "its annotations changed");
        assert!(is_stale(&all, None), "it has none any more");
        assert_eq!([is_stale(&none, None), is_stale(&none, None)], [false, false]);
        assert!(!is_stale(&all, Some(&subscription)), "it is back");
        let after: Vec<bool> = (0..3).map(|_| is_stale(&none, None)).collect();
        assert_eq!(after, [false, false, true]);
    }

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
