//! When messages may be sent: tokens that accrue at a rate.

use std::time::{Duration, Instant};

/// One token, in the unit of credit: a rate is tokens a second, time passes in nanoseconds.
const TOKEN: u128 = 1_000_000_000;
/// How long tokens that nobody takes are kept: what a slow server cost is not sent in one go later.
const KEPT: Duration = Duration::from_millis(100);
/// Shortest sleep; at high rates several tokens accrue meanwhile.
const TICK: Duration = Duration::from_millis(2);

/// A token bucket. Its clock is passed in; [`Schedule`] is this with the machine's.
#[derive(Debug)]
struct Bucket {
    rate: u128,
    credit: u128,
    /// The time up to which credit was given.
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

    /// How long until there is a token.
    fn wait(&self) -> Duration {
        let missing = TOKEN.saturating_sub(self.credit).div_ceil(self.rate.max(1));
        Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX))
    }
}

/// Tokens by the machine's clock.
#[derive(Debug)]
pub struct Schedule {
    bucket: Bucket,
    started: Instant,
}

impl Schedule {
    /// So many tokens a second, and one at once.
    #[must_use]
    pub fn new(rate: u32) -> Self {
        Self { bucket: Bucket::new(rate), started: Instant::now() }
    }

    /// Waits until there is a token.
    pub async fn ready(&mut self) {
        self.refill();
        let wait = self.bucket.wait();
        if !wait.is_zero() {
            tokio::time::sleep(wait.max(TICK)).await;
            self.refill();
        }
    }

    /// Adds the tokens that accrued since the last look.
    pub fn refill(&mut self) {
        self.bucket.refill(self.started.elapsed());
    }

    /// Takes a token, if there is one.
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
    fn tokens_accrue_at_the_rate_however_often_the_clock_is_looked_at() {
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
    fn what_was_not_taken_is_not_sent_in_one_go() {
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
