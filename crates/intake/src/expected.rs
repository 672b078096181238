//! Is a partner's file overdue? A pure decision on what arrived.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Tz;
use domain::partner::{Expected, Partner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days that are looked back for the deadline before the last one: of a weekly one, which the clock may
/// have jumped over once, that can be three weeks.
const DAYS_BACK: u64 = 21;

/// A file that should have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overdue {
    /// As configured.
    pub expected: String,
    /// The day in the partner's time zone.
    pub date: NaiveDate,
    /// When it had to be there.
    pub deadline: DateTime<Utc>,
}

/// The file of `partner` that is overdue at `now`, if one is.
///
/// `newest` is when the newest of its files was last changed: a file counts for the first deadline
/// behind it, so one that comes late and after the alert counts for the next.
#[must_use]
pub fn overdue(
    partner: &Partner,
    newest: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Overdue> {
    let expected = partner.expected.as_ref()?;
    let zone: Tz = partner.time_zone.parse().ok()?;
    let mut passed = deadlines(expected, zone, now);
    let (date, deadline) = passed.next()?;
    let (_, before) = passed.next()?;
    let came = newest.is_some_and(|newest| before < newest);
    (!came).then(|| Overdue { expected: expected.to_string(), date, deadline })
}

/// Deadlines that have passed, the last one first.
fn deadlines(
    expected: &Expected,
    zone: Tz,
    now: DateTime<Utc>,
) -> impl Iterator<Item = (NaiveDate, DateTime<Utc>)> {
    let today = now.with_timezone(&zone).date_naive();
    (0..=DAYS_BACK).filter_map(move |back| {
        let date = today.checked_sub_days(Days::new(back))?;
        let local = date.and_time(expected.by);
        // Of a time that the clock jumps over, the next one will do.
        let deadline = zone.from_local_datetime(&local).earliest()?.with_timezone(&Utc);
        (expected.is_on(date.weekday()) && deadline <= now).then_some((date, deadline))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(expected: &str, zone: &str, now: &str, newest: Option<&str>, late: Option<&str>) {
        let yaml = format!(
            "partners:\n  A: {{currency: EUR, time-zone: {zone}, expected: {expected:?}}}\n"
        );
        let partners = crate::partners::load(&yaml).unwrap();
        let partner = partners.values().next().unwrap();
        let found = overdue(partner, newest.map(at), at(now));
        let found =
            found.map(|overdue| format!("{} {}", overdue.date, overdue.deadline.to_rfc3339()));
        assert_eq!(found.as_deref(), late);
    }

    #[test]
    fn a_file_is_overdue_from_its_deadline_on_and_not_before() {
        let daily = |now, newest, late| check("daily by 07:30", "UTC", now, newest, late);
        let yesterday = Some("2026-11-21T06:00:00Z");
        daily("2026-11-22T07:29:59Z", yesterday, None);
        daily("2026-11-22T07:30:00Z", yesterday, Some("2026-11-22 2026-11-22T07:30:00+00:00"));
        daily("2026-11-22T08:00:00Z", Some("2026-11-22T07:00:00Z"), None);
        daily("2026-11-22T08:00:00Z", Some("2026-11-21T22:00:00Z"), None);
        daily("2026-11-22T08:00:00Z", None, Some("2026-11-22 2026-11-22T07:30:00+00:00"));
        // It came late.
        daily("2026-11-22T08:00:00Z", Some("2026-11-22T07:45:00Z"), None);
    }

    #[test]
    fn the_time_is_the_partners() {
        let late = Some("2026-07-01 2026-07-01T05:30:00+00:00");
        let old = Some("2026-06-30T05:00:00Z");
        check("daily by 07:30", "Europe/Paris", "2026-07-01T05:30:00Z", old, late);
        check("daily by 07:30", "Europe/Paris", "2026-07-01T05:29:00Z", old, None);
        let late = Some("2026-06-30 2026-07-01T03:30:00+00:00");
        check("daily by 20:30", "America/Los_Angeles", "2026-07-01T04:00:00Z", None, late);
    }

    #[test]
    fn days_off_are_left_out() {
        // The 21st and 22nd of November 2026 are a weekend.
        let week = |now, newest, late| check("mon-fri by 07:30", "UTC", now, newest, late);
        week("2026-11-22T12:00:00Z", Some("2026-11-20T07:00:00Z"), None);
        week("2026-11-23T07:00:00Z", Some("2026-11-20T07:00:00Z"), None);
        let late = Some("2026-11-23 2026-11-23T07:30:00+00:00");
        week("2026-11-23T08:00:00Z", Some("2026-11-20T07:00:00Z"), late);
        week("2026-11-23T08:00:00Z", Some("2026-11-22T07:00:00Z"), None);
        check("mon by 07:30", "UTC", "2026-11-24T08:00:00Z", None, late);
    }

    #[test]
    fn a_weekly_file_is_overdue_all_week() {
        let old = Some("2026-11-16T07:00:00Z");
        let late = Some("2026-11-23 2026-11-23T07:30:00+00:00");
        for day in 23..=29 {
            let now = format!("2026-11-{day}T08:00:00Z");
            check("mon by 07:30", "UTC", &now, old, late);
            check("mon by 07:30", "UTC", &now, Some("2026-11-23T07:00:00Z"), None);
        }
        check("mon by 07:30", "UTC", "2026-11-30T07:00:00Z", old, late);
        // On the 29th of March the clock jumps over it.
        let late = Some("2026-04-05 2026-04-05T00:30:00+00:00");
        check("sun by 02:30", "Europe/Paris", "2026-04-11T08:00:00Z", None, late);
    }

    #[test]
    fn who_expects_nothing_misses_nothing() {
        let partners = crate::partners::load("partners:\n  A: {currency: EUR}\n").unwrap();
        let partner = partners.values().next().unwrap();
        assert_eq!(overdue(partner, None, at("2026-11-24T08:00:00Z")), None);
    }
}
