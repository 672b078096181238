//! When a partner's file has to be there: `daily by 07:30`, `mon-fri by 18:00`, `mon, thu by 6:00`.

use chrono::{NaiveTime, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const DAYS: [(Weekday, &str); 7] = [
    (Weekday::Mon, "mon"),
    (Weekday::Tue, "tue"),
    (Weekday::Wed, "wed"),
    (Weekday::Thu, "thu"),
    (Weekday::Fri, "fri"),
    (Weekday::Sat, "sat"),
    (Weekday::Sun, "sun"),
];

/// On which days a file is expected, and by what time of the partner's time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    text: String,
    days: [bool; 7],
    /// The file has to be there by then.
    pub by: NaiveTime,
}

/// Why a text says no such thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpectedError {
    /// Days and time are not apart.
    #[error("is {0:?}; the form is `daily by 07:30` or `mon-fri by 18:00`")]
    Form(String),
    /// A day.
    #[error("has the day {0:?}; known are daily mon tue wed thu fri sat sun")]
    Day(String),
    /// A time.
    #[error("has the time {0:?}, which is none from 00:00 to 23:59")]
    Time(String),
}

impl Expected {
    /// Is a file expected on this day of the week?
    #[must_use]
    pub fn is_on(&self, day: Weekday) -> bool {
        let place = day.num_days_from_monday();
        DAYS.iter().zip(self.days).any(|((d, _), on)| on && d.num_days_from_monday() == place)
    }
}

impl FromStr for Expected {
    type Err = ExpectedError;

    fn from_str(text: &str) -> Result<Self, ExpectedError> {
        let lower = text.to_lowercase();
        let form = || ExpectedError::Form(text.to_owned());
        let (names, time) = lower.split_once(" by ").ok_or_else(form)?;
        let time = time.trim();
        let by = NaiveTime::parse_from_str(time, "%H:%M");
        let by = by.map_err(|_| ExpectedError::Time(time.to_owned()))?;
        let mut days = [false; 7];
        for part in names.split(',').map(str::trim) {
            let (first, last) = match part.split_once('-') {
                _ if part == "daily" => (0, 6),
                Some((first, last)) => (place(first)?, place(last)?),
                None => (place(part)?, place(part)?),
            };
            // `fri-mon` goes over the end of the week.
            let length = (last + 7 - first) % 7;
            for (at, day) in days.iter_mut().enumerate() {
                *day |= (at + 7 - first) % 7 <= length;
            }
        }
        Ok(Self { text: text.to_owned(), days, by })
    }
}

fn place(name: &str) -> Result<usize, ExpectedError> {
    let name = name.trim();
    let found = DAYS.iter().position(|(_, known)| *known == name);
    found.ok_or_else(|| ExpectedError::Day(name.to_owned()))
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match text.parse::<Expected>() {
            Ok(found) => {
                let days = DAYS.iter().filter(|(day, _)| found.is_on(*day)).map(|(_, name)| *name);
                format!("{} {}", days.collect::<Vec<_>>().join(" "), found.by)
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn days_and_a_time_are_read() {
        check("daily by 07:30", "mon tue wed thu fri sat sun 07:30:00");
        check("mon-fri by 18:00", "mon tue wed thu fri 18:00:00");
        check("Mon, THU by 6:05", "mon thu 06:05:00");
        check("fri-mon by 00:00", "mon fri sat sun 00:00:00");
        check("sun by 23:59", "sun 23:59:00");
    }

    #[test]
    fn anything_else_is_named() {
        check("07:30", "is \"07:30\"; the form is `daily by 07:30` or `mon-fri by 18:00`");
        check(
            "weekly by 07:30",
            "has the day \"weekly\"; known are daily mon tue wed thu fri sat sun",
        );
        check("mon- by 07:30", "has the day \"\"; known are daily mon tue wed thu fri sat sun");
        check("daily by 24:00", "has the time \"24:00\", which is none from 00:00 to 23:59");
        check("daily by noon", "has the time \"noon\", which is none from 00:00 to 23:59");
    }
}
