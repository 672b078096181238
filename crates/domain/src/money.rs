//! Exact amounts.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// An amount in units of 10⁻⁴ of the currency: exact, never a float.
///
/// On the wire it is a string, `"2.55"`, with at least two decimals; a JSON number is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Decimal places an amount may have.
pub const DECIMALS: u32 = 4;
/// Units of one whole: 10⁴.
pub const SCALE: i64 = 10_000;
/// Largest absolute amount that is read from outside: 10⁹ whole units. Below it, every amount of
/// four decimals survives a JSON number (15 significant digits of a double are exact).
pub const WHOLE_MAX: i64 = 1_000_000_000;

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// No digits, or something else than digits, one sign and one dot.
    #[error("is not a decimal number")]
    NotANumber,
    /// More than four digits after the dot that are not zero.
    #[error("has more than {DECIMALS} decimal places")]
    TooPrecise,
    /// Beyond the largest amount.
    #[error("is larger than {WHOLE_MAX}")]
    TooLarge,
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From units of 10⁻⁴.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// In units of 10⁻⁴.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Reads `-12.5`, `+3`, `.5`, `4.`; no exponent, no thousands separators, no currency sign.
    ///
    /// # Errors
    /// What is wrong with the text, with the limit.
    pub fn parse(text: &str) -> Result<Self, MoneyError> {
        Self::parse_bytes(text.as_bytes(), b'.')
    }

    /// As [`Money::parse`], on bytes and with `mark` as the decimal mark.
    ///
    /// # Errors
    /// What is wrong with the text, with the limit.
    pub fn parse_bytes(text: &[u8], mark: u8) -> Result<Self, MoneyError> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let mut units: i64 = 0;
        let mut places: Option<u32> = None;
        let mut seen = false;
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    seen = true;
                    let digit = i64::from(byte - b'0');
                    match &mut places {
                        Some(n) if *n >= DECIMALS => {
                            if digit != 0 {
                                return Err(MoneyError::TooPrecise);
                            }
                            continue;
                        }
                        Some(n) => *n += 1,
                        None => {}
                    }
                    units = units * 10 + digit;
                    if units > WHOLE_MAX * SCALE {
                        return Err(MoneyError::TooLarge);
                    }
                }
                _ if byte == mark && places.is_none() => places = Some(0),
                _ => return Err(MoneyError::NotANumber),
            }
        }
        if !seen {
            return Err(MoneyError::NotANumber);
        }
        units = units
            .checked_mul(10_i64.pow(DECIMALS - places.unwrap_or(0)))
            .filter(|units| *units <= WHOLE_MAX * SCALE)
            .ok_or(MoneyError::TooLarge)?;
        Ok(Self(if negative { -units } else { units }))
    }

    /// Is it at most [`WHOLE_MAX`], so that it can be read again once it is written?
    #[must_use]
    pub fn is_within_limit(self) -> bool {
        self.0.unsigned_abs() <= WHOLE_MAX.unsigned_abs() * SCALE.unsigned_abs()
    }

    /// This amount `quantity` times.
    #[must_use]
    pub fn times(self, quantity: i64) -> Option<Self> {
        self.0.checked_mul(quantity).map(Self)
    }

    /// The same with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// Without its sign.
    #[must_use]
    pub const fn magnitude(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The sum, if it can be held.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let scale = SCALE.unsigned_abs();
        let (whole, rest) = (units / scale, units % scale);
        let sign = if self.0 < 0 { "-" } else { "" };
        match rest {
            _ if rest % 100 == 0 => write!(f, "{sign}{whole}.{:02}", rest / 100),
            _ if rest % 10 == 0 => write!(f, "{sign}{whole}.{:03}", rest / 10),
            _ => write!(f, "{sign}{whole}.{rest:04}"),
        }
    }
}

impl std::str::FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::parse(text)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Money;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number, as text or number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
                Money::parse(text).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Money, E> {
                // Rust prints the shortest digits that give the same double, so `2.55` stays 2.55.
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Money, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Money, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Money {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number"], "examples": ["2.55"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let got = match Money::parse(text) {
            Ok(money) => money.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(got, expected, "for {text:?}");
    }

    #[test]
    fn decimals_are_exact() {
        check("2.55", "2.55");
        check("-11062.06", "-11062.06");
        check("+3", "3.00");
        check(".5", "0.50");
        check("4.", "4.00");
        check("0.0010", "0.001");
        check("1.2345", "1.2345");
        check("1.23450000", "1.2345");
        check("-0.00", "0.00");
        check("1000000000", "1000000000.00");
    }

    #[test]
    fn what_is_not_an_amount_says_why() {
        for text in ["", "-", ".", "1e3", "NaN", "12,50", "1.2.3", "£3", "1 000", "١"] {
            check(text, "is not a decimal number");
        }
        check("1.23456", "has more than 4 decimal places");
        check("1000000000.0001", "is larger than 1000000000");
        check("99999999999999999999999", "is larger than 1000000000");
    }

    #[test]
    fn a_comma_is_a_decimal_mark_where_it_is_said_to_be() {
        assert_eq!(Money::parse_bytes(b"12,50", b',').unwrap().to_string(), "12.50");
        assert_eq!(Money::parse_bytes(b"12.50", b','), Err(MoneyError::NotANumber));
    }

    #[test]
    fn json_is_text_and_numbers_are_understood() {
        for (json, expected) in
            [("\"2.55\"", "2.55"), ("2.55", "2.55"), ("3", "3.00"), ("0.1", "0.10")]
        {
            assert_eq!(serde_json::from_str::<Money>(json).unwrap().to_string(), expected);
        }
        assert!(serde_json::from_str::<Money>("1e300").is_err());
        assert!(serde_json::from_str::<Money>("null").is_err());
        assert_eq!(serde_json::to_string(&Money::parse("2.5").unwrap()).unwrap(), "\"2.50\"");
    }
}
