//! The latency of single orders at a steady rate, and memory during the run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use messaging::publish::{self, Outgoing};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::made::{Orders, PRODUCTS};
use crate::optional::{self, Optional};
use crate::pipeline::Own;
use crate::row::{Row, number};
use crate::usage;

const TICK: Duration = Duration::from_millis(5);
/// The first orders meet cold connections and caches, so they are not counted.
const WARM_UP: u64 = 1_000;
/// How long to wait for the last decisions.
const REST_MAX: Duration = Duration::from_secs(10);
/// Number of memory readings in one run.
const READINGS: u32 = 10;

pub(crate) async fn run(rate: u32, time: Duration, without: &[Optional]) -> Result<Vec<Row>> {
    let own = Own::start(1, without).await?;
    let mut times = measure(&own, 0, rate, time).await?;
    own.stop().await?;
    times.sort_unstable();
    let without = optional::words(without);
    let seconds = time.as_secs();
    let note = format!("{rate} orders/s for {seconds} s{without}, from publish to decided");
    let at = |share: f64| quantile(&times, share);
    let row = |what, share| Row::new("latency", what, at(share), "ms", note.clone());
    Ok(vec![row("median", 0.5), row("p99", 0.99), row("p99.9", 0.999)])
}

/// Resident memory of every process, at the start and at the end of a run.
pub(crate) async fn memory(rate: u32, time: Duration, without: &[Optional]) -> Result<Vec<Row>> {
    let own = Own::start(1, without).await?;
    let mut readings: Vec<usage::All> = Vec::new();
    let mut first = 0;
    for _ in 0..READINGS {
        let times = measure(&own, first, rate, time / READINGS).await?;
        first += u64::try_from(times.len())? + WARM_UP;
        readings.push(own.usage()?);
    }
    own.stop().await?;
    let names = readings.last().context("there are readings")?.keys();
    let rows = names.map(|name| {
        let mib = |all: &usage::All| all.get(name).map_or(0, |usage| usage.resident >> 20);
        let all: Vec<String> = readings.iter().map(|all| mib(all).to_string()).collect();
        let last = readings.last().map_or(0, mib);
        let note = format!("{rate} orders/s for {} s: {}", time.as_secs(), all.join(" "));
        Row::new(name, "resident", number(last), "MiB", note)
    });
    Ok(rows.collect())
}

/// Times from publish to decision in microseconds, without the warm-up.
async fn measure(own: &Own, first: u64, rate: u32, time: Duration) -> Result<Vec<u64>> {
    let facts = own.nats.client.subscribe("orders.*.main.>").await?;
    // The server answers after it has processed the subscription; a flush returns earlier, in this
    // process.
    own.nats.client.request("$JS.API.INFO", "".into()).await?;
    let count = WARM_UP + u64::from(rate) * time.as_secs().max(1);
    let published = tokio::spawn(publish_at(own.nats.clone(), first, count, rate));
    let decided = decisions(facts, first, count).await?;
    let published = published.await??;
    let pairs = published.into_iter().zip(decided).skip(usize::try_from(WARM_UP)?);
    let micros = pairs.map(|(from, to)| to.saturating_duration_since(from).as_micros());
    micros.map(|micros| Ok(u64::try_from(micros)?)).collect()
}

/// Publishes orders; returns when each was published.
async fn publish_at(
    nats: messaging::Nats,
    first: u64,
    count: u64,
    rate: u32,
) -> Result<Vec<Instant>> {
    let orders = Orders::of(1, PRODUCTS)?;
    let mut times = Vec::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let started = Instant::now();
    let mut sent = 0;
    while sent < count {
        ticks.tick().await;
        let due = started.elapsed().as_micros() * u128::from(rate) / 1_000_000;
        let due = u64::try_from(due)?.min(count);
        let chunk: Vec<Outgoing> = (sent..due)
            .map(|n| {
                let body = orders.body(first + n);
                Outgoing::new(messaging::subject::ORDERS.to_owned(), body)
            })
            .collect();
        let now = Instant::now();
        times.extend(chunk.iter().map(|_| now));
        sent = due;
        for stored in publish::all(&nats, &chunk, None).await {
            stored?;
        }
    }
    Ok(times)
}

/// Waits for all decisions; returns when each order was decided.
async fn decisions(mut facts: Subscriber, first: u64, count: u64) -> Result<Vec<Instant>> {
    let mut times = vec![None; usize::try_from(count)?];
    let mut missing = times.len();
    while 0 < missing {
        let Ok(Some(fact)) = timeout(REST_MAX, facts.next()).await else {
            bail!("{missing} orders are not decided");
        };
        let number = number_of(&fact).and_then(|number| number.checked_sub(first));
        let place = number.and_then(|number| times.get_mut(usize::try_from(number).ok()?));
        if let Some(place @ None) = place {
            *place = Some(Instant::now());
            missing -= 1;
        }
    }
    Ok(times.into_iter().flatten().collect())
}

/// The number of the order that this message decides, if it is a decision.
fn number_of(fact: &Message) -> Option<u64> {
    let decided = ["orders.confirmed.", "orders.refused."];
    decided.iter().find(|prefix| fact.subject.starts_with(**prefix))?;
    Orders::number(&fact.subject)
}

/// A quantile of sorted microseconds, in milliseconds.
fn quantile(micros: &[u64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let index = (number(micros.len() as u64) * share) as usize;
    let index = index.min(micros.len().saturating_sub(1));
    number(micros.get(index).copied().unwrap_or_default()) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_positions_in_the_list() {
        let micros: Vec<u64> = (1..=1_000).map(|n| n * 1_000).collect();
        assert!((quantile(&micros, 0.5) - 501.0).abs() < 0.1);
        assert!((quantile(&micros, 0.99) - 991.0).abs() < 0.1);
        assert!((quantile(&micros, 1.0) - 1_000.0).abs() < 0.1);
    }
}
