//! How a partner's customers are written to.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How a partner's customers are told what becomes of their orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Notify {
    /// The shop's name in messages. Without it: the name in `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Sender of its e-mails: `Lamps Ltd <orders@example.org>`. Without it: the notifier's `ORDERFLOW_MAIL_FROM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where answers go, if not to `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Language of messages to customers who have none of their own: `fr`, or `fr-CA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Are its customers told by e-mail?
    pub mail: bool,
    /// Are its customers told by SMS?
    pub sms: bool,
    /// Times of the partner's time zone at which no SMS is sent: `21:00-08:00`. They wait until the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub quiet_hours: Option<QuietHours>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            name: None,
            from: None,
            reply_to: None,
            language: None,
            mail: true,
            sms: true,
            quiet_hours: None,
        }
    }
}

impl Notify {
    /// Is nothing said?
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of each day, from one time to another, also over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: NaiveTime,
    to: NaiveTime,
}

/// A text that says no part of a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}; the form is `21:00-08:00`, two different times from 00:00 to 23:59")]
pub struct QuietHoursError(String);

impl QuietHours {
    /// How long they still last at this time of the partner's time zone, if it is one of them.
    #[must_use]
    pub fn left(&self, at: NaiveDateTime) -> Option<TimeDelta> {
        let time = at.time();
        let is_quiet = match self.from < self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        };
        let left = self.to.signed_duration_since(time);
        let left = if left <= TimeDelta::zero() { left + TimeDelta::days(1) } else { left };
        is_quiet.then_some(left)
    }
}

impl FromStr for QuietHours {
    type Err = QuietHoursError;

    fn from_str(text: &str) -> Result<Self, QuietHoursError> {
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        let both = text.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
        let both = both.filter(|(from, to)| from != to);
        let (from, to) = both.ok_or_else(|| QuietHoursError(text.to_owned()))?;
        Ok(Self { from, to })
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.format("%H:%M"), self.to.format("%H:%M"))
    }
}

impl Serialize for QuietHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hours: &str, at: &str, minutes: Option<i64>) {
        let hours: QuietHours = hours.parse().unwrap();
        let at = NaiveDateTime::parse_from_str(&format!("2026-11-30 {at}"), "%Y-%m-%d %H:%M");
        assert_eq!(hours.left(at.unwrap()).map(|left| left.num_minutes()), minutes, "{hours}");
    }

    #[test]
    fn a_night_goes_over_midnight_and_its_end_is_outside() {
        check("21:00-08:00", "20:59", None);
        check("21:00-08:00", "21:00", Some(660));
        check("21:00-08:00", "00:30", Some(450));
        check("21:00-08:00", "08:00", None);
        check("12:00-14:00", "13:15", Some(45));
        check("12:00-14:00", "14:00", None);
        check("12:00-14:00", "03:00", None);
    }

    #[test]
    fn what_is_no_part_of_a_day_says_the_form() {
        for wrong in ["", "21:00", "21-8", "25:00-08:00", "08:00-08:00"] {
            let error = wrong.parse::<QuietHours>().unwrap_err().to_string();
            assert!(error.contains("21:00-08:00"), "{error}");
        }
    }
}
