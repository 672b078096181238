//! Measures what JetStream stores, so that a filling store is seen before it is full.

use crate::metrics::{OfStream, gauge};
use crate::shared::Shared;
use crate::stop::Stop;
use messaging::streams::{BUCKETS, STREAMS};
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is measured.
const EVERY: Duration = Duration::from_secs(15);

/// Storage and limits of an account; the client's own type cannot parse the answer of 2.9.
#[derive(Debug, Deserialize)]
struct Account {
    storage: u64,
    #[serde(default)]
    limits: Limits,
}

#[derive(Debug, Default, Deserialize)]
struct Limits {
    /// -1 means no limit.
    #[serde(default)]
    max_storage: i64,
}

/// Measures until `stop`. A metric keeps its last value when the server does not answer; the metrics of
/// the connection show that.
pub(crate) async fn watch(shared: Shared, stop: Stop) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.or(ticks.tick()).await.is_some() {
        if stop.or(look(&shared)).await.is_none() {
            return;
        }
    }
}

async fn look(shared: &Shared) {
    let metrics = &shared.metrics;
    match shared.nats.client.request("$JS.API.INFO", "".into()).await {
        Ok(answer) => match serde_json::from_slice::<Account>(&answer.payload) {
            Ok(account) => {
                metrics.storage.set(gauge(account.storage));
                metrics.storage_limit.set(account.limits.max_storage.max(0));
            }
            Err(error) => tracing::debug!(%error, "cannot read what JetStream stores"),
        },
        Err(error) => tracing::debug!(%error, "cannot read what JetStream stores"),
    }
    let buckets = BUCKETS.iter().map(|name| format!("KV_{name}"));
    for stream in STREAMS.iter().map(|stream| stream.name.to_owned()).chain(buckets) {
        match shared.nats.js.get_stream(&stream).await {
            Ok(found) => {
                let state = found.cached_info().state.clone();
                let label = OfStream { stream };
                metrics.stream_bytes.get_or_create(&label).set(gauge(state.bytes));
                metrics.stream_messages.get_or_create(&label).set(gauge(state.messages));
            }
            Err(error) => tracing::debug!(%error, stream, "cannot read what a stream stores"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_with_and_without_limits() {
        for (text, expected) in [
            (r#"{"storage": 7, "limits": {"max_storage": 9}}"#, Some((7, 9))),
            (r#"{"storage": 7, "limits": {"max_storage": -1}}"#, Some((7, -1))),
            (r#"{"storage": 7}"#, Some((7, 0))),
            // Here nothing is known, which is not the same as an empty store.
            (r#"{"error": {"code": 503}}"#, None),
        ] {
            let account = serde_json::from_str::<Account>(text).ok();
            let found = account.map(|account| (account.storage, account.limits.max_storage));
            assert_eq!(found, expected);
        }
    }
}
