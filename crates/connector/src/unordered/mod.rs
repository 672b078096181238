//! Messages given out each for itself: the server keeps what is done.

mod consumer;
pub mod dead;
mod held;
mod work;

pub(crate) use consumer::fetch;
pub(crate) use held::stored_at;

use crate::annotations::{Deliver, Subscription};
use crate::backoff::{self, Jitter};
use crate::circuit::Circuit;
use crate::metrics::{OfFilter, gauge};
use crate::stop::Stop;
use crate::{DRAIN, Shared};
use async_nats::jetstream::Message;
use consumer::Pull;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use work::Worker;

/// Fetches and calls until `stop`; then calls in progress may end.
pub(crate) async fn run(
    shared: Shared,
    subscription: Subscription,
    deliver: Deliver,
    max_inflight: usize,
    stop: Stop,
) {
    let name =
        OfFilter { function: subscription.function.clone(), filter: subscription.filter.clone() };
    let lag = shared.metrics.lag.get_or_create_owned(&name);
    let circuit = Circuit::new(name, &shared.metrics);
    let max_deliver = subscription.max_deliver;
    let records = held::Records::default();
    let worker = Arc::new(Worker {
        shared,
        subscription,
        max_deliver,
        records,
        circuit,
        stop: stop.clone(),
    });
    let permits = Arc::new(Semaphore::new(max_inflight));
    let mut source = Source { deliver, max_inflight, consumer: None, failures: 0 };
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        let Some(permit) = stop.or(Arc::clone(&permits).acquire_owned()).await else { break };
        let probe = worker.circuit.wait();
        if let Some(delay) = probe
            && stop.or(sleep(delay)).await.is_none()
        {
            break;
        }
        let count = if probe.is_some() { 1 } else { worker.subscription.batch };
        let messages = match source.fetch(&worker, count).await {
            Ok(messages) => messages,
            Err(delay) => {
                if stop.or(sleep(delay)).await.is_none() {
                    break;
                }
                continue;
            }
        };
        let pending = messages.last().and_then(|message| message.info().ok());
        lag.set(pending.map_or(0, |info| gauge(info.pending)));
        if messages.is_empty() {
            continue;
        }
        if probe.is_some() {
            worker.work(messages).await;
            continue;
        }
        let worker = Arc::clone(&worker);
        tasks.spawn(async move {
            worker.work(messages).await;
            drop(permit);
        });
    }
    // Calls end within DRAIN by themselves; what is left is told to the server.
    let ended = async { while tasks.join_next().await.is_some() {} };
    if timeout(DRAIN + Duration::from_secs(2), ended).await.is_err() {
        tracing::warn!(function = worker.subscription.function, "calls in progress were given up");
    }
}

/// Where messages come from.
struct Source {
    deliver: Deliver,
    max_inflight: usize,
    consumer: Option<Pull>,
    failures: u32,
}

impl Source {
    /// Messages, none if none came, or how long to wait after a failure.
    async fn fetch(&mut self, worker: &Worker, count: usize) -> Result<Vec<Message>, Duration> {
        let (nats, subscription) = (&worker.shared.nats, &worker.subscription);
        let fetched = match &self.consumer {
            Some(consumer) => consumer::fetch(nats, consumer, subscription, count).await,
            None => {
                let made =
                    consumer::ensure(nats, subscription, self.deliver, self.max_inflight).await;
                made.map(|consumer| {
                    self.consumer = Some(consumer);
                    Vec::new()
                })
            }
        };
        match fetched {
            Ok(messages) => {
                self.failures = 0;
                Ok(messages)
            }
            Err(error) => {
                self.consumer = None;
                self.failures = self.failures.saturating_add(1);
                let Subscription { function, filter, .. } = subscription;
                tracing::warn!(function, filter, error, "cannot fetch");
                Err(backoff::circuit(self.failures, Jitter::random()))
            }
        }
    }
}
