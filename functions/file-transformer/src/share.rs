//! No partner holds up the others: how many of its files are in work at once, and when those that
//! have to wait come again.

use domain::PartnerId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Files of one partner in work at once.
const AT_ONCE_MAX: u32 = 2;
/// Between two files that wait, at least and at most.
const STEP_MIN: Duration = Duration::from_millis(20);
const STEP_MAX: Duration = Duration::from_secs(5);
/// Those that wait come again after this time at the latest.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// How long a server that fails is left alone, but for one file.
const FAILING: Duration = Duration::from_secs(10);

/// How each partner's files are doing.
#[derive(Debug, Default)]
pub(crate) struct Shares(HashMap<PartnerId, Share>);

#[derive(Debug)]
struct Share {
    in_work: u32,
    /// What a file took, of late.
    takes: Duration,
    /// When the last file that waits comes again.
    tail: Instant,
    failing_until: Option<Instant>,
}

impl Shares {
    /// Begins with a file of `partner`; else, after which time it has its turn.
    fn begin(&mut self, partner: &PartnerId, now: Instant) -> Result<(), Duration> {
        let share = self.0.entry(partner.clone()).or_insert_with(|| Share {
            in_work: 0,
            takes: STEP_MIN,
            tail: now,
            failing_until: None,
        });
        let failing = share.failing_until.filter(|until| now < *until);
        let at_once = if share.failing_until.is_some() { 1 } else { AT_ONCE_MAX };
        if failing.is_none() && share.in_work < at_once {
            share.in_work += 1;
            return Ok(());
        }
        // Each has a time of its own: thousands that came again at once would wait again.
        let from = failing.unwrap_or(now).max(share.tail);
        let after = from + (share.takes / AT_ONCE_MAX).clamp(STEP_MIN, STEP_MAX);
        share.tail = after.min(now + WAIT_MAX);
        Err(share.tail - now)
    }

    /// A file of `partner` is done, or not, after `took`; `failed`: its server did not do its part.
    fn end(&mut self, partner: &PartnerId, took: Duration, failed: bool, now: Instant) {
        let Some(share) = self.0.get_mut(partner) else { return };
        share.in_work -= 1;
        if failed {
            share.failing_until = Some(now + FAILING);
        } else {
            share.failing_until = None;
            share.takes = took;
        }
    }
}

/// A partner's file in work, until it is dropped.
pub(crate) struct Turn<'a> {
    shares: &'a Mutex<Shares>,
    partner: PartnerId,
    began: Instant,
    failed: bool,
}

impl<'a> Turn<'a> {
    /// Else, after which time it has its turn.
    pub(crate) fn take(shares: &'a Mutex<Shares>, partner: &PartnerId) -> Result<Self, Duration> {
        let (began, partner) = (Instant::now(), partner.clone());
        shares.lock().unwrap_or_else(PoisonError::into_inner).begin(&partner, began)?;
        Ok(Self { shares, partner, began, failed: false })
    }

    /// Says whether the partner's server did not do its part.
    pub(crate) fn failed(&mut self, failed: bool) {
        self.failed = failed;
    }
}

impl Drop for Turn<'_> {
    /// Also when the work panics.
    fn drop(&mut self) {
        let now = Instant::now();
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.end(&self.partner, now - self.began, self.failed, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partners() -> [PartnerId; 2] {
        ["US1", "US2"].map(|name| PartnerId::parse(name).unwrap())
    }

    #[test]
    fn a_partner_has_its_share_and_the_others_theirs() {
        let ([us1, us2], now) = (partners(), Instant::now());
        let mut shares = Shares::default();
        assert_eq!([shares.begin(&us1, now), shares.begin(&us1, now)], [Ok(()), Ok(())]);
        let waits: Vec<_> = (0..10_000).map(|_| shares.begin(&us1, now).unwrap_err()).collect();
        assert_eq!(waits.first(), Some(&STEP_MIN));
        assert!(waits.is_sorted() && waits.last() == Some(&WAIT_MAX), "each after the one before");
        assert_eq!(shares.begin(&us2, now), Ok(()));
        shares.end(&us1, Duration::from_secs(1), false, now);
        assert_eq!(shares.begin(&us1, now), Ok(()));
    }

    #[test]
    fn a_server_that_fails_is_tried_with_one_file_at_a_time() {
        let ([us1, _], mut now) = (partners(), Instant::now());
        let mut shares = Shares::default();
        shares.begin(&us1, now).unwrap();
        shares.begin(&us1, now).unwrap();
        for _ in 0..2 {
            shares.end(&us1, Duration::from_secs(30), true, now);
        }
        assert!(shares.begin(&us1, now).unwrap_err() > FAILING);
        now += FAILING;
        shares.begin(&us1, now).unwrap();
        shares.begin(&us1, now).unwrap_err();
        shares.end(&us1, Duration::from_secs(1), false, now);
        assert_eq!([shares.begin(&us1, now), shares.begin(&us1, now)], [Ok(()), Ok(())]);
    }
}
