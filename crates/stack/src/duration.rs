//! Times as people and Go write them: `90s`, `1h30m`, `1.5h`, `250ms`.

use std::time::Duration;

/// The longest that can be written.
const MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Not a time.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a time such as 90s, 5m or 1h30m, at most 366 days")]
pub struct DurationError {
    text: String,
}

/// Reads `text`.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    sum(text).ok_or_else(|| DurationError { text: text.to_owned() })
}

fn sum(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = rest.split_at_checked(rest.find(char::is_alphabetic)?)?;
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let seconds = number.parse::<f64>().ok()? * factor(unit)?;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = next;
    }
    (!text.is_empty() && total <= MAX).then_some(total)
}

fn factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_sum_of_numbers_with_units() {
        for (text, ms) in [
            ("0s", Some(0)),
            ("90s", Some(90_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5h", Some(5_400_000)),
            ("250ms", Some(250)),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("5 s", None),
            ("5d", None),
            ("1e300h", None),
            ("infs", None),
        ] {
            let parsed = parse(text).ok().map(|d| d.as_millis());
            assert_eq!(parsed, ms, "{text}");
        }
    }
}
