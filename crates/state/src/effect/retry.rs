//! How long to wait before the next attempt.

use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits after the first, second, … attempt, as the specification of Standard Webhooks recommends: ten
/// attempts in 75 hours.
pub const RETRIES: [Duration; 9] = [
    seconds(5),
    seconds(5 * 60),
    seconds(30 * 60),
    seconds(2 * 3_600),
    seconds(5 * 3_600),
    seconds(10 * 3_600),
    seconds(14 * 3_600),
    seconds(20 * 3_600),
    seconds(24 * 3_600),
];
/// Longest wait that a target may ask for.
const AFTER_MAX: Duration = seconds(24 * 3_600);

/// The wait of [`RETRIES`] after so many attempts, a tenth more or less by `random` (0 to 1), and not
/// shorter than the target asks for (at most 24 h); nothing when all are used up.
#[must_use]
pub fn standard(attempts: u32, after: Option<Duration>, random: f64) -> Option<Duration> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let wait = RETRIES.get(index)?.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0));
    Some(after.map_or(wait, |after| wait.max(after.min(AFTER_MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_table_the_target_and_chance() {
        assert_eq!(standard(1, None, 0.5), Some(seconds(5)));
        assert_eq!(standard(1, None, 0.0), Some(Duration::from_millis(4_500)));
        assert_eq!(standard(9, None, 1.0), Some(seconds(95_040)));
        assert_eq!(standard(10, None, 0.5), None);
        assert_eq!(standard(0, None, 0.5), None);
        assert_eq!(standard(1, Some(seconds(60)), 0.5), Some(seconds(60)));
        assert_eq!(standard(2, Some(seconds(60)), 0.5), Some(seconds(300)));
        assert_eq!(standard(1, Some(seconds(1 << 40)), 0.5), Some(AFTER_MAX));
    }
}
