//! How long the owner of a file has been silent, by the clock of the one who waits.
//!
//! The end of a lease is a time by the owner's clock, and clocks differ. So who waits looks at the
//! record's revision instead: a living owner moves it on several times within its lease.

use super::record::{Claim, Record};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// By how much clocks of machines may differ. A lease that ended longer ago has ended.
const CLOCKS_DIFFER_MAX: TimeDelta = TimeDelta::seconds(10);
/// Leases outside of these are taken for these: a wrong record delays no file for longer.
const LEASE_MIN: Duration = Duration::from_secs(1);
const LEASE_MAX: Duration = Duration::from_secs(60);
/// Files of others that are remembered at once; for one that is forgotten the wait begins again.
const WATCHED_MAX: usize = 10_000;

/// The records of others as this process saw them first, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Silence(Arc<Mutex<HashMap<String, Seen>>>);

#[derive(Debug)]
struct Seen {
    revision: u64,
    since: Instant,
}

impl Silence {
    /// How much longer its owner may be silent; nothing if it has been silent for its whole lease.
    pub(super) fn left(
        &self,
        key: &str,
        record: &Record,
        claim: &Claim,
        revision: u64,
        now: DateTime<Utc>,
    ) -> Option<Duration> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if claim.until + CLOCKS_DIFFER_MAX <= now {
            seen.remove(key);
            return None;
        }
        // Both times are by the owner's clock.
        let lease = (claim.until - record.updated_at).to_std().unwrap_or(LEASE_MIN);
        let lease = lease.clamp(LEASE_MIN, LEASE_MAX);
        if WATCHED_MAX <= seen.len() && !seen.contains_key(key) {
            seen.retain(|_, seen| seen.since.elapsed() < LEASE_MAX);
        }
        if WATCHED_MAX <= seen.len() && !seen.contains_key(key) {
            return Some(lease);
        }
        let first = Seen { revision, since: Instant::now() };
        let known = seen.entry(key.to_owned()).or_insert_with(|| Seen { ..first });
        if known.revision != revision {
            *known = Seen { revision, since: Instant::now() };
        }
        let left = lease.checked_sub(known.since.elapsed()).filter(|left| !left.is_zero());
        if left.is_none() {
            seen.remove(key);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::PartnerId;

    #[test]
    fn an_owner_is_gone_when_its_record_rests_for_a_lease_whatever_the_clocks_say() {
        let partner = PartnerId::parse("US1").unwrap();
        let at = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let record = Record::new("a".into(), partner, "a.csv".into(), 1, 1, at);
        let claim = Claim { owner: "o".into(), until: at + TimeDelta::seconds(1) };
        let silence = Silence::default();
        // The clock here is far behind, or 9 s ahead: the owner has its second all the same.
        let behind = at - TimeDelta::seconds(900);
        let ahead = at + TimeDelta::seconds(10);
        for (key, now) in [("behind", behind), ("ahead", ahead)] {
            let left = silence.left(key, &record, &claim, 1, now).unwrap();
            assert!(left <= LEASE_MIN, "{left:?}");
        }
        std::thread::sleep(LEASE_MIN / 2);
        // It moved on in between, and its time begins again.
        let left = silence.left("behind", &record, &claim, 2, behind).unwrap();
        assert!(LEASE_MIN / 2 < left, "{left:?}");
        std::thread::sleep(LEASE_MIN / 2);
        assert_eq!(silence.left("ahead", &record, &claim, 1, ahead), None);
        assert!(silence.left("behind", &record, &claim, 2, behind).is_some());
        // A lease of long ago needs no look.
        let late = at + TimeDelta::seconds(11);
        assert_eq!(silence.left("late", &record, &claim, 1, late), None);
    }
}
