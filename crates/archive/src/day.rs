//! A day, in UTC.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A day in UTC, written as `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(NaiveDate);

impl Day {
    /// Reads `2026-01-31`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_whole = text.len() == "2026-01-31".len();
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_whole).map(Self)
    }

    /// The day of a time.
    #[must_use]
    pub fn of(time: DateTime<Utc>) -> Self {
        Self(time.date_naive())
    }

    /// The day of a time in milliseconds since 1970.
    #[must_use]
    pub fn of_ms(ms: i64) -> Self {
        Self::of(DateTime::from_timestamp_millis(ms).unwrap_or_default())
    }

    /// When it is over, in milliseconds since 1970.
    #[must_use]
    pub fn end_ms(self) -> i64 {
        self.next().0.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
    }

    /// The day after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add_days(Days::new(1)).unwrap_or(self.0))
    }

    /// The day before it.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.checked_sub_days(Days::new(1)).unwrap_or(self.0))
    }

    /// How many days it is behind `other`; below zero if it is before.
    #[must_use]
    pub fn since(self, other: Self) -> i64 {
        (self.0 - other.0).num_days()
    }

    /// Days since 1970.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
    }

    /// Its month, as `2026-01`.
    #[must_use]
    pub fn month(self) -> String {
        self.0.format("%Y-%m").to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_and_ends_where_the_next_one_begins() {
        let day = Day::parse("2024-02-28").unwrap();
        assert_eq!(day.next().to_string(), "2024-02-29");
        assert_eq!(day.next().next().month(), "2024-03");
        assert_eq!((day.next().before(), day.next().since(day)), (day, 1));
        assert_eq!(Day::of_ms(day.end_ms()), day.next());
        assert_eq!(Day::of_ms(day.end_ms() - 1), day);
        assert_eq!(Day::parse("1970-01-02").unwrap().number(), 1);
        for wrong in ["2024-2-28", "2024-02-30", "28.02.2024", "2024-02-28T00:00:00Z", ""] {
            assert_eq!(Day::parse(wrong), None, "{wrong:?}");
        }
    }
}
