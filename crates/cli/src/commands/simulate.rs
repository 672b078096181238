//! `orderflow simulate`: made-up orders, as a shop would publish them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use fastrand::Rng;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use messaging::Nats;
use messaging::publish::{Outgoing, one};
use serde_json::json;

use super::Pipeline;
use crate::args::Global;
use crate::{clock, output};

/// Product and its price.
const CATALOGUE: [(&str, &str); 5] =
    [("P001", "19.99"), ("P002", "149.00"), ("P003", "7.50"), ("P004", "3.25"), ("P005", "0.99")];
const REGIONS: [&str; 4] = ["north", "east", "south", "west"];
const CUSTOMERS: u32 = 500;
/// Messages whose confirmation is not there yet.
const OPEN_MAX: usize = 1_000;
/// A message whose confirmation does not come is sent again, with the same id, so often.
const TRIES_MAX: u32 = 30;
const TICK: Duration = Duration::from_millis(10);

pub(crate) async fn run(global: &Global, orders: u64, rate: u32, seed: Option<u64>) -> Result<()> {
    let pipeline = Pipeline::find(global)?;
    let nats = pipeline.nats().await?;
    let seed = seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let template = "{wide_bar} {pos}/{len} orders {per_sec}";
    let bar = output::progress(orders, template);
    let mut rng = Rng::with_seed(seed);
    let now = clock::now();
    let started = Instant::now();
    let mut open = FuturesUnordered::new();
    let mut ticks = tokio::time::interval(TICK);
    let mut sent = 0;
    while sent < orders {
        ticks.tick().await;
        let due = started.elapsed().as_millis() * u128::from(rate) / 1000 + 1;
        let due = u64::try_from(due).unwrap_or(u64::MAX).min(orders);
        while sent < due {
            sent += 1;
            let id = format!("ORD-{seed}-{sent}");
            open.push(confirmed(&nats, order(&mut rng, &id, now), id));
            if OPEN_MAX <= open.len()
                && let Some(done) = open.next().await
            {
                done?;
                bar.inc(1);
            }
        }
    }
    while let Some(done) = open.next().await {
        done?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let count = f64::from(u32::try_from(orders).unwrap_or(u32::MAX));
    let per_second = (count / seconds.max(f64::EPSILON)).round();
    if pipeline.json {
        let seconds = (seconds * 1000.0).round() / 1000.0;
        output::json(&json!({
            "orders": orders, "seed": seed, "seconds": seconds, "per_second": per_second,
        }));
    } else {
        output::line(format_args!(
            "{orders} orders published and confirmed in {seconds:.1} s, {per_second} a second; \
             seed {seed}"
        ));
    }
    Ok(())
}

/// One order as raw JSON. The partner is the built-in one.
fn order(rng: &mut Rng, id: &str, now: chrono::DateTime<chrono::Utc>) -> Vec<u8> {
    let customer = rng.u32(1..=CUSTOMERS);
    let (product, price) = rng.choice(CATALOGUE).expect("the catalogue is not empty");
    let region = rng.choice(REGIONS).expect("there are regions");
    let order = json!({
        "order_id": id,
        // A customer stays a VIP: one in ten is.
        "customer": {"id": format!("CUST-{customer:04}"), "vip": customer.is_multiple_of(10)},
        "region": region,
        "product_id": product,
        "quantity": rng.u32(1..=3),
        "price": price,
        "timestamp": now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
    });
    serde_json::to_vec(&order).expect("its keys are strings")
}

/// Publishes until the server has confirmed it; the id makes a second sending harmless.
async fn confirmed(nats: &Nats, body: Vec<u8>, id: String) -> Result<()> {
    let message = Outgoing::new(messaging::subject::ORDERS.to_owned(), body.into())
        .header("Nats-Msg-Id", &id);
    for attempt in 1..=TRIES_MAX {
        match one(nats, &message, None).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_permanent() => return Err(error.into()),
            Err(error) => tracing::debug!(%error, attempt, "sending it again"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("order {id} was not confirmed after {TRIES_MAX} tries")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_orders_and_all_are_valid() {
        let make = |seed| {
            let mut rng = Rng::with_seed(seed);
            let make =
                |n| order(&mut rng, &format!("ORD-{seed}-{n}"), chrono::DateTime::UNIX_EPOCH);
            (1..=200).map(make).collect::<Vec<_>>()
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
        for body in make(7) {
            let json = serde_json::from_slice(&body).unwrap();
            let draft = domain::raw::read(&json, None).unwrap();
            assert!((1..=3).contains(&draft.lines[0].quantity));
            draft.place(&domain::order::Terms::direct(), chrono::DateTime::UNIX_EPOCH).unwrap();
        }
    }
}
