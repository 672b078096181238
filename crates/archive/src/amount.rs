//! Exact sums of amounts, one for each currency. Amounts of two currencies are never added.

use domain::Currency;
use domain::money::{DECIMALS, SCALE};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A sum in units of 10⁻⁴, as [`domain::Money`] has them. It cannot overflow: that takes 10²⁵ orders of the largest amount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(pub i128);

impl Units {
    /// Reads what [`fmt::Display`] and [`domain::Money`] write.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let places = DECIMALS as usize;
        if whole.is_empty() || !is_digits(whole) || !is_digits(part) || places < part.len() {
            return None;
        }
        let units: i128 = format!("{whole}{part:0<places$}").parse().ok()?;
        Some(Self(units * sign))
    }

    /// The `count`th part, rounded to four decimals, halves away from zero; nothing of none.
    #[must_use]
    pub fn divided(self, count: i64) -> Option<Self> {
        let count = i128::from(count);
        (0 < count).then(|| Self((self.0 * 2 + count * self.0.signum()) / (count * 2)))
    }

    /// With the decimals of the currency `code`, and more if it has more, as people read it: `1200` of JPY.
    #[must_use]
    pub fn shown(self, code: &str) -> String {
        let decimals = Currency::parse(code).map_or(DECIMALS_LEAST, Currency::decimals);
        self.with_decimals(usize::try_from(decimals).unwrap_or(usize::MAX))
    }

    /// With at least so many decimals.
    fn with_decimals(self, least: usize) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (units, scale) = (self.0.unsigned_abs(), u128::from(SCALE.unsigned_abs()));
        let mut decimals = format!("{:0places$}", units % scale, places = DECIMALS as usize);
        while decimals.ends_with('0') && least < decimals.len() {
            decimals.pop();
        }
        let mark = if decimals.is_empty() { "" } else { "." };
        format!("{sign}{}{mark}{decimals}", units / scale)
    }
}

/// Decimals of amounts whose currency is not looked at.
const DECIMALS_LEAST: u32 = 2;

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_decimals(DECIMALS_LEAST as usize))
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no amount")))
    }
}

impl JsonSchema for Units {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Sum".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["1204.50"]})
    }
}

/// An amount as a number of JSON, with all its digits.
#[must_use]
pub fn exact(units: Units) -> Box<RawValue> {
    RawValue::from_string(units.to_string()).expect("a sum is written as digits and a dot")
}

/// A code of a currency, three letters. Orders may have codes that ISO 4217 lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code([u8; 3]);

impl Code {
    /// No currency, by ISO 4217: what is added up under it has several.
    pub const OTHERS: Self = Self(*b"XXX");

    /// Reads three letters.
    ///
    /// # Errors
    /// They are not three.
    pub fn parse(text: &str) -> Result<Self, String> {
        let letters: Result<[u8; 3], _> = text.as_bytes().try_into();
        let letters = letters.ok().filter(|letters| letters.iter().all(u8::is_ascii_graphic));
        letters.map(Self).ok_or_else(|| format!("{text:?} is no code of a currency"))
    }
}

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

/// Sums by currency, in the order of their codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amounts(Vec<(Code, Units)>);

impl Amounts {
    /// Adds to the sum in a currency.
    pub fn add(&mut self, code: Code, units: i128) {
        match self.0.binary_search_by_key(&code, |(code, _)| *code) {
            Ok(at) => {
                if let Some((_, sum)) = self.0.get_mut(at) {
                    sum.0 += units;
                }
            }
            Err(at) => {
                // Most have one currency.
                self.0.reserve_exact(1);
                self.0.insert(at, (code, Units(units)));
            }
        }
    }

    /// Adds all sums of another one.
    pub fn merge(&mut self, other: &Self) {
        for (code, sum) in &other.0 {
            self.add(*code, sum.0);
        }
    }

    /// Is there a sum in this currency?
    #[must_use]
    pub fn has(&self, code: Code) -> bool {
        self.0.binary_search_by_key(&code, |(code, _)| *code).is_ok()
    }

    /// How many currencies there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum in a currency; 0 if there is none.
    #[must_use]
    pub fn of(&self, code: Code) -> Units {
        let found = self.0.iter().find(|(known, _)| *known == code);
        found.map(|(_, sum)| *sum).unwrap_or_default()
    }

    /// All of them, in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = (Code, Units)> {
        self.0.iter().copied()
    }

    /// As answers have them.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<String, Units> {
        self.iter().map(|(code, sum)| (code.to_string(), sum)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_exact_and_read_as_it_is_written() {
        for text in ["0.00", "2.55", "-11062.06", "0.001", "1.2345", "92233720368547758070.5001"] {
            assert_eq!(Units::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "-", "1.23456", "1e3", "+1", "1,5", ".5"] {
            assert_eq!(Units::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_sum_has_the_decimals_of_its_currency() {
        for (text, code, expected) in [
            ("1200.00", "JPY", "1200"),
            ("-1200.5", "JPY", "-1200.5"),
            ("0.50", "KWD", "0.500"),
            ("0.125", "KWD", "0.125"),
            ("12.50", "EUR", "12.50"),
            ("12.50", "QQQ", "12.50"),
            ("1.2345", "EUR", "1.2345"),
        ] {
            assert_eq!(Units::parse(text).unwrap().shown(code), expected, "{text} {code}");
        }
    }

    #[test]
    fn a_part_is_rounded_away_from_zero() {
        let part = |units, count| Units(units).divided(count).map(|part| part.0);
        assert_eq!(part(10, 4), Some(3));
        assert_eq!(part(-10, 4), Some(-3));
        assert_eq!(part(9, 4), Some(2));
        assert_eq!(part(9, 0), None);
    }

    #[test]
    fn currencies_are_never_added() {
        let mut sums = Amounts::default();
        for (code, units) in [("USD", 1), ("EUR", 2), ("USD", 3), ("CHF", 4)] {
            sums.add(Code::parse(code).unwrap(), units);
        }
        let again: Amounts = serde_json::from_str(&serde_json::to_string(&sums).unwrap()).unwrap();
        let shown = again.shown();
        let shown: Vec<_> = shown.iter().map(|(code, sum)| (code.as_str(), sum.0)).collect();
        assert_eq!(shown, [("CHF", 4), ("EUR", 2), ("USD", 4)]);
        assert!(Code::parse("EURO").is_err());
    }
}
