//! How long to wait before another try. Pure, except for the randomness.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Factor for a delay in thousandths, from 800 to 1,200, so that callers that failed together do not
/// retry together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(u32);

impl Jitter {
    /// Keeps the delay unchanged.
    pub const NONE: Self = Self(1_000);

    /// A new random factor.
    #[must_use]
    pub fn random() -> Self {
        // The keys of the standard library's hash maps are random; this is good enough for jitter.
        let dice = RandomState::new().hash_one(0_u8) % 401;
        Self(u32::try_from(dice).map_or(1_000, |dice| 800 + dice))
    }

    fn of(self, delay: Duration) -> Duration {
        delay.saturating_mul(self.0) / 1_000
    }
}

/// After the `attempt`th failure of a message: 1 s, 2 s, 4 s, … 2 min.
#[must_use]
pub fn message(attempt: u32, jitter: Jitter) -> Duration {
    grown(Duration::from_secs(1), attempt, Duration::from_secs(120), jitter)
}

/// After the `failure`th call in a row without an answer: 0.25 s, 0.5 s, … 15 s.
#[must_use]
pub fn circuit(failure: u32, jitter: Jitter) -> Duration {
    grown(Duration::from_millis(250), failure, Duration::from_secs(15), jitter)
}

fn grown(base: Duration, nth: u32, max: Duration, jitter: Jitter) -> Duration {
    let factor = 1_u32.checked_shl(nth.saturating_sub(1)).unwrap_or(u32::MAX);
    jitter.of(base.saturating_mul(factor).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_limit() {
        let seconds = |n| message(n, Jitter::NONE).as_secs();
        assert_eq!(
            [0, 1, 2, 3, 7, 8, 9, 40, u32::MAX].map(seconds),
            [1, 1, 2, 4, 64, 120, 120, 120, 120]
        );
        let ms = |n| circuit(n, Jitter::NONE).as_millis();
        assert_eq!([1, 2, 3, 7, 8, u32::MAX].map(ms), [250, 500, 1_000, 15_000, 15_000, 15_000]);
    }

    #[test]
    fn jitter_stays_within_a_fifth() {
        for _ in 0..1_000 {
            let delay = message(4, Jitter::random());
            assert!((6_400..=9_600).contains(&delay.as_millis()), "{delay:?}");
        }
    }
}
