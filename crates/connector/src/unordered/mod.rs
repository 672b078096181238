//! Messages given out one by one; the server records which are done.

mod consumer;
pub mod dead;
pub(crate) mod former;
mod held;
mod request;
mod watch;
mod work;

pub(crate) use consumer::fetch;
pub(crate) use held::stored_at;

use crate::annotations::{Deliver, Subscription};
use crate::backoff::{self, Jitter};
use crate::circuit::Circuit;
use crate::limit::Throttle;
use crate::shared::{DRAIN, Shared};
use crate::stop::Stop;
use crate::undone::Undone;
use async_nats::jetstream::Message;
use prometheus_client::metrics::counter::Counter;
use request::{Failure, Pull};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use watch::Watch;
use work::Worker;

/// Fetches and calls until `stop`; calls in progress may then end.
pub(crate) async fn run(
    shared: Shared,
    subscription: Subscription,
    deliver: Deliver,
    max_inflight: usize,
    stop: Stop,
) {
    let name = subscription.name();
    let metrics = shared.metrics.clone();
    let undone = Undone::new(&metrics, &name);
    let watch = Arc::new(Watch::default());
    let source = Source {
        deliver,
        max_inflight,
        watch: Arc::clone(&watch),
        rebuilds: metrics.rebuilds.get_or_create_owned(&name),
        consumer: None,
        failures: 0,
    };
    let worker = Arc::new(Worker {
        max_deliver: subscription.max_deliver,
        circuit: Circuit::new(name.clone(), &metrics),
        throttle: Throttle::new(max_inflight, metrics.concurrency.get_or_create_owned(&name)),
        shared,
        subscription,
        records: held::Records::default(),
        stop,
    });
    tokio::select! {
        () = deliveries(&worker, source) => {}
        () = watch.run(&worker.shared, &worker.subscription, &undone) => {}
    }
    metrics.forget(&name);
}

async fn deliveries(worker: &Arc<Worker>, mut source: Source) {
    let stop = &worker.stop;
    let mut tasks = JoinSet::new();
    while !stop.is_requested() {
        while tasks.try_join_next().is_some() {}
        if worker.throttle.now() <= tasks.len() {
            // A call that ends makes room; at `stop` the loop ends.
            drop(stop.or(tasks.join_next()).await);
            continue;
        }
        let probe = worker.circuit.wait();
        if let Some(delay) = probe
            && stop.or(sleep(delay)).await.is_none()
        {
            break;
        }
        let count = if probe.is_some() { 1 } else { worker.subscription.batch };
        let messages = match source.fetch(worker, count).await {
            Ok(messages) if messages.is_empty() => continue,
            Ok(messages) => messages,
            Err(delay) => {
                // If `stop` cuts the pause short, the loop ends.
                stop.or(worker.shared.pause(delay)).await;
                continue;
            }
        };
        if probe.is_some() {
            worker.work(messages).await;
            continue;
        }
        let worker = Arc::clone(worker);
        tasks.spawn(async move { worker.work(messages).await });
    }
    // Calls end within DRAIN by themselves and then settle or give back their messages.
    let ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(DRAIN + Duration::from_secs(2), ended).await.is_err() {
        tracing::warn!(function = worker.subscription.function, "calls in progress were given up");
    }
}

/// The consumer that messages are fetched from.
struct Source {
    deliver: Deliver,
    max_inflight: usize,
    watch: Arc<Watch>,
    rebuilds: Counter,
    consumer: Option<Pull>,
    failures: u32,
}

impl Source {
    /// Fetched messages (maybe none), or how long to wait after a failure.
    async fn fetch(&mut self, worker: &Worker, count: usize) -> Result<Vec<Message>, Duration> {
        let (nats, subscription) = (&worker.shared.nats, &worker.subscription);
        let Subscription { function, filter, .. } = subscription;
        if self.watch.take_stalled() {
            tracing::error!(
                alert = "stalled",
                function,
                filter,
                "messages wait, but none is delivered"
            );
            self.consumer = None;
        }
        let began = Instant::now();
        let fetched = match (nats.ready().await, &self.consumer) {
            // A request made now would be sent when NATS is back, and nothing would wait for its
            // messages then.
            (Err(away), _) => Err(Failure::Anew(away)),
            (Ok(()), Some(consumer)) => consumer::fetch(nats, consumer, subscription, count).await,
            (Ok(()), None) => self.ensure(worker).await.map(|()| Vec::new()).map_err(Failure::Anew),
        };
        match fetched {
            Ok(messages) => {
                if let Some(place) = self.watch.place() {
                    worker.records.settled(place.settled);
                }
                self.failures = 0;
                self.watch.fetched(messages.len());
                Ok(messages)
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                if !worker.shared.report_denied(subscription, began) {
                    tracing::warn!(function, filter, %failure, "cannot fetch");
                }
                if matches!(failure, Failure::Anew(_)) {
                    self.consumer = None;
                }
                Err(backoff::circuit(self.failures, Jitter::random()))
            }
        }
    }

    async fn ensure(&mut self, worker: &Worker) -> Result<(), String> {
        let (nats, subscription) = (&worker.shared.nats, &worker.subscription);
        let before = self.watch.place();
        let ensured =
            consumer::ensure(nats, subscription, self.deliver, self.max_inflight, before.as_ref())
                .await?;
        if let Some(before) = before {
            self.rebuilds.inc();
            let Subscription { function, filter, .. } = subscription;
            tracing::warn!(function, filter, made = ensured.made, "reading again");
            if !before.is_of(&ensured.place.identity) {
                worker.records.clear();
            }
        }
        self.watch.at(ensured.place);
        self.consumer = Some(ensured.consumer);
        Ok(())
    }
}
