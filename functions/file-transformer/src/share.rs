//! Keeps partners from blocking each other: limits how many files of a partner are in work at once, and
//! decides when waiting files come again.

use domain::PartnerId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most files of one partner in work at once.
const AT_ONCE_MAX: u32 = 2;
/// Shortest and longest time between two waiting files.
const STEP_MIN: Duration = Duration::from_millis(20);
const STEP_MAX: Duration = Duration::from_secs(5);
/// Longest time until a waiting file comes again.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// How long a failing server gets only one file at a time.
const FAILING: Duration = Duration::from_secs(10);

/// The state of each partner's files.
#[derive(Debug, Default)]
pub(crate) struct Shares(HashMap<PartnerId, Share>);

#[derive(Debug)]
struct Share {
    in_work: u32,
    /// Recent time per file.
    takes: Duration,
    /// When the last waiting file comes again.
    tail: Instant,
    failing_until: Option<Instant>,
}

impl Shares {
    /// Begins a file of `partner`; otherwise returns how long the file must wait for its turn.
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
        // Each file gets its own time: thousands that came again at once would only have to wait again.
        let from = failing.unwrap_or(now).max(share.tail);
        let after = from + (share.takes / AT_ONCE_MAX).clamp(STEP_MIN, STEP_MAX);
        share.tail = after.min(now + WAIT_MAX);
        Err(share.tail - now)
    }

    /// A file of `partner` has ended after `took`; `failed`: the partner's server failed.
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
    /// Begins a file; otherwise returns how long it must wait for its turn.
    pub(crate) fn take(shares: &'a Mutex<Shares>, partner: &PartnerId) -> Result<Self, Duration> {
        let (began, partner) = (Instant::now(), partner.clone());
        shares.lock().unwrap_or_else(PoisonError::into_inner).begin(&partner, began)?;
        Ok(Self { shares, partner, began, failed: false })
    }

    /// Notes whether the partner's server failed.
    pub(crate) fn failed(&mut self, failed: bool) {
        self.failed = failed;
    }
}

impl Drop for Turn<'_> {
    /// Also runs when the work panics.
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
    fn each_partner_has_its_own_share() {
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
