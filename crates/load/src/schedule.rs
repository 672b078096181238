//! Decides when messages may be sent: a token bucket.

use std::time::{Duration, Instant};

/// One token in units of credit: tokens per second times nanoseconds.
const TOKEN: u128 = 1_000_000_000;
/// How long unused tokens are kept: after a delay of the server, the missed messages are not sent in a
/// burst.
const KEPT: Duration = Duration::from_millis(100);
/// Shortest sleep; at high rates, several tokens accrue in this time.
const TICK: Duration = Duration::from_millis(2);

/// A token bucket whose clock is passed in; [`Schedule`] uses the system clock.
#[derive(Debug)]
struct Bucket {
    rate: u128,
    credit: u128,
    /// The time up to which credit was added.
    at: Duration,
}

impl Bucket {
    fn new(rate: u32) -> Self {
        Self { rate: rate.into(), credit: TOKEN, at: Duration::ZERO }
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_nanos();
        let most = (self.rate * KEPT.as_nanos()).max(TOKEN);
        self.credit = (self.credit + passed * self.rate).min(most);
        self.at = now;
    }

    fn take(&mut self) -> bool {
        let left = self.credit.checked_sub(TOKEN);
        self.credit = left.unwrap_or(self.credit);
        left.is_some()
    }

    /// Time until a token is available.
    fn wait(&self) -> Duration {
        let missing = TOKEN.saturating_sub(self.credit).div_ceil(self.rate.max(1));
        Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX))
    }
}

/// A token bucket on the system clock.
#[derive(Debug)]
pub struct Schedule {
    bucket: Bucket,
    started: Instant,
}

impl Schedule {
    /// Creates a bucket with this many tokens per second, and one token immediately.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self { bucket: Bucket::new(rate), started: Instant::now() }
    }

    /// Waits until a token is available.
    pub async fn ready(&mut self) {
        self.refill();
        let wait = self.bucket.wait();
        if !wait.is_zero() {
            tokio::time::sleep(wait.max(TICK)).await;
            self.refill();
        }
    }

    /// Adds the tokens that have accrued since the last call.
    pub fn refill(&mut self) {
        self.bucket.refill(self.started.elapsed());
    }

    /// Takes a token if one is available.
    pub fn take(&mut self) -> bool {
        self.bucket.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket) -> u32 {
        (0..).take_while(|_| bucket.take()).count().try_into().unwrap()
    }

    #[test]
    fn tokens_accrue_at_the_rate_however_often_the_clock_is_read() {
        for step in [1, 7, 50] {
            let mut bucket = Bucket::new(3_000);
            let mut sum = 0;
            for now in (0..=10_000).step_by(step) {
                bucket.refill(Duration::from_millis(now));
                sum += taken(&mut bucket);
            }
            assert!((29_800..=30_001).contains(&sum), "{sum} every {step} ms");
        }
    }

    #[test]
    fn missed_tokens_cause_no_burst() {
        let mut bucket = Bucket::new(1_000);
        bucket.refill(Duration::from_secs(60));
        assert_eq!(taken(&mut bucket), 100);
    }

    #[test]
    fn a_low_rate_waits_for_each_token() {
        let mut bucket = Bucket::new(2);
        assert_eq!((taken(&mut bucket), bucket.wait()), (1, Duration::from_millis(500)));
        bucket.refill(Duration::from_millis(500));
        assert_eq!((bucket.wait(), taken(&mut bucket)), (Duration::ZERO, 1));
    }
}
