//! What one value says, or why it says nothing that an order could use. Pure; texts go to whoever
//! sent the order.

use super::shown;
use crate::Money;
use crate::money::{DECIMALS, MoneyError, WHOLE_MAX};
use crate::order::QUANTITY_MAX;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Number, Value};

/// The last second whose year has four digits, as RFC 3339 wants it.
const SECONDS_MAX: i64 = 253_402_300_799;

/// A whole number, not 0, within the limit.
pub(super) fn quantity(value: &Value) -> Result<i64, String> {
    match value {
        Value::Number(number) => whole(number).filter(|n| *n != 0 && n.abs() <= QUANTITY_MAX),
        _ => None,
    }
    .ok_or_else(|| {
        let shown = shown::value(value);
        format!(
            "is {shown}; a quantity is a whole number, not 0, of at most {QUANTITY_MAX} (below \
             zero in a return)"
        )
    })
}

/// `2`, and `2.0`, as some languages write every number.
fn whole(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
}

/// A decimal number, as JSON number or as text.
pub(super) fn amount(value: &Value) -> Result<Money, String> {
    let parsed = match value {
        Value::String(text) => Money::parse(text),
        Value::Number(number) => number_amount(number),
        _ => Err(MoneyError::NotANumber),
    };
    parsed.map_err(|error| {
        let shown = shown::value(value);
        match error {
            MoneyError::NotANumber => format!("is {shown}, not a decimal number such as 12.50"),
            MoneyError::TooPrecise => {
                format!("is {shown}, at most {DECIMALS} decimal places are allowed")
            }
            MoneyError::TooLarge => format!("is {shown}, the limit is {WHOLE_MAX}"),
        }
    })
}

/// Numbers far from 1 are written with an exponent.
fn number_amount(number: &Number) -> Result<Money, MoneyError> {
    let text = number.to_string();
    match number.as_f64() {
        Some(number) if text.contains('e') => {
            Err(if number.abs() < 1.0 { MoneyError::TooPrecise } else { MoneyError::TooLarge })
        }
        _ => Money::parse(&text),
    }
}

/// RFC 3339, or seconds since 1970.
pub(super) fn time(value: &Value) -> Result<DateTime<Utc>, String> {
    let shown = || shown::value(value);
    let time = match value {
        Value::String(text) => match DateTime::parse_from_rfc3339(text) {
            Ok(time) => Some(time.to_utc()),
            Err(_) => return Err(not_a_time(text, &shown())),
        },
        Value::Number(number) => seconds(number),
        _ => return Err(format!("is {}, neither RFC 3339 nor seconds since 1970", shown())),
    };
    match time {
        Some(time) if (0..=SECONDS_MAX).contains(&time.timestamp()) => Ok(time),
        _ => {
            let milliseconds = value.as_f64().is_some_and(|n| (1e12..1e14).contains(&n));
            let hint = if milliseconds { "; seconds are meant, not milliseconds" } else { "" };
            Err(format!("is {}, not within the years 1970 to 9999{hint}", shown()))
        }
    }
}

fn not_a_time(text: &str, shown: &str) -> String {
    let date_and_time = |format| NaiveDateTime::parse_from_str(text, format).is_ok();
    if !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && text.parse::<f64>().is_ok()
    {
        format!("is the text {shown}; seconds since 1970 stand without quotes")
    } else if ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"].into_iter().any(date_and_time) {
        format!("is {shown}, without a time zone; Z or an offset such as +01:00 belongs to it")
    } else {
        format!("is {shown}, neither RFC 3339 such as 2026-01-02T03:04:05Z nor seconds since 1970")
    }
}

/// Fractions of a second are cut at milliseconds.
fn seconds(number: &Number) -> Option<DateTime<Utc>> {
    if let Some(seconds) = number.as_i64() {
        return DateTime::from_timestamp(seconds, 0);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, and from_timestamp_millis checks the range"
    )]
    let milliseconds = (number.as_f64()? * 1000.0) as i64;
    DateTime::from_timestamp_millis(milliseconds)
}
