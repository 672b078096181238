//! Prints a line of progress every few seconds.

use super::site::Site;
use anyhow::Result;
use async_nats::jetstream::consumer::pull;
use messaging::{Nats, streams};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// The server removes abandoned consumers after this time.
const CONSUMER_MAX: Duration = Duration::from_secs(5);

/// Counts attempts that are confirmed or refused.
#[derive(Debug)]
pub(super) struct Decided {
    nats: Nats,
    count: u64,
}

impl Decided {
    pub(super) fn new(nats: Nats) -> Self {
        Self { nats, count: 0 }
    }

    /// The number of decisions; the last known one if the server does not answer.
    pub(super) async fn count(&mut self) -> u64 {
        let counts = tokio::try_join!(self.on("orders.confirmed.>"), self.on("orders.refused.>"));
        if let Ok((confirmed, refused)) = counts {
            self.count = confirmed + refused;
        }
        self.count
    }

    /// The number of messages that a consumer would get; they are not sent.
    async fn on(&self, filter: &str) -> Result<u64> {
        let stream = self.nats.js.get_stream_no_info(streams::ORDERS).await?;
        let reader = stream.create_consumer(pull::Config {
            filter_subject: filter.into(),
            inactive_threshold: CONSUMER_MAX,
            ..pull::Config::default()
        });
        let info = reader.await?.cached_info().clone();
        stream.delete_consumer(&info.name).await?;
        Ok(info.num_pending)
    }
}

/// Prints the current progress.
pub(super) async fn line(
    site: &Site,
    decided: &mut Decided,
    started: Instant,
    length: Duration,
    orders: u64,
) {
    let elapsed = started.elapsed();
    let left = length.saturating_sub(elapsed);
    let (confirmed, decided) = (site.load.confirmed(), decided.count().await);
    let faults: u64 = site.faults().values().sum();
    let under_way = site.tally.under_way();
    let under_way = if under_way.is_empty() {
        String::new()
    } else {
        format!("; now: {}", under_way.join(", "))
    };
    say(format_args!(
        "{} of {}, {} left: {confirmed} of {orders} messages sent, {decided} orders decided, \
         {} kills, {faults} network faults{under_way}",
        clock(elapsed),
        clock(length),
        clock(left),
        site.tally.count("kill "),
    ));
}

/// Prints a line for people.
pub(super) fn say(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
