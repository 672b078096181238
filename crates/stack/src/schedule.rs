//! The schedules of functions with `topic: cron-function`, called as cron-connector calls them.

use std::str::FromStr as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::duration;

/// When a function is called.
#[derive(Clone, Debug)]
pub enum Schedule {
    /// `@every 1h30m`, counted from the start.
    Every(Duration),
    /// Five fields, in a time zone.
    Fields(Box<Cron>, Tz),
}

/// Not a schedule that cron-connector takes.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The text and its zone.
    #[error("schedule {0:?}: time zone {1:?} is not known")]
    Zone(String, String),
    /// The text and how many it has.
    #[error("schedule {0:?} has {1} fields, not 5: minute hour day month weekday")]
    Fields(String, usize),
    /// The text and the word in it.
    #[error("schedule {0:?}: {1:?} is not one of @yearly @monthly @weekly @daily @hourly @every")]
    Descriptor(String, String),
    /// The text and what is wrong.
    #[error("schedule {0:?}: {1}, at least 1s")]
    Every(String, String),
    /// The text.
    #[error("schedule {0:?}: weekdays are 0 to 6 or SUN to SAT, and L W # are not understood")]
    Unsupported(String),
    /// The text and what the parser says.
    #[error("schedule {0:?}: {1}")]
    Syntax(String, String),
}

impl Schedule {
    /// Reads an annotation, and refuses what cron-connector drops in silence.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let given = || text.to_owned();
        let (zone, rest) = zone(text.trim())?;
        if let Some(every) = rest.strip_prefix("@every ") {
            let every = duration::parse(every.trim())
                .map_err(|error| ScheduleError::Every(given(), error.to_string()))?;
            if every < Duration::from_secs(1) {
                return Err(ScheduleError::Every(given(), "too often".to_owned()));
            }
            return Ok(Self::Every(every));
        }
        let fields = match rest {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => {
                return Err(ScheduleError::Descriptor(given(), other.to_owned()));
            }
            fields => fields,
        };
        let split: Vec<&str> = fields.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = split.as_slice() else {
            return Err(ScheduleError::Fields(given(), split.len()));
        };
        let numbers = [*minute, *hour, *day].concat();
        let foreign = |c: char| c.is_alphabetic() || matches!(c, '#' | '+');
        let weekday_7 = weekday.split([',', '-', '/']).any(|part| part == "7");
        if numbers.contains(foreign) || weekday.contains(['#', '+']) || weekday_7 {
            return Err(ScheduleError::Unsupported(given()));
        }
        let fields = [minute, hour, day, month, weekday].map(|field| field.replace('?', "*"));
        CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(&fields.join(" "))
            .map(|cron| Self::Fields(Box::new(cron), zone))
            .map_err(|error| ScheduleError::Syntax(given(), error.to_string()))
    }

    /// The next time after `after`; none for a day that never comes, such as February 30.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(every) => {
                after.checked_add_signed(chrono::Duration::from_std(*every).ok()?)
            }
            Self::Fields(cron, zone) => {
                let next = cron.find_next_occurrence(&after.with_timezone(zone), false).ok()?;
                Some(next.with_timezone(&Utc))
            }
        }
    }
}

fn zone(text: &str) -> Result<(Tz, &str), ScheduleError> {
    let Some(zoned) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok((Tz::UTC, text));
    };
    let (name, rest) = zoned.split_once(' ').unwrap_or((zoned, ""));
    let zone =
        Tz::from_str(name).map_err(|_| ScheduleError::Zone(text.to_owned(), name.to_owned()))?;
    Ok((zone, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: &str, after: &str, expected: &[&str]) {
        let schedule = Schedule::parse(schedule).unwrap();
        let mut time: DateTime<Utc> = after.parse().unwrap();
        for expected in expected {
            time = schedule.next(time).unwrap();
            assert_eq!(time, expected.parse::<DateTime<Utc>>().unwrap(), "{schedule:?}");
        }
    }

    #[test]
    fn five_fields_are_read_in_utc() {
        let next = ["2026-03-02T08:00:00Z", "2026-03-03T08:00:00Z"];
        check("0 8 * * *", "2026-03-01T08:00:00Z", &next);
        check("*/15 9-10 * * MON-FRI", "2026-03-06T10:45:00Z", &["2026-03-09T09:00:00Z"]);
        check("0 0 1 JAN-MAR ?", "2026-03-01T00:00:00Z", &["2027-01-01T00:00:00Z"]);
        check("0 0 * * 0", "2026-03-02T00:00:00Z", &["2026-03-08T00:00:00Z"]);
    }

    #[test]
    fn a_time_zone_moves_with_its_summer_time() {
        let berlin = ["2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z"];
        check("CRON_TZ=Europe/Berlin 0 6 * * *", "2026-03-28T00:00:00Z", &berlin);
    }

    #[test]
    fn descriptors_stand_for_their_fields() {
        check("@daily", "2026-03-01T08:00:00Z", &["2026-03-02T00:00:00Z"]);
        check("@hourly", "2026-03-01T08:00:00Z", &["2026-03-01T09:00:00Z"]);
        check("@every 1h30m", "2026-03-01T08:00:00Z", &["2026-03-01T09:30:00Z"]);
    }

    #[test]
    fn what_cron_connector_drops_in_silence_is_refused_aloud() {
        for (schedule, expected) in [
            ("", "has 0 fields"),
            ("0 0 8 * * *", "has 6 fields"),
            ("0 8 * *", "has 4 fields"),
            ("0 8 * * 7", "weekdays are 0 to 6"),
            ("0 8 * * 1-7", "weekdays are 0 to 6"),
            ("0 8 L * *", "not understood"),
            ("0 8 * * 5#2", "not understood"),
            ("60 8 * * *", "schedule \"60 8 * * *\""),
            ("0 24 * * *", "schedule"),
            ("0 8 0 * *", "schedule"),
            ("@reboot", "@reboot"),
            ("@every soon", "soon"),
            ("@every 10ms", "at least 1s"),
            ("CRON_TZ=Mars/Olympus 0 8 * * *", "Mars/Olympus"),
        ] {
            let error = Schedule::parse(schedule).expect_err(schedule).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
