//! Currencies by their codes of ISO 4217.

use crate::Money;
use crate::money::DECIMALS;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Codes that occur in shops. Files are searched for these; other codes look too much like words (`ALL`, `TOP`).
pub const IN_SHOPS: &[&str] = &[
    "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "ISK", "PLN", "CZK", "HUF", "RON", "BGN",
    "CAD", "AUD", "NZD", "SGD", "HKD", "JPY", "CNY", "KRW", "TWD", "THB", "INR", "BRL", "MXN",
    "ZAR", "TRY", "ILS", "AED", "SAR", "UAH", "IDR", "MYR", "PHP", "VND",
];

/// The other codes of currencies that people pay with.
const OTHERS: &[&str] = &[
    "AFN", "ALL", "AMD", "AOA", "ARS", "AWG", "AZN", "BAM", "BBD", "BDT", "BHD", "BIF", "BMD",
    "BND", "BOB", "BSD", "BTN", "BWP", "BYN", "BZD", "CDF", "CLP", "COP", "CRC", "CUP", "CVE",
    "DJF", "DOP", "DZD", "EGP", "ERN", "ETB", "FJD", "FKP", "GEL", "GHS", "GIP", "GMD", "GNF",
    "GTQ", "GYD", "HNL", "HTG", "IQD", "IRR", "JMD", "JOD", "KES", "KGS", "KHR", "KMF", "KPW",
    "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD",
    "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MZN", "NAD", "NGN", "NIO", "NPR", "OMR",
    "PAB", "PEN", "PGK", "PKR", "PYG", "QAR", "RSD", "RUB", "RWF", "SBD", "SCR", "SDG", "SHP",
    "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "TJS", "TMT", "TND", "TOP", "TTD",
    "TZS", "UGX", "UYU", "UZS", "VES", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER",
    "ZMW", "ZWG",
];

/// A currency: `EUR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static str);

/// A text that is no code of a currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}, no code of ISO 4217 such as EUR")]
pub struct UnknownCurrency(String);

/// An amount with the decimals of its currency, and more if it has more: `1200` of JPY, `1.50` of EUR, `0.125` of KWD. With
/// two of a currency that is not known.
#[must_use]
pub fn shown(amount: Money, currency: &str) -> String {
    let least = Currency::parse(currency).map_or(2, Currency::decimals);
    let (units, scale) = (amount.units().unsigned_abs(), 10_u64.pow(DECIMALS));
    let mut decimals = format!("{:04}", units % scale);
    while decimals.ends_with('0') && u32::try_from(decimals.len()).is_ok_and(|len| least < len) {
        decimals.pop();
    }
    let mark = if decimals.is_empty() { "" } else { "." };
    let sign = if amount < Money::ZERO { "-" } else { "" };
    format!("{sign}{}{mark}{decimals}", units / scale)
}

impl Currency {
    /// Reads a code: three capital letters.
    ///
    /// # Errors
    /// ISO 4217 has no such code.
    pub fn parse(text: &str) -> Result<Self, UnknownCurrency> {
        let known = IN_SHOPS.iter().chain(OTHERS).find(|code| **code == text);
        // What is shown of it stays short.
        known.map(|code| Self(code)).ok_or_else(|| UnknownCurrency(text.chars().take(20).collect()))
    }

    /// The code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Decimals of its amounts, by ISO 4217 (table A.1, of 2026).
    #[must_use]
    pub fn decimals(self) -> u32 {
        match self.0 {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl std::str::FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        Self::parse(text)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl JsonSchema for Currency {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[A-Z]{3}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_is_known_or_refused() {
        for code in ["EUR", "JPY", "KWD"] {
            assert_eq!(Currency::parse(code).unwrap().to_string(), code);
        }
        for wrong in ["", "eur", "EURO", "EU", "XYZ", "€", " EUR"] {
            let error = Currency::parse(wrong).unwrap_err().to_string();
            assert_eq!(error, format!("is {wrong:?}, no code of ISO 4217 such as EUR"));
        }
        assert!(serde_json::from_str::<Currency>("\"XYZ\"").is_err());
        assert_eq!(serde_json::to_string(&Currency::parse("EUR").unwrap()).unwrap(), "\"EUR\"");
    }

    #[test]
    fn an_amount_has_the_decimals_of_its_currency() {
        for (amount, currency, expected) in [
            ("1200", "JPY", "1200"),
            ("-0.5", "JPY", "-0.5"),
            ("1.5", "EUR", "1.50"),
            ("0.0025", "EUR", "0.0025"),
            ("-3", "KWD", "-3.000"),
            ("3", "", "3.00"),
        ] {
            assert_eq!(shown(Money::parse(amount).unwrap(), currency), expected);
        }
    }

    #[test]
    fn each_code_is_listed_once() {
        let all: Vec<_> = IN_SHOPS.iter().chain(OTHERS).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(
            all.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()))
        );
    }
}
