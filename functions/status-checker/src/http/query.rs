//! Times in queries.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::time::Duration;

/// Longest time that a request may wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How long to wait: `2s`, `500ms`.
#[derive(Clone, Copy, Debug, JsonSchema)]
pub(crate) struct Wait(#[schemars(with = "String")] pub(super) Duration);

/// A time, or how long ago: `2026-01-31T08:00:00Z`, `90s`, `2h`.
#[derive(Clone, Copy, Debug, JsonSchema)]
pub(crate) struct Since(#[schemars(with = "String")] pub(super) DateTime<Utc>);

/// `90s`, `15m`, `2h`, `7d`; nothing if it is no such text, or too long.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let ms = match text.strip_prefix(digits)? {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(ms).map(Duration::from_millis)
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match duration(&text) {
            Some(wait) if wait <= WAIT_MAX => Ok(Self(wait)),
            Some(_) => {
                let max = WAIT_MAX.as_secs();
                Err(D::Error::custom(format!("{text:?} is more than {max}s")))
            }
            None => Err(D::Error::custom(format!("{text:?} is no time such as 2s or 500ms"))),
        }
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
            return Ok(Self(time.to_utc()));
        }
        let ago = duration(&text).and_then(|ago| chrono::TimeDelta::from_std(ago).ok());
        let time = ago.and_then(|ago| super::files::now().checked_sub_signed(ago));
        time.map(Self).ok_or_else(|| {
            let wrong =
                "is neither a time such as 2026-01-31T08:00:00Z nor how long ago, such as 2h";
            D::Error::custom(format!("{text:?} {wrong}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(duration(text), ms.map(Duration::from_millis), "{text}");
        };
        check("2s", Some(2_000));
        check("500ms", Some(500));
        check("3", Some(3_000));
        check("15m", Some(900_000));
        check("7d", Some(604_800_000));
        for wrong in ["", "s", "2w", "-1s", "1.5s", "99999999999999999999s", "2 s"] {
            check(wrong, None);
        }
    }
}
