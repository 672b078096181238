//! No more than so many messages a minute.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A limit that messages wait for.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Between two messages; zero without a limit.
    between: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many a minute; all that come if it is 0.
    pub(crate) fn per_minute(count: u32) -> Self {
        let between = Duration::from_secs(60).checked_div(count).unwrap_or_default();
        Self { between, next: Mutex::new(None) }
    }

    /// Waits for the next place, at most so long; otherwise how long it is until there is one.
    pub(crate) async fn wait(&self, most: Duration) -> Result<(), Duration> {
        if self.between.is_zero() {
            return Ok(());
        }
        let now = Instant::now();
        let place = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let place = next.map_or(now, |next| next.max(now));
            if place.duration_since(now) <= most {
                *next = Some(place + self.between);
                Ok(place)
            } else {
                Err(place.duration_since(now))
            }
        };
        match place {
            Ok(place) => sleep_until(place).await,
            // So that a long queue does not try at full speed.
            Err(wait) => {
                sleep_until(now + most).await;
                return Err(wait.saturating_sub(most));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn messages_are_spread_and_one_that_would_wait_too_long_is_told() {
        let pace = Pace::per_minute(60);
        let begun = Instant::now();
        let most = Duration::from_secs(3);
        for _ in 0..4 {
            pace.wait(most).await.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
        let slow = Pace::per_minute(1);
        slow.wait(most).await.unwrap();
        let left = slow.wait(most).await.unwrap_err();
        assert_eq!(left, Duration::from_secs(57));
        Pace::per_minute(0).wait(Duration::ZERO).await.unwrap();
    }
}
