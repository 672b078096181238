//! A line every few seconds, so that whoever waits knows for what.

use super::inject::Site;
use messaging::{Nats, streams, tail};
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Orders that are confirmed or refused, counted as they come.
#[derive(Debug)]
pub(super) struct Decided {
    nats: Nats,
    count: u64,
    next: [(&'static str, u64); 2],
}

impl Decided {
    pub(super) fn new(nats: Nats) -> Self {
        Self { nats, count: 0, next: [("orders.confirmed.>", 1), ("orders.refused.>", 1)] }
    }

    /// How many there are; those of before if the server does not answer.
    pub(super) async fn count(&mut self) -> u64 {
        for (filter, next) in &mut self.next {
            let mut seen = 0;
            let read = tail::read(&self.nats, streams::ORDERS, filter, *next, true, |_| seen += 1);
            // Messages of a reading that broke off come again.
            if let Ok(last) = read.await {
                *next = last + 1;
                self.count += seen;
            }
        }
        self.count
    }
}

/// How it stands.
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

/// A line about what happens, for people.
pub(super) fn say(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
